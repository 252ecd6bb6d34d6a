// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <c10/core/ScalarType.h>

namespace c10
{
struct Device;
}

namespace tdl
{
/** Where networks run. */
enum class DeviceKind
{
  Auto, ///< CUDA where there is any, else CPU.
  CPU,
  CUDA
};

/**
 * @param index number of the CUDA device; not used on the CPU.
 * @throws ResourceError when CUDA is asked for and there is none, ParameterError when there is, but
 *         no device `index`.
 */
c10::Device ResolveDevice(DeviceKind kind, int index);

/** The numbers that networks calculate with. */
enum class PrecisionKind
{
  Auto,   ///< Half on CUDA, single on the CPU.
  Single, ///< float32
  Half    ///< float16, for GPUs: LibTorch 1 has no kernels of it for the CPU.
};

/** @throws ParameterError when half precision is asked for on the CPU. */
c10::ScalarType ResolvePrecision(PrecisionKind kind, c10::Device device);
}
