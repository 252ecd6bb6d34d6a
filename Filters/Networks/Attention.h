// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/core/Tensor.h>

namespace tdl
{
/**
 * Scaled dot-product attention (Vaswani et al. 2017, section 3.2.1): softmax(Q K^T / sqrt(width)) V
 * per head, in memory that grows linearly with the sequence length: by LibTorch 2's own attention,
 * with LibTorch 1, which has none, the queries are taken in pieces.
 * @param query (B, heads, queries, width)
 * @param key (B, heads, keys, width)
 * @param value (B, heads, keys, value width)
 * @param causal whether query i sees no key behind position i.
 * @return (B, heads, queries, value width)
 */
at::Tensor Attend(
  const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, bool causal = false);
}
