// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/DeviceCopies.h"

#include <ATen/ATen.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace tdl
{
at::Tensor ToDevice(const at::Tensor& values, at::Device device)
{
  // Only from pinned memory a device copies by itself.
  return device.is_cpu() ? values : values.pin_memory().to(device, /*non_blocking=*/true);
}

HostCopies::HostCopies(at::Device device)
{
  if (!device.is_cpu())
  {
    this->Copying = c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device);
  }
}

at::Tensor HostCopies::Start(const at::Tensor& source)
{
  if (!this->Copying)
  {
    return source;
  }
  this->Follow();
  const c10::StreamGuard guard(*this->Copying);
  at::Tensor target =
    at::empty(source.sizes(), at::TensorOptions().dtype(source.dtype()).pinned_memory(true));
  target.copy_(source, /*non_blocking=*/true);
  this->Sources.push_back(source);
  return target;
}

void HostCopies::Follow()
{
  if (this->Copying)
  {
    const c10::impl::VirtualGuardImpl implementation(this->Copying->device_type());
    c10::Event reached(this->Copying->device_type());
    reached.record(implementation.getStream(this->Copying->device()));
    reached.block(*this->Copying);
  }
}

void HostCopies::Wait()
{
  if (this->Copying)
  {
    this->Copying->synchronize();
    this->Sources.clear();
  }
}
}
