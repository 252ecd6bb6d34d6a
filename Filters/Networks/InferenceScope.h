// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <c10/core/InferenceMode.h>

namespace tdl
{
/**
 * While it lives, LibTorch runs networks in this thread without recording gradients, on a given
 * number of threads, and single precision on a GPU is float32 throughout: unasked, LibTorch rounds
 * what it convolves to the 10 bits that half precision has, too. The host's settings, of which
 * there is one per process, come back afterwards.
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
  int HostThreads; ///< OpenMP's, too.
  bool HostRoundsConvolutions;
  c10::InferenceMode Mode;
};
}
