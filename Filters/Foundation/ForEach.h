// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Foundation/Monitor.h"

#include <algorithm>
#include <exception>

namespace tdl
{
/** Calls work(i) for i in [0, count) on several threads; the first exception is thrown on. */
template <typename Work>
void ForEach(int count, int threads, const Work& work)
{
  if (threads == 1)
  {
    // No parallel region: inside one, work's own would create their threads anew each time.
    for (int i = 0; i < count; ++i)
    {
      work(i);
    }
    return;
  }
  std::exception_ptr failure;
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (int i = 0; i < count; ++i)
  {
    try
    {
      work(i);
    }
    catch (...)
    {
#pragma omp critical(tdlForEachFailure)
      if (!failure)
      {
        failure = std::current_exception();
      }
    }
  }
  if (failure)
  {
    std::rethrow_exception(failure);
  }
}

/**
 * Calls work(begin, end) for blocks of [0, count) on several threads, and from time to time, on
 * this one, the tick.
 * @param operations Multiplications or the like that one of the count takes.
 */
template <typename Work>
void ForBlocks(
  int count, int block, double operations, int threads, const Tick& tick, const Work& work)
{
  // What a core does in some hundredths of a second, or a slow one in some tenths.
  constexpr double operationsPerTick = 2e9;
  const int blocks = (count + block - 1) / block;
  const int together = static_cast<int>(std::clamp(
    operationsPerTick * threads / std::max(operations * block, 1.0), 1.0 * threads, 1e6));
  for (int first = 0; first < blocks; first += together)
  {
    tick(static_cast<double>(first) / blocks);
    ForEach(std::min(together, blocks - first), threads,
      [&](int i)
      {
        const int begin = (first + i) * block;
        work(begin, std::min(begin + block, count));
      });
  }
}
}
