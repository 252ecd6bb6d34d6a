// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/Activations.h"

#include "Filters/Networks/ModelFolder.h"

#include <ATen/ATen.h>

#include <map>

namespace tdl
{
Activation FindActivation(const std::string& name)
{
  const Activation gelu = [](const at::Tensor& input) { return at::gelu(input); };
  const Activation tanhGelu = [](const at::Tensor& input) { return at::gelu(input, "tanh"); };
  const Activation silu = [](const at::Tensor& input) { return at::silu(input); };
  static const std::map<std::string, Activation> activations{
    { "gelu", gelu },
    { "gelu_new", tanhGelu },
    { "gelu_pytorch_tanh", tanhGelu },
    { "quick_gelu", [](const at::Tensor& input) { return input * at::sigmoid(input * 1.702); } },
    { "relu", [](const at::Tensor& input) { return at::relu(input); } },
    { "silu", silu },
    { "swish", silu },
    { "tanh", [](const at::Tensor& input) { return at::tanh(input); } },
  };
  const auto found = activations.find(name);
  return found == activations.end() ? nullptr : found->second;
}

std::string ReadActivation(
  const Configuration& file, const std::string& key, const std::string& fallback)
{
  auto name = file.Get(key, fallback);
  if (FindActivation(name) == nullptr)
  {
    file.Refuse(key);
  }
  return name;
}
}
