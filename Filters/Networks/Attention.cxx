// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/Attention.h"

#include "Filters/Networks/InPlace.h"

#include <ATen/ATen.h>
#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

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
/** Scores held at once; 16 MiB in float32, enough for matrix products at full speed. */
constexpr std::int64_t ScoreLimit = std::int64_t(1) << 22;
/** As many images are taken together as have so many scores: 2 MiB, which a core's cache holds. */
constexpr std::int64_t TogetherLimit = std::int64_t(1) << 19;

/** Attention of the queries whose first one is at position `first` of the sequence. */
at::Tensor AttendPiece(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
  bool causal, std::int64_t first)
{
  const at::Tensor scaled = query / std::sqrt(static_cast<double>(query.size(3)));
  at::Tensor scores = at::matmul(scaled, key.transpose(2, 3));
  if (causal)
  {
    const at::Tensor hidden =
      at::ones({ scores.size(2), scores.size(3) }, scores.options().dtype(at::kBool))
        .triu(first + 1);
    scores.masked_fill_(hidden, -std::numeric_limits<double>::infinity());
  }
  if (OverwritesTemporaries())
  {
    at::softmax_out(scores, scores, -1);
    return at::matmul(scores, value);
  }
  return at::matmul(scores.softmax(-1), value);
}
}

at::Tensor Attend(
  const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, bool causal)
{
  if (!OverwritesTemporaries())
  {
    return AttendPiece(query, key, value, causal, 0); // gradients take all scores anyway
  }
  const std::int64_t images = query.size(0);
  const std::int64_t heads = query.size(1);
  const std::int64_t queries = query.size(2);
  // The length of a piece does not depend on the batch: an image's result does not either.
  const std::int64_t rowScores = std::max<std::int64_t>(heads * key.size(2), 1);
  const std::int64_t rows =
    std::clamp<std::int64_t>(ScoreLimit / rowScores, 1, std::max<std::int64_t>(queries, 1));
  const std::int64_t batch = std::max<std::int64_t>(TogetherLimit / (rowScores * rows), 1);
  // The heads of a token stand together, as what comes behind attention takes them.
  at::Tensor result =
    at::empty({ images, queries, heads, value.size(3) }, value.options()).transpose(1, 2);
  for (std::int64_t image = 0; image < images; image += batch)
  {
    const auto ofImages = [&](const at::Tensor& all) { return all.slice(0, image, image + batch); };
    for (std::int64_t first = 0; first < queries; first += rows)
    {
      const auto ofQueries = [&](const at::Tensor& all)
      { return ofImages(all).slice(2, first, first + rows); };
      ofQueries(result).copy_(
        AttendPiece(ofQueries(query), ofImages(key), ofImages(value), causal, first));
    }
  }
  return result;
}

#endif
}
