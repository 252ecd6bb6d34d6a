// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/FeatureEncoder/Core/GramFeatures.h"

#include <ATen/ATen.h>

#include <cmath>
#include <random>

namespace tdl
{
namespace
{
/** (channels, MaximumGramChannels); the bits of a generator whose numbers the standard fixes. */
at::Tensor Projection(std::int64_t channels)
{
  constexpr int bits = 32;
  std::mt19937 generator; // NOLINT(cert-msc51-cpp): the same directions each time
  at::Tensor directions = at::empty({ channels, MaximumGramChannels }, at::kFloat);
  const float length = 1.0F / std::sqrt(static_cast<float>(MaximumGramChannels));
  auto* values = directions.data_ptr<float>();
  for (std::int64_t i = 0; i < directions.numel(); i += bits)
  {
    const std::uint_fast32_t signs = generator();
    for (int bit = 0; bit < bits; ++bit)
    {
      values[i + bit] = (signs >> bit & 1U) != 0 ? length : -length;
    }
  }
  return directions;
}
}

at::Tensor GramFeatures(const at::Tensor& patches)
{
  at::Tensor vectors = patches;
  if (vectors.size(2) > MaximumGramChannels)
  {
    vectors = at::matmul(vectors, Projection(vectors.size(2)).to(vectors.device()));
  }
  const std::int64_t channels = vectors.size(2);
  const at::Tensor gram =
    at::bmm(vectors.transpose(1, 2), vectors) / static_cast<double>(vectors.size(1));
  const at::Tensor places =
    at::triu_indices(channels, channels, 0, gram.options().dtype(at::kLong));
  const at::Tensor weights = at::where(places[0] == places[1], at::ones({}, gram.options()),
    at::full({}, std::sqrt(2.0), gram.options()));
  return gram.flatten(1).index_select(1, places[0] * channels + places[1]) * weights;
}
}
