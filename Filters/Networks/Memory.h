// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <functional>

namespace tdl
{
/** The most bytes that LibTorch's CPU tensors, made in this thread, took at once during `work`. */
std::uint64_t PeakTensorMemory(const std::function<void()>& work);
}
