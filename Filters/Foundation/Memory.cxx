// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Memory.h"

#include "Filters/Foundation/Error.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <limits>

namespace tdl
{
namespace
{
constexpr std::uint64_t Unlimited = std::numeric_limits<std::uint64_t>::max();

// The number behind `key` in a file of lines "key number ..."; `fallback` without file or key.
std::uint64_t NumberAfter(const std::string& path, const std::string& key, std::uint64_t fallback)
{
  std::ifstream stream(path);
  std::string word;
  while (stream >> word)
  {
    std::uint64_t number = 0;
    if (word == key && stream >> number)
    {
      return number;
    }
  }
  return fallback;
}

// The number a file holds; `fallback` where there is no file, or "max" in it.
std::uint64_t NumberIn(const std::string& path, std::uint64_t fallback)
{
  std::uint64_t number = 0;
  return std::ifstream(path) >> number ? number : fallback;
}

// What one control group leaves. Cached file pages count as used, but give way when asked.
std::uint64_t GroupLeaves(
  const std::string& group, const char* limitFile, const char* usageFile, const char* cache)
{
  const std::uint64_t limit = NumberIn(group + limitFile, Unlimited);
  const std::uint64_t usage = NumberIn(group + usageFile, 0);
  const std::uint64_t reclaimable = std::min(usage, NumberAfter(group + "/memory.stat", cache, 0));
  return limit - std::min(limit, usage - reclaimable);
}

// The least that this process's group and the groups around it leave.
std::uint64_t ControlGroupsLeave()
{
  std::uint64_t least = Unlimited;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);)
  {
    const bool unified = line.rfind("0::", 0) == 0;
    if (!unified && line.find(":memory:") == std::string::npos)
    {
      continue;
    }
    const std::string root = unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    // Inside a container the path may be that of the outside; the loop ends at the root in any
    // case.
    for (std::string path = line.substr(line.find(":/") + 1);;
         path.erase(std::min(path.size(), path.rfind('/'))))
    {
      least = std::min(least,
        unified ? GroupLeaves(root + path, "/memory.max", "/memory.current", "inactive_file")
                : GroupLeaves(root + path, "/memory.limit_in_bytes", "/memory.usage_in_bytes",
                    "total_inactive_file"));
      if (path.empty())
      {
        break;
      }
    }
  }
  return least;
}
}

std::uint64_t AvailableMemory()
{
  const std::uint64_t machine = NumberAfter("/proc/meminfo", "MemAvailable:", Unlimited / 1024);
  return std::min(machine * 1024, ControlGroupsLeave());
}

void RequireMemory(const std::string& what, std::uint64_t bytes, const std::string& remedy)
{
  const std::uint64_t available = AvailableMemory();
  if (bytes > available)
  {
    throw ResourceError(what + " " + FormatBytes(bytes) + " of memory, but " +
      FormatBytes(available) + " are free; " + remedy + ".");
  }
}

std::string FormatBytes(std::uint64_t bytes)
{
  char text[32];
  const double megabytes = static_cast<double>(bytes) / 1e6;
  std::snprintf(text, sizeof(text), megabytes < 1000 ? "%.1f MB" : "%.2f GB",
    megabytes < 1000 ? megabytes : megabytes / 1000);
  return text;
}
}
