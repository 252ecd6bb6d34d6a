// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/AtomicFile.h"

#include "Filters/Foundation/Error.h"

#include <filesystem>
#include <fstream>
#include <system_error>

#include <unistd.h>

namespace tdl
{
namespace
{
/** Removes the temporary file unless it was renamed. */
struct TemporaryFile
{
  std::filesystem::path Path;
  ~TemporaryFile()
  {
    std::error_code ignored;
    std::filesystem::remove(this->Path, ignored);
  }
};
}

void WriteFileAtomically(const std::string& path, const std::function<void(std::ostream&)>& write)
{
  const TemporaryFile temporary{ path + ".part" + std::to_string(::getpid()) };
  {
    std::ofstream stream(temporary.Path, std::ios::binary | std::ios::trunc);
    if (!stream)
    {
      throw FileError(
        "Cannot write '" + path + "'; check that its folder exists and that you may write there.");
    }
    write(stream);
    stream.flush();
    if (!stream)
    {
      throw FileError("Writing '" + path + "' failed part way; check the free space of its disk.");
    }
  }
  std::error_code error;
  std::filesystem::rename(temporary.Path, path, error);
  if (error)
  {
    throw FileError("Cannot replace '" + path + "': " + error.message() + ".");
  }
}
}
