// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/UNetBlocks.h"

#include "Filters/Networks/Attention.h"
#include "Filters/Networks/InPlace.h"

#include <ATen/ATen.h>

#include <cmath>
#include <string>
#include <utility>

namespace tdl
{
namespace
{
/** A resampling convolution; diffusers keeps it as `<list>.0.conv`. */
class Resampler : public torch::nn::Module
{
public:
  Resampler(std::int64_t channels, Conv2d::Options options)
    : Conv(RegisterChild<Conv2d>(*this, "conv", channels, channels, 3, options))
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

TimestepEmbedding::TimestepEmbedding(
  std::int64_t inputs, std::int64_t outputs, std::int64_t conditions)
  : Linear1(RegisterChild<Linear>(*this, "linear_1", inputs, outputs))
  , Linear2(RegisterChild<Linear>(*this, "linear_2", outputs, outputs))
{
  if (conditions > 0)
  {
    this->ConditionProjection =
      RegisterChild<Linear>(*this, "cond_proj", conditions, inputs, false);
  }
}

at::Tensor TimestepEmbedding::Forward(const at::Tensor& input, const at::Tensor& condition) const
{
  const at::Tensor sum =
    condition.defined() ? input + this->ConditionProjection->Forward(condition) : input;
  return this->Linear2->Forward(Silu(this->Linear1->Forward(sum)));
}

ResnetBlock2D::ResnetBlock2D(
  std::int64_t inputs, std::int64_t outputs, const BlockSettings& settings)
  : Settings(settings)
  , Norm1(RegisterChild<GroupNorm>(*this, "norm1", settings.Groups, inputs, settings.Epsilon))
  , Conv1(RegisterConvolution(*this, "conv1", inputs, outputs))
  , Norm2(RegisterChild<GroupNorm>(*this, "norm2", settings.Groups, outputs, settings.Epsilon))
  , Conv2(RegisterConvolution(*this, "conv2", outputs, outputs))
{
  if (settings.TimeChannels > 0)
  {
    this->TimeProjection = RegisterChild<Linear>(
      *this, "time_emb_proj", settings.TimeChannels, settings.ScaleShift ? 2 * outputs : outputs);
  }
  if (inputs != outputs)
  {
    this->Shortcut =
      RegisterChild<Conv2d>(*this, "conv_shortcut", inputs, outputs, 1, Conv2d::Options{});
  }
}

at::Tensor ResnetBlock2D::Forward(const at::Tensor& input, const at::Tensor& activatedTime) const
{
  at::Tensor hidden = this->Conv1->Forward(Silu(this->Norm1->Forward(input)));
  at::Tensor time;
  if (this->TimeProjection)
  {
    time = this->TimeProjection->Forward(activatedTime).unsqueeze(2).unsqueeze(3);
  }
  if (time.defined() && this->Settings.ScaleShift)
  {
    const auto scaleAndShift = time.chunk(2, 1);
    hidden = Sum(this->Norm2->Forward(hidden) * (1 + scaleAndShift[0]), scaleAndShift[1]);
  }
  else
  {
    hidden = this->Norm2->Forward(time.defined() ? Sum(hidden, time) : hidden);
  }
  hidden = this->Conv2->Forward(Silu(hidden));
  const at::Tensor sum = Sum(hidden, this->Shortcut ? this->Shortcut->Forward(input) : input);
  return this->Settings.OutputScaleFactor == 1.0 ? sum : sum / this->Settings.OutputScaleFactor;
}

AttentionProjections::AttentionProjections(torch::nn::Module& owner, const Options& options)
  : Heads(options.Heads)
  , Query(RegisterChild<Linear>(owner, "to_q", options.Channels, options.Channels, options.Bias))
  , Key(
      RegisterChild<Linear>(owner, "to_k", options.ContextChannels, options.Channels, options.Bias))
  , Value(
      RegisterChild<Linear>(owner, "to_v", options.ContextChannels, options.Channels, options.Bias))
  , Output(std::make_shared<Linear>(options.Channels, options.Channels))
{
  RegisterList<Linear>(owner, "to_out", { this->Output });
}

at::Tensor AttentionProjections::Forward(const at::Tensor& tokens, const at::Tensor& context) const
{
  const auto splitHeads = [this](const at::Tensor& projected)
  {
    return projected
      .reshape(
        { projected.size(0), projected.size(1), this->Heads, projected.size(2) / this->Heads })
      .transpose(1, 2);
  };
  const at::Tensor attended = Attend(splitHeads(this->Query->Forward(tokens)),
    splitHeads(this->Key->Forward(context)), splitHeads(this->Value->Forward(context)));
  return this->Output->Forward(attended.transpose(1, 2).flatten(2));
}

AttentionBlock::AttentionBlock(
  std::int64_t channels, std::int64_t headWidth, std::int64_t groups, const BlockSettings& settings)
  : OutputScaleFactor(settings.OutputScaleFactor)
  , Norm(groups > 0
        ? RegisterChild<GroupNorm>(*this, "group_norm", groups, channels, settings.Epsilon)
        : nullptr)
  , Projections(*this, { channels, channels, channels / headWidth, true })
{
}

at::Tensor AttentionBlock::Forward(const at::Tensor& input, const at::Tensor& /*context*/) const
{
  const at::Tensor flat = input.flatten(2); // (B, C, pixels)
  const at::Tensor tokens =
    (this->Norm ? this->Norm->Forward(flat) : flat).transpose(1, 2); // (B, pixels, C)
  const at::Tensor sum =
    Sum(this->Projections.Forward(tokens, tokens).transpose(1, 2).reshape(input.sizes()), input);
  return this->OutputScaleFactor == 1.0 ? sum : sum / this->OutputScaleFactor;
}

BlockLayers::BlockLayers(const std::vector<std::int64_t>& inputs, std::int64_t outputs,
  const AttentionMaker& attention, const BlockSettings& settings)
{
  for (const std::int64_t channels : inputs)
  {
    this->Resnets.push_back(std::make_shared<ResnetBlock2D>(channels, outputs, settings));
    if (attention)
    {
      this->Attentions.push_back(attention());
    }
  }
  RegisterList(*this, "resnets", this->Resnets);
  RegisterList(*this, "attentions", this->Attentions);
}

at::Tensor BlockLayers::RunLayer(
  std::size_t index, const at::Tensor& hidden, const BlockConditions& conditions) const
{
  const at::Tensor result = this->Resnets[index]->Forward(hidden, conditions.Time);
  return this->Attentions.empty() ? result
                                  : this->Attentions[index]->Forward(result, conditions.Context);
}

namespace
{
std::vector<std::int64_t> DownInputs(const UNetDownBlock::Options& options)
{
  std::vector<std::int64_t> inputs(options.Layers, options.Outputs);
  inputs.front() = options.Inputs;
  return inputs;
}

std::vector<std::int64_t> UpInputs(const UNetUpBlock::Options& options)
{
  std::vector<std::int64_t> inputs;
  for (std::int64_t i = 0; i < options.Layers; ++i)
  {
    const std::int64_t below = i == 0 ? options.Previous : options.Outputs;
    const std::int64_t skip = i == options.Layers - 1 ? options.Inputs : options.Outputs;
    inputs.push_back(options.Inputs > 0 ? below + skip : below);
  }
  return inputs;
}
}

UNetDownBlock::UNetDownBlock(const Options& options, const BlockSettings& settings)
  : BlockLayers(DownInputs(options), options.Outputs, options.Attention, settings)
  , PadRightAndBottom(options.DownsamplePadding == 0)
{
  if (options.Downsample)
  {
    this->Downsampler = RegisterResampler(
      *this, "downsamplers", options.Outputs, Conv2d::Options{ 2, options.DownsamplePadding });
  }
}

at::Tensor UNetDownBlock::Forward(
  at::Tensor hidden, const BlockConditions& conditions, std::vector<at::Tensor>* skips) const
{
  const auto keep = [skips](const at::Tensor& result)
  {
    if (skips != nullptr)
    {
      skips->push_back(result);
    }
  };
  for (std::size_t i = 0; i < this->Resnets.size(); ++i)
  {
    hidden = this->RunLayer(i, hidden, conditions);
    keep(hidden);
  }
  if (this->Downsampler)
  {
    hidden = this->Downsampler->Forward(
      this->PadRightAndBottom ? at::constant_pad_nd(hidden, { 0, 1, 0, 1 }) : hidden);
    keep(hidden);
  }
  return hidden;
}

UNetMidBlock::UNetMidBlock(
  std::int64_t channels, const AttentionMaker& attention, const BlockSettings& settings)
{
  for (int i = 0; i < 2; ++i)
  {
    this->Resnets.push_back(std::make_shared<ResnetBlock2D>(channels, channels, settings));
  }
  if (attention)
  {
    this->Attentions.push_back(attention());
  }
  RegisterList(*this, "resnets", this->Resnets);
  RegisterList(*this, "attentions", this->Attentions);
}

at::Tensor UNetMidBlock::Forward(at::Tensor hidden, const BlockConditions& conditions) const
{
  hidden = this->Resnets[0]->Forward(hidden, conditions.Time);
  if (!this->Attentions.empty())
  {
    hidden = this->Attentions[0]->Forward(hidden, conditions.Context);
  }
  return this->Resnets[1]->Forward(hidden, conditions.Time);
}

UNetUpBlock::UNetUpBlock(const Options& options, const BlockSettings& settings)
  : BlockLayers(UpInputs(options), options.Outputs, options.Attention, settings)
{
  if (options.Upsample)
  {
    this->Upsampler =
      RegisterResampler(*this, "upsamplers", options.Outputs, Conv2d::Options{ 1, 1 });
  }
}

at::Tensor UNetUpBlock::Forward(
  at::Tensor hidden, const BlockConditions& conditions, std::vector<at::Tensor>* skips) const
{
  for (std::size_t i = 0; i < this->Resnets.size(); ++i)
  {
    if (skips != nullptr)
    {
      hidden = at::cat({ hidden, skips->back() }, 1);
      skips->pop_back();
    }
    hidden = this->RunLayer(i, hidden, conditions);
  }
  if (this->Upsampler)
  {
    // Where a size is odd, downsampling rounded it up: the skip has the size to come back to.
    const at::Tensor& target = skips != nullptr ? skips->back() : hidden;
    const std::int64_t factor = skips != nullptr ? 1 : 2;
    hidden = this->Upsampler->Forward(
      at::upsample_nearest2d(hidden, { factor * target.size(2), factor * target.size(3) }));
  }
  return hidden;
}
}
