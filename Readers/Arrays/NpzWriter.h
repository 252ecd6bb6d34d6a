// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Foundation/NumberType.h"

#include <cstdint>
#include <string>
#include <vector>

namespace tdl
{
/** Arrays that become a .npz file of NumPy. */
class NpzWriter
{
public:
  /** Adds an array of numbers in the machine's byte order, the last dimension varying fastest. */
  void AddNumbers(const std::string& name, NumberType type, const std::vector<std::uint64_t>& shape,
    const void* numbers);

  /** Adds texts as bytes, which numpy.char.decode(..., "utf-8") turns into texts. */
  void AddTexts(const std::string& name, const std::vector<std::string>& texts);

  /**
   * Writes the file, compressed; an existing one is replaced only by a complete one.
   * @throws FileError when it cannot be written.
   */
  void Write(const std::string& path) const;

private:
  void Add(const std::string& name, const std::string& type,
    const std::vector<std::uint64_t>& shape, const std::string& bytes);

  struct Entry
  {
    std::string Name;
    std::string Bytes;
  };
  std::vector<Entry> Entries;
};
}
