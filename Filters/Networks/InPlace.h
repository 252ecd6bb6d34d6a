// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/core/Tensor.h>

namespace tdl
{
/**
 * Whether results may take the place of what they are computed from: no gradients are recorded,
 * which need it. Fresh memory for each large result would be a good part of a network's time, as
 * the system clears its pages, and of its memory.
 */
bool OverwritesTemporaries();

/**
 * Each of these takes the memory of its first argument where it can; it has to be a result that the
 * caller has no further use for.
 */
at::Tensor Silu(at::Tensor temporary);
at::Tensor Gelu(at::Tensor temporary);
at::Tensor Relu(at::Tensor temporary);
/** @param temporary of the result's shape. */
at::Tensor Sum(at::Tensor temporary, const at::Tensor& other);
at::Tensor Product(at::Tensor temporary, const at::Tensor& other);
}
