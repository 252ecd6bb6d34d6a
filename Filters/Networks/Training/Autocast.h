// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/autocast_mode.h>
#include <torch/version.h>

namespace tdl
{
/** While it lives, this thread multiplies matrices and convolves in bfloat16 on `device`. */
class Autocast
{
public:
  Autocast(at::DeviceType device, bool enabled)
    : Device(device)
    , Enabled(enabled)
  {
    this->Set(enabled);
  }
  ~Autocast()
  {
    if (this->Enabled)
    {
      at::autocast::clear_cache();
      this->Set(false);
    }
  }
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

private:
  void Set(bool on) const
  {
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
    at::autocast::set_autocast_enabled(this->Device, on);
    at::autocast::set_autocast_dtype(this->Device, at::kBFloat16);
#else
    if (this->Device == at::kCPU)
    {
      at::autocast::set_cpu_enabled(on);
      at::autocast::set_autocast_cpu_dtype(at::kBFloat16);
    }
    else
    {
      at::autocast::set_enabled(on);
      at::autocast::set_autocast_gpu_dtype(at::kBFloat16);
    }
#endif
  }

  at::DeviceType Device;
  bool Enabled;
};
}
