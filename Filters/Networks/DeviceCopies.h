// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Stream.h>

#include <optional>
#include <vector>

namespace tdl
{
/** Brings values of the CPU to a device, which goes on with its work meanwhile. */
at::Tensor ToDevice(const at::Tensor& values, at::Device device);

/**
 * Copies results to the CPU while their device goes on with what follows. Results of the CPU are
 * handed through.
 */
class HostCopies
{
public:
  explicit HostCopies(at::Device device);

  /** @return what holds the values of `source` as soon as Wait has returned. */
  at::Tensor Start(const at::Tensor& source);

  /** Wait is to wait for all that the device was given so far, too. */
  void Follow();

  /** Waits for the copies that were started. */
  void Wait();

private:
  std::optional<c10::Stream> Copying; ///< None on the CPU.
  std::vector<at::Tensor> Sources;    ///< Whose memory is not free until they are copied.
};
}
