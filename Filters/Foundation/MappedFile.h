// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <string>

namespace tdl
{
/** A mapping of a whole file into memory: its bytes are read only when they are used. */
class MappedFile
{
public:
  /** What may be done to the bytes in memory; nothing reaches the file. */
  enum class Access
  {
    Read,
    Write // as LibTorch has no read-only tensors
  };

  /** @throws FileError naming the file when it cannot be opened, is no regular file or not mapped.
   */
  MappedFile(const std::string& path, Access access);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  /** Null where the file is empty. */
  unsigned char* Data = nullptr;
  std::size_t Size = 0;
};
}
