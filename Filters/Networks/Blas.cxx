// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/Blas.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>

namespace tdl
{
namespace
{
/** The variable that says which kernels OpenBLAS takes. */
constexpr const char* CoreType = "OPENBLAS_CORETYPE";

/**
 * What OPENBLAS_CORETYPE should be where OpenBLAS does not know the processor; null where it is
 * fine.
 * @param library a handle of OpenBLAS or of what is linked to it.
 */
const char* MissedKernels(void* library)
{
#if defined(__x86_64__)
  const auto coreName =
    reinterpret_cast<const char* (*)()>(dlsym(library, "openblas_get_corename"));
  if (coreName == nullptr || std::strcmp(coreName(), "Prescott") != 0 ||
    !__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
  {
    return nullptr;
  }
  return __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw")
    ? "SkylakeX"
    : "Haswell";
#else
  (void)library;
  return nullptr;
#endif
}

/** Makes OpenBLAS choose its kernels again, as when it is loaded; false where it cannot. */
bool ChooseKernels(void* library, const char* name)
{
  using Function = void (*)();
  const auto quit = reinterpret_cast<Function>(dlsym(library, "gotoblas_dynamic_quit"));
  const auto init = reinterpret_cast<Function>(dlsym(library, "gotoblas_dynamic_init"));
  if (quit == nullptr || init == nullptr)
  {
    return false;
  }
  setenv(CoreType, name, 1);
  quit();
  init();
  unsetenv(CoreType);
  return true;
}
}

std::string PrepareBlas()
{
  void* const product = dlsym(RTLD_DEFAULT, "sgemm_");
  Dl_info library;
  if (product == nullptr || dladdr(product, &library) == 0 ||
    std::strstr(library.dli_fname, "libtorch_cpu") != nullptr)
  {
    return {}; // linked statically, as in the LibTorch of pytorch.org
  }
  // Debian's alternatives all call themselves libblas.so.3; what a vendor adds to the standard's
  // routines, in the library or in one it loads, tells them apart.
  void* const handle = dlopen(library.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
  if (handle == nullptr)
  {
    return {};
  }
  constexpr const char* vendors[] = { "openblas_get_config", "MKL_Get_Version",
    "bli_info_get_version_str", "ATL_buildinfo", "flexiblas_get_version" };
  const bool optimized = std::any_of(std::begin(vendors), std::end(vendors),
    [handle](const char* name) { return dlsym(handle, name) != nullptr; });
  const char* const missed = std::getenv(CoreType) ? nullptr : MissedKernels(handle);
  const bool isMended = missed != nullptr && ChooseKernels(handle, missed);
  dlclose(handle);
  if (!optimized)
  {
    return "LibTorch runs on the reference BLAS, many times slower than OpenBLAS; install "
           "libopenblas0-openmp.";
  }
  if (missed != nullptr && !isMended)
  {
    return std::string(
             "OpenBLAS is older than the processor and several times slower than it could "
             "be; start the program with the environment variable ") +
      CoreType + " set to " + missed + ", or install a newer OpenBLAS.";
  }
  return {};
}
}
