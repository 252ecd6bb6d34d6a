// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

namespace tdl
{
/**
 * Why LibTorch's matrix products are several times slower than they could be, and the remedy: that
 * it runs on the reference BLAS, 16 times slower than OpenBLAS, or on an OpenBLAS that is older
 * than the processor. Empty where neither is so, or that cannot be told.
 */
std::string BlasFault();
}
