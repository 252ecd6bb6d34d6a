// SPDX-License-Identifier: BSD-3-Clause
#pragma once

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
}
