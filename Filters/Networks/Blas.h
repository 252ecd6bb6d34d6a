// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

namespace tdl
{
/**
 * Sees to it that LibTorch's matrix products are fast, once, before the first of them. An OpenBLAS
 * that is older than the processor falls back on kernels of 2004, as 0.3.21, of Debian 12, does on
 * Xeons of the fifth generation: it is made to take the best that it has, unless
 * OPENBLAS_CORETYPE says which.
 * @return Why they are several times slower than they could be, and the remedy: the reference BLAS
 * is 16 times slower than OpenBLAS. Empty where they are fast, or that cannot be told.
 */
std::string PrepareBlas();
}
