# Finds LibTorch and offers it as the target TDL::Torch.
#
# LibTorch's package file changes CMAKE_CXX_FLAGS, CMAKE_CUDA_* and more of whoever calls it. Inside a
# function these changes end with the call; only the imported targets remain. TORCH_LIBRARIES is left
# alone: where two LibTorch stand on a machine, it mixes libraries of both.
function (tdl_find_torch)
  find_package(Torch REQUIRED)
  # The standard that LibTorch's headers need (14 in 1.13, 20 in 2.14) stands in a property that
  # nobody inherits; as a compile feature it reaches whatever links TDL::Torch.
  get_target_property(standard torch CXX_STANDARD)
  if (standard)
    target_compile_features(torch INTERFACE "cxx_std_${standard}")
  endif ()
  # PyTorch's LibTorch exports parts of the C++ library it was built with. A program that finds
  # std::filesystem there, and not in the C++ library it runs with, crashes: that comes first.
  if (CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_link_options(torch INTERFACE -lstdc++)
  endif ()
  add_library(TDL::Torch ALIAS torch)
endfunction ()

tdl_find_torch()
