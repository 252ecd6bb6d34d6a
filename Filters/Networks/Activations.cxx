// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/Activations.h"

#include "Filters/Networks/InPlace.h"
#include "Filters/Networks/ModelFolder.h"

#include <ATen/ATen.h>

#include <map>

namespace tdl
{
Activation FindActivation(const std::string& name)
{
  const Activation tanhGelu = [](at::Tensor input)
  { return OverwritesTemporaries() ? at::gelu_(input, "tanh") : at::gelu(input, "tanh"); };
  const Activation quickGelu = [](at::Tensor input)
  {
    const at::Tensor factor = at::sigmoid(input * 1.702);
    return Product(input, factor);
  };
  static const std::map<std::string, Activation> activations{
    { "gelu", Gelu },
    { "gelu_new", tanhGelu },
    { "gelu_pytorch_tanh", tanhGelu },
    { "quick_gelu", quickGelu },
    { "relu", Relu },
    { "silu", Silu },
    { "swish", Silu },
    { "tanh", [](at::Tensor input) { return at::tanh(input); } },
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
