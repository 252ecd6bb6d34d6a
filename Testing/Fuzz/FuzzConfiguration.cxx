// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Configuration.h"
#include "Filters/Foundation/Error.h"
#include "Testing/Fuzz/MemoryFile.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
  const tdl::fuzz::MemoryFile file(data, size);
  try
  {
    const tdl::Configuration configuration(file.Path());
    configuration.GetCounts("block_out_channels", 1, 4);
    configuration.GetPart("x").GetPositive("beta_end", 1.0);
    configuration.Get("beta_start", 0.0);
    configuration.Require("act_fn", std::string("silu"));
  }
  catch (const tdl::FileError&)
  {
  }
  return 0;
}
