# Finds LibTorch and offers it as the target TDL::Torch.
#
# LibTorch's package file changes CMAKE_CXX_FLAGS, CMAKE_CUDA_* and more of whoever calls it. Inside a
# function these changes end with the call; only the imported targets remain. TORCH_LIBRARIES is left
# alone: where two LibTorch stand on a machine, it mixes libraries of both.
function (tdl_find_torch)
  find_package(Torch REQUIRED)
  add_library(TDL::Torch ALIAS torch)
endfunction ()

tdl_find_torch()
