// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/InferenceScope.h"

#include "Filters/Foundation/Threads.h"
#include "Filters/Networks/Memory.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>

namespace tdl
{
InferenceScope::InferenceScope(int threads)
  : HostThreads(at::get_num_threads())
  , HostRoundsConvolutions(at::globalContext().allowTF32CuDNN())
{
  at::set_num_threads(ResolveThreads(threads));
  at::globalContext().setAllowTF32CuDNN(false);
}

InferenceScope::~InferenceScope()
{
  at::globalContext().setAllowTF32CuDNN(this->HostRoundsConvolutions);
  at::set_num_threads(this->HostThreads);
  ReleaseFreedMemory();
}
}
