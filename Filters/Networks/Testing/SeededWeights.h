// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <torch/nn/module.h>
#include <torch/utils.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <string>

namespace tdl
{
/**
 * Draws a network's weights from a seed, in the order of their names, so that golden data of a
 * network needs no file of weights: those of Testing/Golden/make_glide.py.
 * @return the weights by name.
 */
inline std::map<std::string, at::Tensor> SeedWeights(torch::nn::Module& network, std::uint64_t seed)
{
  torch::NoGradGuard noGradient;
  std::map<std::string, at::Tensor> weights;
  for (const auto& item : network.named_parameters())
  {
    weights.emplace(item.key(), item.value().detach());
  }
  const auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  for (auto& [name, tensor] : weights)
  {
    at::Tensor values = at::randn(tensor.sizes(), generator);
    if (tensor.dim() > 1)
    {
      values *=
        std::sqrt(static_cast<double>(tensor.size(0)) / static_cast<double>(tensor.numel()));
    }
    else
    {
      const std::string weight = "weight";
      const bool scales = name.size() >= weight.size() &&
        name.compare(name.size() - weight.size(), weight.size(), weight) == 0;
      values = 0.1 * values + (scales ? 1.0 : 0.0);
    }
    tensor.copy_(values);
  }
  return weights;
}
}
