// SPDX-License-Identifier: BSD-3-Clause
#pragma once

namespace tdl
{
/**
 * Whether LibTorch's matrix products run on the reference BLAS, which is 16 times slower than
 * OpenBLAS. False where that cannot be told.
 */
bool UsesReferenceBlas();
}
