# Finds LibTorch and offers it as the target TDL::Torch.
#
# LibTorch's package file changes CMAKE_CXX_FLAGS, CMAKE_CUDA_* and more of whoever calls it. Inside a
# function these changes end with the call; only the imported targets remain.
function (tdl_find_torch)
  find_package(Torch REQUIRED)
  add_library(tdlTorch INTERFACE)
  add_library(TDL::Torch ALIAS tdlTorch)
  # The package's list holds what the target `torch` alone does not bring (c10, the CUDA libraries).
  target_link_libraries(tdlTorch INTERFACE ${TORCH_LIBRARIES})
  target_precompile_headers(tdlTorch INTERFACE <torch/torch.h>)
endfunction ()

tdl_find_torch()
