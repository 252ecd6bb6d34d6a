// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <c10/core/InferenceMode.h>

namespace tdl
{
/**
 * While it lives, LibTorch runs networks in this thread without recording gradients, on a given
 * number of threads. The host's number of threads comes back afterwards: LibTorch and OpenMP share
 * one setting per process, and the host may use either.
 */
class InferenceScope
{
public:
  /** @param threads as ResolveThreads understands it. @throws ParameterError when negative. */
  explicit InferenceScope(int threads);
  ~InferenceScope();

  InferenceScope(const InferenceScope&) = delete;
  InferenceScope& operator=(const InferenceScope&) = delete;

private:
  int HostThreads;
  c10::InferenceMode Mode;
};
}
