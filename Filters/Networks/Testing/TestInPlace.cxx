// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/Activations.h"
#include "Filters/Networks/InPlace.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace
{
/** The definition of an activation function, in float64. */
at::Tensor ActivationDefinition(const std::string& name, const at::Tensor& x)
{
  if (name == "gelu")
  {
    return x * (1 + at::erf(x / std::sqrt(2.0))) / 2;
  }
  if (name == "gelu_new" || name == "gelu_pytorch_tanh")
  {
    return x * (1 + at::tanh(std::sqrt(8 / std::acos(-1.0)) / 2 * (x + 0.044715 * x * x * x))) / 2;
  }
  if (name == "quick_gelu")
  {
    return x / (1 + at::exp(-1.702 * x));
  }
  if (name == "relu")
  {
    return at::where(x > 0, x, 0.0);
  }
  return name == "tanh" ? 1 - 2 / (1 + at::exp(2 * x)) : x / (1 + at::exp(-x));
}
}

TEST(InPlace, ActivationsAreTheirDefinitions)
{
  for (const char* name :
    { "gelu", "gelu_new", "gelu_pytorch_tanh", "quick_gelu", "relu", "silu", "swish", "tanh" })
  {
    const at::Tensor input = at::linspace(-5, 5, 101, at::kDouble);
    const at::Tensor expected = ActivationDefinition(name, input);
    {
      const c10::NoGradGuard noGradient;
      const at::Tensor result = tdl::FindActivation(name)(input.clone());
      EXPECT_LT((result - expected).abs().max().item<double>(), 1e-12) << name;
    }

    // Where gradients are recorded, the argument stays and the gradient is the definition's.
    const at::Tensor leaf = input.clone().requires_grad_(true);
    const at::Tensor argument = leaf * 1;
    const at::Tensor recorded = tdl::FindActivation(name)(argument);
    EXPECT_TRUE(at::equal(argument, input)) << name;
    EXPECT_LT((recorded - expected).abs().max().item<double>(), 1e-12) << name;
    const at::Tensor other = input.clone().requires_grad_(true);
    recorded.sum().backward();
    ActivationDefinition(name, other).sum().backward();
    EXPECT_LT((leaf.grad() - other.grad()).abs().max().item<double>(), 1e-12) << name;
  }
}

TEST(InPlace, TakesTheMemoryOfTheArgument)
{
  const c10::InferenceMode inference;
  for (const auto function : { tdl::Silu, tdl::Gelu, tdl::Relu })
  {
    const at::Tensor argument = at::linspace(-1, 1, 7);
    EXPECT_EQ(function(argument).data_ptr(), argument.data_ptr());
  }
  const at::Tensor sum = at::ones({ 2, 3 });
  const at::Tensor other = at::arange(3, at::kFloat);
  EXPECT_EQ(tdl::Sum(sum, other).data_ptr(), sum.data_ptr());
  EXPECT_TRUE(at::equal(sum, other + at::ones({ 2, 1 })));
  EXPECT_EQ(tdl::Product(sum, other).data_ptr(), sum.data_ptr());
  EXPECT_TRUE(at::equal(sum, (other + 1) * other * at::ones({ 2, 1 })));
}

TEST(InPlace, SumIsOfTheMorePreciseType)
{
  const c10::InferenceMode inference;
  const at::Tensor half = at::ones({ 2 }, at::kHalf);
  const at::Tensor small = at::full({ 2 }, 1e-6F);
  const at::Tensor sum = tdl::Sum(half, small);
  EXPECT_EQ(sum.scalar_type(), at::kFloat);
  EXPECT_TRUE(at::equal(sum, small + 1));
}

TEST(InPlace, SumLeavesItsArgumentsWhereGradientsAreRecorded)
{
  const at::Tensor first = at::ones({ 2 }, at::kDouble).requires_grad_(true);
  const at::Tensor second = at::full({ 2 }, 3.0, at::kDouble).requires_grad_(true);
  const at::Tensor product = first * second;
  tdl::Sum(product, second).sum().backward();
  EXPECT_TRUE(at::equal(product, at::full({ 2 }, 3.0, at::kDouble)));
  EXPECT_TRUE(at::equal(first.grad(), at::full({ 2 }, 3.0, at::kDouble)));
  EXPECT_TRUE(at::equal(second.grad(), at::full({ 2 }, 2.0, at::kDouble)));
}
