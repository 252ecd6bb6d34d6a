// SPDX-License-Identifier: BSD-3-Clause
#pragma once

/**
 * Before the definition of a function of simple loops: compiles it for several vector units, of
 * which the best that the processor has is called. Without it, a build for distribution has to make
 * do with the vectors of 2003.
 */
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) &&       \
  !defined(__SANITIZE_ADDRESS__)
#define TDL_SIMD_VERSIONS // functions of one name for several processors are understood
#define TDL_SIMD_CLONES                                                                            \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define TDL_SIMD_CLONES
#endif
