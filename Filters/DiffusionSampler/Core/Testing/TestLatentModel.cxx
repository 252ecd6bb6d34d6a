// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/LatentModel.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace
{
// Two latent channels to three colors.
at::Tensor Weights()
{
  return at::tensor({ 0.3, -0.2, 0.1, 0.4, 0.0, -0.5 }, at::kFloat).view({ 3, 2, 1, 1 });
}

// A decoder to 2 x 2 pixels of the same color, but for `detail` that their mean does not show, and
// a share of what is not linear.
tdl::LatentsToImages Decoder(double detail, double curvature)
{
  return [=](const at::Tensor& latents)
  {
    const at::Tensor colors = at::conv2d(latents, Weights(), at::tensor({ 0.1F, 0.0F, -0.2F })) +
      curvature * latents.narrow(1, 0, 1).square();
    const at::Tensor pattern = detail * at::tensor({ 1.0F, -1.0F, -1.0F, 1.0F }).view({ 2, 2 });
    return at::upsample_nearest2d(colors, { 2 * colors.size(2), 2 * colors.size(3) }) +
      pattern.repeat({ colors.size(2), colors.size(3) });
  };
}
}

TEST(LinearDecoder, FindsALinearMap)
{
  const tdl::LinearDecoder linear(Decoder(0.7, 0), 2, 2, at::kCPU);
  EXPECT_NEAR(linear.ExplainedVariance(), 1, 1e-9);
  const at::Tensor latents = at::randn({ 3, 2, 5, 4 });
  const at::Tensor expected = at::conv2d(latents, Weights(), at::tensor({ 0.1F, 0.0F, -0.2F }));
  EXPECT_TRUE(at::allclose(linear.Decode(latents), expected, 1e-4, 1e-5));
}

TEST(LinearDecoder, TellsHowMuchItMisses)
{
  const tdl::LinearDecoder bent(Decoder(0, 0.1), 2, 2, at::kCPU);
  const tdl::LinearDecoder crooked(Decoder(0, 0.3), 2, 2, at::kCPU);
  EXPECT_LT(bent.ExplainedVariance(), 0.999);
  EXPECT_GT(bent.ExplainedVariance(), 0.5);
  EXPECT_LT(crooked.ExplainedVariance(), bent.ExplainedVariance());
  const at::Tensor latents = at::randn({ 1, 2, 4, 4 });
  const tdl::LinearDecoder again(Decoder(0, 0.1), 2, 2, at::kCPU);
  EXPECT_TRUE(at::equal(again.Decode(latents), bent.Decode(latents))) << "by chance";
}
