// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/Memory.h"

#include <c10/core/Allocator.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace tdl
{
namespace
{
// Receives every allocation (positive) and release (negative) of LibTorch in this thread.
class Meter : public c10::MemoryReportingInfoBase
{
public:
  bool memoryProfilingEnabled() const override { return true; }

  // LibTorch 1 counts the totals signed, LibTorch 2 unsigned: one of the two overrides.
  // NOLINTBEGIN(modernize-use-override)
  void reportMemoryUsage(void*, std::int64_t size, std::int64_t, std::int64_t, c10::Device device)
  {
    this->Count(size, device);
  }
  void reportMemoryUsage(void*, std::int64_t size, std::size_t, std::size_t, c10::Device device)
  {
    this->Count(size, device);
  }
  // NOLINTEND(modernize-use-override)

  std::int64_t Peak = 0;

private:
  void Count(std::int64_t size, c10::Device device)
  {
    this->Current += device.is_cpu() ? size : 0;
    this->Peak = std::max(this->Peak, this->Current);
  }

  std::int64_t Current = 0;
};
}

void ReleaseFreedMemory()
{
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

std::uint64_t PeakTensorMemory(const std::function<void()>& work)
{
  const auto meter = std::make_shared<Meter>();
  const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, meter);
  work();
  return static_cast<std::uint64_t>(meter->Peak);
}
}
