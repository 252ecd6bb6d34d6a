// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/Attention.h"

#include <ATen/ATen.h>
#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace tdl
{
#if TORCH_VERSION_MAJOR >= 2

at::Tensor Attend(
  const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, bool causal)
{
  return at::scaled_dot_product_attention(query, key, value, {}, /*dropout_p=*/0.0, causal);
}

#else

namespace
{
/** Scores held at once; 64 MiB in float32, enough for matrix products at full speed. */
constexpr std::int64_t ScoreLimit = std::int64_t(1) << 24;

/** Attention of the queries whose first one is at position `first` of the sequence. */
at::Tensor AttendPiece(const at::Tensor& scaledQuery, const at::Tensor& key,
  const at::Tensor& value, bool causal, std::int64_t first)
{
  at::Tensor scores = at::matmul(scaledQuery, key.transpose(2, 3));
  if (causal)
  {
    const at::Tensor hidden =
      at::ones({ scores.size(2), scores.size(3) }, scores.options().dtype(at::kBool))
        .triu(first + 1);
    scores.masked_fill_(hidden, -std::numeric_limits<double>::infinity());
  }
  return at::matmul(scores.softmax(-1), value);
}
}

at::Tensor Attend(
  const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, bool causal)
{
  const std::int64_t images = query.size(0);
  const std::int64_t queries = query.size(2);
  const at::Tensor scaled = query / std::sqrt(static_cast<double>(query.size(3)));

  // The length of a piece does not depend on the batch: an image's result does not either.
  const std::int64_t rowScores = std::max<std::int64_t>(query.size(1) * key.size(2), 1);
  const std::int64_t rows =
    std::clamp<std::int64_t>(ScoreLimit / rowScores, 1, std::max<std::int64_t>(queries, 1));
  const std::int64_t batch = std::max<std::int64_t>(ScoreLimit / (rowScores * rows), 1);
  if (rows >= queries && batch >= images)
  {
    return AttendPiece(scaled, key, value, causal, 0);
  }

  std::vector<at::Tensor> results;
  for (std::int64_t image = 0; image < images; image += batch)
  {
    const auto ofImages = [&](const at::Tensor& all) { return all.slice(0, image, image + batch); };
    std::vector<at::Tensor> pieces;
    for (std::int64_t first = 0; first < queries; first += rows)
    {
      pieces.push_back(AttendPiece(ofImages(scaled).slice(2, first, first + rows), ofImages(key),
        ofImages(value), causal, first));
    }
    results.push_back(at::cat(pieces, 2));
  }
  return at::cat(results, 0);
}

#endif
}
