// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Foundation/Error.h"
#include "Readers/Arrays/Formats.h"
#include "Testing/Fuzz/MemoryFile.h"

#include <algorithm>

namespace tdl::fuzz
{
/** Opens a file, and reads all arrays that are small and the last number of all. */
template <typename Open>
void ReadArrays(const std::uint8_t* data, std::size_t size, Open open)
{
  const MemoryFile file(data, size);
  try
  {
    for (const SharedArray& array : open(file.Path()))
    {
      constexpr std::uint64_t little = 1'000'000;
      const std::uint64_t bytes = ArrayBytes(array->Shape, array->Type);
      if (bytes == 0 || array->GetMemory() > little)
      {
        continue;
      }
      if (bytes < little)
      {
        array->ReadAll();
      }
      std::vector<ArrayRange> box;
      for (const std::uint64_t extent : array->Shape)
      {
        box.push_back({ extent - 1, 1 });
      }
      std::byte number[8];
      array->Read(box, number);
    }
  }
  catch (const FileError&)
  {
  }
}
}
