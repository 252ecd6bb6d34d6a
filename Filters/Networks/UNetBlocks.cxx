// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/UNetBlocks.h"

#include <ATen/ATen.h>

#include <cmath>
#include <string>
#include <utility>

namespace tdl
{
namespace
{
constexpr std::int64_t KernelSize = 3;

/** Registers a child module under its name in the weight file and returns it. */
template <typename T, typename... Arguments>
std::shared_ptr<T> Child(
  torch::nn::Module& parent, const std::string& name, Arguments&&... arguments)
{
  return parent.register_module(name, std::make_shared<T>(std::forward<Arguments>(arguments)...));
}

/** A resampling convolution; diffusers keeps it as `<list>.0.conv`. */
class Resampler : public torch::nn::Module
{
public:
  Resampler(std::int64_t channels, Conv2d::Options options)
    : Conv(Child<Conv2d>(*this, "conv", channels, channels, KernelSize, options))
  {
  }
  std::shared_ptr<Conv2d> Conv;
};

std::shared_ptr<Conv2d> RegisterResampler(torch::nn::Module& parent, const std::string& list,
  std::int64_t channels, Conv2d::Options options)
{
  auto resampler = std::make_shared<Resampler>(channels, options);
  RegisterList<Resampler>(parent, list, { resampler });
  return resampler->Conv;
}
}

at::Tensor EmbedTimesteps(
  const at::Tensor& timesteps, std::int64_t channels, bool cosineFirst, double frequencyShift)
{
  const std::int64_t half = channels / 2;
  const double rate = -std::log(10000.0) / (static_cast<double>(half) - frequencyShift);
  const at::Tensor frequencies =
    (at::arange(half, at::TensorOptions().dtype(at::kFloat).device(timesteps.device())) * rate)
      .exp();
  const at::Tensor angles = timesteps.to(at::kFloat).unsqueeze(1) * frequencies.unsqueeze(0);
  const at::Tensor embedding = cosineFirst ? at::cat({ angles.cos(), angles.sin() }, 1)
                                           : at::cat({ angles.sin(), angles.cos() }, 1);
  return channels % 2 == 0 ? embedding : at::constant_pad_nd(embedding, { 0, 1 });
}

TimestepEmbedding::TimestepEmbedding(std::int64_t inputs, std::int64_t outputs)
  : Linear1(Child<Linear>(*this, "linear_1", inputs, outputs))
  , Linear2(Child<Linear>(*this, "linear_2", outputs, outputs))
{
}

at::Tensor TimestepEmbedding::Forward(const at::Tensor& input) const
{
  return this->Linear2->Forward(at::silu(this->Linear1->Forward(input)));
}

ResnetBlock2D::ResnetBlock2D(
  std::int64_t inputs, std::int64_t outputs, const BlockSettings& settings)
  : Settings(settings)
  , Norm1(Child<GroupNorm>(*this, "norm1", settings.Groups, inputs, settings.Epsilon))
  , Conv1(Child<Conv2d>(*this, "conv1", inputs, outputs, KernelSize, Conv2d::Options{ 1, 1 }))
  , TimeProjection(Child<Linear>(
      *this, "time_emb_proj", settings.TimeChannels, settings.ScaleShift ? 2 * outputs : outputs))
  , Norm2(Child<GroupNorm>(*this, "norm2", settings.Groups, outputs, settings.Epsilon))
  , Conv2(Child<Conv2d>(*this, "conv2", outputs, outputs, KernelSize, Conv2d::Options{ 1, 1 }))
{
  if (inputs != outputs)
  {
    this->Shortcut = Child<Conv2d>(*this, "conv_shortcut", inputs, outputs, 1, Conv2d::Options{});
  }
}

at::Tensor ResnetBlock2D::Forward(const at::Tensor& input, const at::Tensor& activatedTime) const
{
  at::Tensor hidden = this->Conv1->Forward(at::silu(this->Norm1->Forward(input)));
  const at::Tensor time = this->TimeProjection->Forward(activatedTime).unsqueeze(2).unsqueeze(3);
  if (this->Settings.ScaleShift)
  {
    const auto scaleAndShift = time.chunk(2, 1);
    hidden = this->Norm2->Forward(hidden) * (1 + scaleAndShift[0]) + scaleAndShift[1];
  }
  else
  {
    hidden = this->Norm2->Forward(hidden + time);
  }
  hidden = this->Conv2->Forward(at::silu(hidden));
  const at::Tensor sum = (this->Shortcut ? this->Shortcut->Forward(input) : input) + hidden;
  return this->Settings.OutputScaleFactor == 1.0 ? sum : sum / this->Settings.OutputScaleFactor;
}

AttentionBlock::AttentionBlock(
  std::int64_t channels, std::int64_t headWidth, std::int64_t groups, const BlockSettings& settings)
  : Heads(channels / headWidth)
  , OutputScaleFactor(settings.OutputScaleFactor)
{
  if (groups > 0)
  {
    this->Norm = Child<GroupNorm>(*this, "group_norm", groups, channels, settings.Epsilon);
  }
  this->Query = Child<Linear>(*this, "to_q", channels, channels);
  this->Key = Child<Linear>(*this, "to_k", channels, channels);
  this->Value = Child<Linear>(*this, "to_v", channels, channels);
  this->Output = std::make_shared<Linear>(channels, channels);
  RegisterList<Linear>(*this, "to_out", { this->Output });
}

at::Tensor AttentionBlock::Forward(const at::Tensor& input) const
{
  const std::int64_t batch = input.size(0);
  const std::int64_t channels = input.size(1);
  const std::int64_t width = channels / this->Heads;
  const at::Tensor flat = input.flatten(2); // (B, C, pixels)
  const at::Tensor tokens =
    (this->Norm ? this->Norm->Forward(flat) : flat).transpose(1, 2); // (B, pixels, C)
  const auto splitHeads = [&](const at::Tensor& projected) {
    return projected.reshape({ batch, -1, this->Heads, width }).transpose(1, 2);
  };
  const at::Tensor query =
    splitHeads(this->Query->Forward(tokens)) / std::sqrt(static_cast<double>(width));
  const at::Tensor weights =
    at::matmul(query, splitHeads(this->Key->Forward(tokens)).transpose(2, 3)).softmax(-1);
  const at::Tensor attended = at::matmul(weights, splitHeads(this->Value->Forward(tokens)))
                                .transpose(1, 2)
                                .reshape({ batch, -1, channels });
  const at::Tensor sum =
    this->Output->Forward(attended).transpose(1, 2).reshape(input.sizes()) + input;
  return this->OutputScaleFactor == 1.0 ? sum : sum / this->OutputScaleFactor;
}

UNetDownBlock::UNetDownBlock(const Options& options, const BlockSettings& settings)
  : PadRightAndBottom(options.DownsamplePadding == 0)
{
  for (std::int64_t i = 0; i < options.Layers; ++i)
  {
    this->Resnets.push_back(std::make_shared<ResnetBlock2D>(
      i == 0 ? options.Inputs : options.Outputs, options.Outputs, settings));
    if (options.HeadWidth > 0)
    {
      this->Attentions.push_back(std::make_shared<AttentionBlock>(
        options.Outputs, options.HeadWidth, settings.Groups, settings));
    }
  }
  RegisterList(*this, "resnets", this->Resnets);
  RegisterList(*this, "attentions", this->Attentions);
  if (options.Downsample)
  {
    this->Downsampler = RegisterResampler(
      *this, "downsamplers", options.Outputs, Conv2d::Options{ 2, options.DownsamplePadding });
  }
}

at::Tensor UNetDownBlock::Forward(
  at::Tensor hidden, const at::Tensor& activatedTime, std::vector<at::Tensor>& skips) const
{
  for (std::size_t i = 0; i < this->Resnets.size(); ++i)
  {
    hidden = this->Resnets[i]->Forward(hidden, activatedTime);
    if (!this->Attentions.empty())
    {
      hidden = this->Attentions[i]->Forward(hidden);
    }
    skips.push_back(hidden);
  }
  if (this->Downsampler)
  {
    hidden = this->Downsampler->Forward(
      this->PadRightAndBottom ? at::constant_pad_nd(hidden, { 0, 1, 0, 1 }) : hidden);
    skips.push_back(hidden);
  }
  return hidden;
}

UNetMidBlock::UNetMidBlock(const Options& options, const BlockSettings& settings)
{
  for (int i = 0; i < 2; ++i)
  {
    this->Resnets.push_back(
      std::make_shared<ResnetBlock2D>(options.Channels, options.Channels, settings));
  }
  if (options.HeadWidth > 0)
  {
    this->Attentions.push_back(std::make_shared<AttentionBlock>(
      options.Channels, options.HeadWidth, options.AttentionGroups, settings));
  }
  RegisterList(*this, "resnets", this->Resnets);
  RegisterList(*this, "attentions", this->Attentions);
}

at::Tensor UNetMidBlock::Forward(at::Tensor hidden, const at::Tensor& activatedTime) const
{
  hidden = this->Resnets[0]->Forward(hidden, activatedTime);
  if (!this->Attentions.empty())
  {
    hidden = this->Attentions[0]->Forward(hidden);
  }
  return this->Resnets[1]->Forward(hidden, activatedTime);
}

UNetUpBlock::UNetUpBlock(const Options& options, const BlockSettings& settings)
{
  for (std::int64_t i = 0; i < options.Layers; ++i)
  {
    const std::int64_t below = i == 0 ? options.Previous : options.Outputs;
    const std::int64_t skip = i == options.Layers - 1 ? options.Inputs : options.Outputs;
    this->Resnets.push_back(
      std::make_shared<ResnetBlock2D>(below + skip, options.Outputs, settings));
    if (options.HeadWidth > 0)
    {
      this->Attentions.push_back(std::make_shared<AttentionBlock>(
        options.Outputs, options.HeadWidth, settings.Groups, settings));
    }
  }
  RegisterList(*this, "resnets", this->Resnets);
  RegisterList(*this, "attentions", this->Attentions);
  if (options.Upsample)
  {
    this->Upsampler =
      RegisterResampler(*this, "upsamplers", options.Outputs, Conv2d::Options{ 1, 1 });
  }
}

at::Tensor UNetUpBlock::Forward(
  at::Tensor hidden, const at::Tensor& activatedTime, std::vector<at::Tensor>& skips) const
{
  for (std::size_t i = 0; i < this->Resnets.size(); ++i)
  {
    hidden = this->Resnets[i]->Forward(at::cat({ hidden, skips.back() }, 1), activatedTime);
    skips.pop_back();
    if (!this->Attentions.empty())
    {
      hidden = this->Attentions[i]->Forward(hidden);
    }
  }
  if (this->Upsampler)
  {
    hidden = this->Upsampler->Forward(
      at::upsample_nearest2d(hidden, { 2 * hidden.size(2), 2 * hidden.size(3) }));
  }
  return hidden;
}
}
