// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Threads.h"

#include "Filters/Foundation/Error.h"

#include <omp.h>

#include <string>

namespace tdl
{
int ResolveThreads(int requested)
{
  if (requested < 0)
  {
    throw ParameterError("Threads is " + std::to_string(requested) +
      "; set it to 0 (all cores) or to a positive number.");
  }
  return requested > 0 ? requested : omp_get_num_procs();
}
}
