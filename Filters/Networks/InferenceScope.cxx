// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/InferenceScope.h"

#include "Filters/Foundation/Threads.h"

#include <ATen/Parallel.h>

namespace tdl
{
InferenceScope::InferenceScope(int threads)
  : HostThreads(at::get_num_threads())
{
  at::set_num_threads(ResolveThreads(threads));
}

InferenceScope::~InferenceScope()
{
  at::set_num_threads(this->HostThreads);
}
}
