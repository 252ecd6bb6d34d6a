// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/BlasCheck.h"

#include <dlfcn.h>

#include <algorithm>
#include <iterator>

namespace tdl
{
bool UsesReferenceBlas()
{
  void* const product = dlsym(RTLD_DEFAULT, "sgemm_");
  Dl_info library;
  if (product == nullptr || dladdr(product, &library) == 0)
  {
    return false; // linked statically, as in the LibTorch of pytorch.org
  }
  // Debian's alternatives all call themselves libblas.so.3; what a vendor adds to the standard's
  // routines, in the library or in one it loads, tells them apart.
  void* const handle = dlopen(library.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
  if (handle == nullptr)
  {
    return false;
  }
  constexpr const char* vendors[] = { "openblas_get_config", "MKL_Get_Version",
    "bli_info_get_version_str", "ATL_buildinfo", "flexiblas_get_version" };
  const bool optimized = std::any_of(std::begin(vendors), std::end(vendors),
    [handle](const char* name) { return dlsym(handle, name) != nullptr; });
  dlclose(handle);
  return !optimized;
}
}
