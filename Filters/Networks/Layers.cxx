// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/Layers.h"

#include <ATen/ATen.h>
#include <torch/nn/init.h>
#include <torch/utils.h>

#include <cmath>

namespace tdl
{
namespace
{
at::Tensor RegisterBias(torch::nn::Module& module, std::int64_t size, bool wanted)
{
  return wanted ? module.register_parameter("bias", torch::empty({ size })) : at::Tensor();
}
}

Linear::Linear(std::int64_t inputs, std::int64_t outputs, bool bias)
  : Weight(this->register_parameter("weight", torch::empty({ outputs, inputs })))
  , Bias(RegisterBias(*this, outputs, bias))
{
}

at::Tensor Linear::Forward(const at::Tensor& input) const
{
  return at::linear(input, this->Weight, this->Bias);
}

Conv2d::Conv2d(std::int64_t inputs, std::int64_t outputs, std::int64_t kernel, Options options)
  : Weight(this->register_parameter(
      "weight", torch::empty({ outputs, inputs / options.Groups, kernel, kernel })))
  , Bias(RegisterBias(*this, outputs, options.Bias))
  , Settings(options)
{
}

at::Tensor Conv2d::Forward(const at::Tensor& input) const
{
  return at::conv2d(input, this->Weight, this->Bias, this->Settings.Stride, this->Settings.Padding,
    /*dilation=*/1, this->Settings.Groups);
}

GroupNorm::GroupNorm(std::int64_t groups, std::int64_t channels, double epsilon)
  : Weight(this->register_parameter("weight", torch::empty({ channels })))
  , Bias(this->register_parameter("bias", torch::empty({ channels })))
  , Groups(groups)
  , Epsilon(epsilon)
{
}

at::Tensor GroupNorm::Forward(const at::Tensor& input) const
{
  return at::group_norm(input, this->Groups, this->Weight, this->Bias, this->Epsilon);
}

LayerNorm::LayerNorm(std::int64_t channels, double epsilon, bool affine)
  : Channels(channels)
  , Epsilon(epsilon)
{
  if (affine)
  {
    this->Weight = this->register_parameter("weight", torch::empty({ channels }));
    this->Bias = this->register_parameter("bias", torch::empty({ channels }));
  }
}

at::Tensor LayerNorm::Forward(const at::Tensor& input) const
{
  return at::layer_norm(input, { this->Channels }, this->Weight, this->Bias, this->Epsilon);
}

BatchNorm2d::BatchNorm2d(std::int64_t channels, double epsilon, double momentum)
  : Weight(this->register_parameter("weight", torch::empty({ channels })))
  , Bias(this->register_parameter("bias", torch::empty({ channels })))
  , RunningMean(this->register_buffer("running_mean", torch::zeros({ channels })))
  , RunningVariance(this->register_buffer("running_var", torch::ones({ channels })))
  , Epsilon(epsilon)
  , Momentum(momentum)
{
}

at::Tensor BatchNorm2d::Forward(const at::Tensor& input) const
{
  return at::batch_norm(input, this->Weight, this->Bias, this->RunningMean, this->RunningVariance,
    this->is_training(), this->Momentum, this->Epsilon, false);
}

Embedding::Embedding(std::int64_t count, std::int64_t channels)
  : Weight(this->register_parameter("weight", torch::empty({ count, channels })))
{
}

at::Tensor Embedding::Forward(const at::Tensor& indices) const
{
  return at::embedding(this->Weight, indices);
}

NamePlace FindPlace(torch::nn::Module& root, const std::string& path)
{
  torch::nn::Module* parent = &root;
  std::size_t begin = 0;
  for (std::size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', begin))
  {
    const std::string level = path.substr(begin, dot - begin);
    const auto children = parent->named_children();
    const auto* const child = children.find(level);
    parent = child != nullptr ? child->get() : RegisterChild<NameLevel>(*parent, level).get();
    begin = dot + 1;
  }
  return { parent, path.substr(begin) };
}

void InitializeParameters(torch::nn::Module& network)
{
  torch::NoGradGuard noGradient;
  network.apply(
    [](torch::nn::Module& layer)
    {
      auto parameters = layer.named_parameters(/*recurse=*/false);
      at::Tensor* weight = parameters.find("weight");
      if (weight == nullptr)
      {
        return;
      }
      at::Tensor* bias = parameters.find("bias");
      if (dynamic_cast<Embedding*>(&layer) != nullptr)
      {
        weight->normal_();
      }
      else if (weight->dim() == 1)
      {
        weight->fill_(1.0);
      }
      else
      {
        torch::nn::init::kaiming_uniform_(*weight, std::sqrt(5.0));
      }
      if (bias != nullptr)
      {
        bias->zero_();
      }
    });
}

std::shared_ptr<Conv2d> RegisterConvolution(
  torch::nn::Module& parent, const std::string& name, std::int64_t inputs, std::int64_t outputs)
{
  return RegisterChild<Conv2d>(parent, name, inputs, outputs, 3, Conv2d::Options{ 1, 1 });
}
}
