// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/PromptFile.h"
#include "Filters/Foundation/Error.h"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
  try
  {
    tdl::ParsePrompts({ reinterpret_cast<const char*>(data), size }, "fuzz");
  }
  catch (const tdl::FileError&)
  {
  }
  return 0;
}
