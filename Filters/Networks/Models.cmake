# The default models stand at ../share/tree-of-diffusion-life/models seen from the libraries, in the
# build tree as in the install tree.
if (POLICY CMP0205)
  cmake_policy(SET CMP0205 NEW) # where links are forbidden, all that is in the folder is copied
endif ()
set(source "${PROJECT_SOURCE_DIR}/Filters/Networks/Models")
set(destination "${CMAKE_INSTALL_DATADIR}/tree-of-diffusion-life")
file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/${destination}")
file(CREATE_LINK "${source}" "${PROJECT_BINARY_DIR}/${destination}/models" COPY_ON_ERROR SYMBOLIC)
install(DIRECTORY "${source}/" DESTINATION "${destination}/models" OPTIONAL)
