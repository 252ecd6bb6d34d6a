// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/DefaultModel.h"

#include <dlfcn.h>

#include <filesystem>

namespace tdl
{
std::string DefaultModelFolder(const std::string& name)
{
  // This code is linked into each library that uses it, so its own address tells the library.
  Dl_info library{};
  dladdr(reinterpret_cast<const void*>(&DefaultModelFolder), &library);
  const auto folder = std::filesystem::weakly_canonical(library.dli_fname).parent_path();
  return (folder.parent_path() / "share/tree-of-diffusion-life/models" / name).string();
}
}
