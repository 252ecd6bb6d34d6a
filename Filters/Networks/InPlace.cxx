// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/InPlace.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

namespace tdl
{
bool OverwritesTemporaries()
{
  return !c10::GradMode::is_enabled();
}

at::Tensor Silu(at::Tensor temporary)
{
  return OverwritesTemporaries() ? at::silu_(temporary) : at::silu(temporary);
}

at::Tensor Gelu(at::Tensor temporary)
{
  return OverwritesTemporaries() ? at::gelu_(temporary) : at::gelu(temporary);
}

at::Tensor Relu(at::Tensor temporary)
{
  return OverwritesTemporaries() ? at::relu_(temporary) : at::relu(temporary);
}

at::Tensor Sum(at::Tensor temporary, const at::Tensor& other)
{
  // The sum of two types is of the more precise one.
  return OverwritesTemporaries() && temporary.scalar_type() == other.scalar_type()
    ? temporary.add_(other)
    : temporary + other;
}
}
