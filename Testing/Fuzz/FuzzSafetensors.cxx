// SPDX-License-Identifier: BSD-3-Clause
#include "Testing/Fuzz/ReadArrays.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
  tdl::fuzz::ReadArrays(data, size, tdl::OpenSafetensors);
  return 0;
}
