// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Readers/RecordedRun/Core/NamePattern.h"

#include <cstddef>
#include <cstdint>
#include <sstream>

// The first line is a pattern, or empty; the others are paths.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
  std::istringstream stream(std::string(reinterpret_cast<const char*>(data), size));
  std::string pattern;
  std::getline(stream, pattern);
  std::vector<std::string> paths;
  for (std::string path; std::getline(stream, path);)
  {
    paths.push_back(path);
  }
  if (paths.empty())
  {
    return 0;
  }
  try
  {
    tdl::DescribeImages(paths, pattern, "fuzz");
  }
  catch (const tdl::Error&)
  {
  }
  return 0;
}
