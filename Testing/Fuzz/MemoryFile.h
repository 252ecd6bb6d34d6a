// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

namespace tdl::fuzz
{
/** A file that lies in memory and has a path, for parsers that open files. */
class MemoryFile
{
public:
  MemoryFile(const std::uint8_t* data, std::size_t size)
    : Descriptor(::memfd_create("fuzz", 0))
  {
    if (this->Descriptor < 0 || ::write(this->Descriptor, data, size) != static_cast<ssize_t>(size))
    {
      std::abort();
    }
  }
  ~MemoryFile() { ::close(this->Descriptor); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string Path() const { return "/proc/self/fd/" + std::to_string(this->Descriptor); }

private:
  int Descriptor;
};
}
