// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/InPlace.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

namespace tdl
{
namespace
{
/** Whether the sum or product of the two is of the first one's type: it is of the more precise. */
bool TakesResult(const at::Tensor& temporary, const at::Tensor& other)
{
  return OverwritesTemporaries() && temporary.scalar_type() == other.scalar_type();
}
}

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
  return TakesResult(temporary, other) ? temporary.add_(other) : temporary + other;
}

at::Tensor Product(at::Tensor temporary, const at::Tensor& other)
{
  return TakesResult(temporary, other) ? temporary.mul_(other) : temporary * other;
}
}
