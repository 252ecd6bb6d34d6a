// SPDX-License-Identifier: BSD-3-Clause
#pragma once

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
}
