// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/MappedFile.h"

#include "Filters/Foundation/Error.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tdl
{
MappedFile::MappedFile(const std::string& path, Access access)
{
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
  {
    throw FileError("Cannot open '" + path + "': " + std::strerror(errno) +
      "; check the path and its permissions.");
  }
  struct stat status = {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))
  {
    ::close(descriptor);
    throw FileError("'" + path + "' is not a regular file; choose a file.");
  }
  this->Size = static_cast<std::size_t>(status.st_size);
  if (this->Size > 0)
  {
    // What is only read may be larger than memory: no room is set aside for copies of it.
    const int protection = access == Access::Read ? PROT_READ : PROT_READ | PROT_WRITE;
    void* address = ::mmap(nullptr, this->Size, protection, MAP_PRIVATE, descriptor, 0);
    this->Data = address == MAP_FAILED ? nullptr : static_cast<unsigned char*>(address);
  }
  ::close(descriptor);
  if (this->Size > 0 && this->Data == nullptr)
  {
    throw FileError("Cannot map '" + path + "' into memory: " + std::strerror(errno) + ".");
  }
}

MappedFile::~MappedFile()
{
  if (this->Data != nullptr)
  {
    ::munmap(this->Data, this->Size);
  }
}
}
