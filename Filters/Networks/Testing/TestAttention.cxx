// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/Attention.h"
#include "Filters/Networks/Memory.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>
#include <torch/cuda.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace
{
/** The definition, in float64 and all at once. */
at::Tensor Definition(
  const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, bool causal)
{
  at::Tensor scores = at::matmul(query.to(at::kDouble), key.to(at::kDouble).transpose(2, 3)) /
    std::sqrt(static_cast<double>(query.size(3)));
  if (causal)
  {
    const at::Tensor allowed = at::ones({ query.size(2), key.size(2) }, at::kBool).tril();
    scores = at::where(allowed, scores, -std::numeric_limits<double>::infinity());
  }
  return at::matmul(scores.softmax(-1), value.to(at::kDouble));
}

void CompareWithDefinition(
  std::int64_t images, std::int64_t queries, std::int64_t keys, bool causal)
{
  const c10::InferenceMode inference;
  at::manual_seed(3);
  const at::Tensor query = at::randn({ images, 3, queries, 5 });
  const at::Tensor key = at::randn({ images, 3, keys, 5 });
  const at::Tensor value = at::randn({ images, 3, keys, 4 });
  const at::Tensor result = tdl::Attend(query, key, value, causal);
  const at::Tensor expected = Definition(query, key, value, causal);
  ASSERT_EQ(result.sizes(), expected.sizes());
  EXPECT_LT((result - expected).abs().max().item<double>(), 2e-6);
}

TEST(Attention, IsItsDefinition)
{
  CompareWithDefinition(2, 7, 9, false);
  CompareWithDefinition(2, 7, 7, true);
}

TEST(Attention, OfLongSequencesIsItsDefinition)
{
  CompareWithDefinition(1, 3000, 2500, false); // in pieces of 559 queries
  CompareWithDefinition(1, 3000, 3000, true);
  CompareWithDefinition(200, 30, 30, false); // in pieces of 194 images
}

TEST(Attention, OfAnImageDoesNotDependOnTheOthers)
{
  const c10::InferenceMode inference;
  at::manual_seed(4);
  const at::Tensor tokens = at::randn({ 5, 3, 300, 8 });
  const at::Tensor together = tdl::Attend(tokens, tokens, tokens);
  for (std::int64_t image = 0; image < 5; ++image)
  {
    const at::Tensor alone = tokens.slice(0, image, image + 1);
    EXPECT_TRUE(at::equal(tdl::Attend(alone, alone, alone), together.slice(0, image, image + 1)));
  }
}

TEST(Attention, HasTheGradientOfItsDefinition)
{
  const auto gradients = [](const auto& attend)
  {
    at::manual_seed(5);
    std::vector<at::Tensor> leaves;
    for (int i = 0; i < 3; ++i)
    {
      leaves.push_back(at::randn({ 2, 3, 7, 5 }, at::kDouble).requires_grad_(true));
    }
    const at::Tensor result = attend(leaves[0], leaves[1], leaves[2], true);
    (result * result).sum().backward();
    return at::stack({ leaves[0].grad(), leaves[1].grad(), leaves[2].grad() });
  };
  const at::Tensor difference = gradients(tdl::Attend) - gradients(Definition);
  EXPECT_LT(difference.abs().max().item<double>(), 1e-12);
}

TEST(Attention, TakesNoQueriesAndNoImages)
{
  const c10::InferenceMode inference;
  const at::Tensor keys = at::zeros({ 2, 3, 4, 5 });
  EXPECT_EQ(tdl::Attend(keys.slice(2, 0, 0), keys, keys).sizes(), at::IntArrayRef({ 2, 3, 0, 5 }));
  const at::Tensor none = keys.slice(0, 0, 0);
  EXPECT_EQ(tdl::Attend(none, none, none).sizes(), at::IntArrayRef({ 0, 3, 4, 5 }));
}

TEST(Attention, NeedsMemoryLinearInTheLength)
{
  const auto peak = [](std::int64_t length)
  {
    const at::Tensor tokens = at::zeros({ 1, 2, length, 4 });
    return tdl::PeakTensorMemory(
      [&]
      {
        const c10::InferenceMode inference;
        tdl::Attend(tokens, tokens, tokens);
      });
  };
  // All scores of the longer sequence at once are 512 MiB.
  EXPECT_LT(peak(8192), std::uint64_t(20) << 20);
  EXPECT_LT(peak(8192), peak(4096) * 5 / 4);
}

TEST(Attention, OnAGpuIsItsDefinition)
{
  if (torch::cuda::device_count() == 0)
  {
    GTEST_SKIP() << "there is no CUDA device";
  }
  const c10::InferenceMode inference;
  for (const at::ScalarType type : { at::kFloat, at::kHalf })
  {
    for (const std::int64_t width : { 5, 40, 160, 512 }) // 512: of an autoencoder
    {
      const at::Tensor tokens = at::randn({ 2, 3, 300, width }).to(type);
      const at::Tensor onGpu = tokens.to(at::kCUDA);
      for (const bool causal : { false, true })
      {
        const at::Tensor result = tdl::Attend(onGpu, onGpu, onGpu, causal).cpu();
        const at::Tensor expected = Definition(tokens, tokens, tokens, causal);
        EXPECT_LT((result - expected).abs().max().item<double>(), type == at::kHalf ? 2e-3 : 1e-4)
          << type << ", heads of width " << width << ", causal " << causal;
      }
    }
  }
}

TEST(Attention, OnAGpuNeedsMemoryLinearInTheLength)
{
  if (torch::cuda::device_count() == 0)
  {
    GTEST_SKIP() << "there is no CUDA device";
  }
  const c10::InferenceMode inference;
  const std::int64_t length = 200000; // all scores at once are 160 GB, more than devices have
  const auto attend = [](std::int64_t heads, std::int64_t width, at::ScalarType type)
  {
    const auto options = at::TensorOptions(at::kCUDA).dtype(type);
    const at::Tensor query = at::zeros({ 1, heads, length, width }, options);
    const at::Tensor value = at::ones({ 1, heads, length, width }, options);
    // Of equal scores the result is the mean of the values.
    return (tdl::Attend(query, query, value) - 1).abs().max().item<double>();
  };
  EXPECT_LT(attend(2, 40, at::kHalf), 1e-2);
  EXPECT_LT(attend(2, 512, at::kHalf), 1e-2);
  EXPECT_LT(attend(1, 40, at::kFloat), 1e-4);
  EXPECT_LT(attend(1, 512, at::kFloat), 1e-4);
}
}
