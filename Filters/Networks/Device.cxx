// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/Device.h"

#include "Filters/Foundation/Error.h"

#include <c10/core/Device.h>
#include <torch/cuda.h>

#include <string>

namespace tdl
{
c10::Device ResolveDevice(DeviceKind kind, int index)
{
  const int count = static_cast<int>(torch::cuda::device_count());
  if (kind == DeviceKind::CPU || (kind == DeviceKind::Auto && count == 0))
  {
    return c10::kCPU;
  }
  if (count == 0)
  {
    throw ResourceError(
      "Device is CUDA, but LibTorch finds no CUDA device; set it to Auto or CPU.");
  }
  if (index < 0 || index >= count)
  {
    throw ParameterError("Device Index is " + std::to_string(index) + "; choose 0 to " +
      std::to_string(count - 1) + ".");
  }
  return { c10::kCUDA, static_cast<c10::DeviceIndex>(index) };
}

c10::ScalarType ResolvePrecision(PrecisionKind kind, c10::Device device)
{
  if (kind == PrecisionKind::Half && device.is_cpu())
  {
    throw ParameterError("Precision is Half, but the model runs on the CPU; set Precision to Auto "
                         "or Single, or Device to CUDA.");
  }
  const bool half =
    kind == PrecisionKind::Half || (kind == PrecisionKind::Auto && device.is_cuda());
  return half ? c10::kHalf : c10::kFloat;
}
}
