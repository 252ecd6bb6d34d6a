// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace tdl
{
/**
 * An empty folder of one's own that goes with the object. Tests run side by side, so none of them
 * may write where another does.
 */
class TemporaryFolder
{
public:
  /** The folder's name begins with \p name: spaces and letters outside of ASCII find what can't
   * take them. */
  explicit TemporaryFolder(const std::string& name = "tdl")
  {
    std::string pattern = (std::filesystem::temp_directory_path() / (name + "-XXXXXX")).string();
    if (::mkdtemp(pattern.data()) == nullptr)
    {
      throw std::runtime_error("cannot make a temporary folder");
    }
    this->Path = pattern;
  }
  ~TemporaryFolder()
  {
    std::error_code ignored;
    std::filesystem::remove_all(this->Path, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::filesystem::path Path;
};
}
