# Uses ccache and the mold linker where they are installed and nothing else was asked for.
find_program(TDL_CCACHE ccache)
find_program(TDL_MOLD mold)
mark_as_advanced(TDL_CCACHE TDL_MOLD)

if (TDL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${TDL_CCACHE}")
endif ()
if (TDL_MOLD AND CMAKE_SYSTEM_NAME STREQUAL "Linux")
  add_link_options(-fuse-ld=mold)
endif ()
