// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>

namespace tdl
{
/**
 * Hands memory that was freed back to the system, as far as the C library can: it keeps what
 * networks took, beside a host that may need it.
 */
void ReleaseFreedMemory();

/** The most bytes that LibTorch's CPU tensors, made in this thread, took at once during `work`. */
std::uint64_t PeakTensorMemory(const std::function<void()>& work);
}
