// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Readers/RecordedRun/Core/ImageFile.h"
#include "Testing/Fuzz/MemoryFile.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
  const tdl::fuzz::MemoryFile file(data, size);
  try
  {
    const tdl::EncodedImage image = tdl::OpenImage(file.Path());
    constexpr std::size_t little = 100'000;
    if (image.Size.GetNumberOfBytes() < little)
    {
      std::vector<std::uint8_t> pixels(image.Size.GetNumberOfBytes());
      tdl::DecodeImage(image, pixels.data());
    }
  }
  catch (const tdl::FileError&)
  {
  }
  return 0;
}
