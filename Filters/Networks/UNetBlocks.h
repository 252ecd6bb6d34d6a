// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Networks/Layers.h"

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <vector>

/**
 * The blocks diffusers' UNets are made of, with diffusers' parameter names. B is the batch, C a
 * channel count, E the width of the time embedding.
 */
namespace tdl
{
/**
 * Sinusoidal embedding of timesteps (Vaswani et al. 2017, section 3.5), in float32.
 * @return (B, channels) for timesteps (B)
 */
at::Tensor EmbedTimesteps(
  const at::Tensor& timesteps, std::int64_t channels, bool cosineFirst, double frequencyShift);

/** Two linear layers that turn a sinusoidal embedding into the time embedding. */
class TimestepEmbedding : public torch::nn::Module
{
public:
  TimestepEmbedding(std::int64_t inputs, std::int64_t outputs);
  /** (B, inputs) -> (B, outputs) */
  at::Tensor Forward(const at::Tensor& input) const;

private:
  std::shared_ptr<Linear> Linear1;
  std::shared_ptr<Linear> Linear2;
};

/** What all blocks of one UNet have in common. */
struct BlockSettings
{
  std::int64_t TimeChannels;
  std::int64_t Groups;
  double Epsilon;
  bool ScaleShift;                ///< The time embedding scales and shifts, rather than shifts.
  double OutputScaleFactor = 1.0; ///< Residual sums are divided by it.
};

/** Two convolutions with a residual connection, modulated by the time embedding. */
class ResnetBlock2D : public torch::nn::Module
{
public:
  ResnetBlock2D(std::int64_t inputs, std::int64_t outputs, const BlockSettings& settings);
  /** (B, inputs, H, W), (B, E) after its activation -> (B, outputs, H, W) */
  at::Tensor Forward(const at::Tensor& input, const at::Tensor& activatedTime) const;

private:
  BlockSettings Settings;
  std::shared_ptr<GroupNorm> Norm1;
  std::shared_ptr<Conv2d> Conv1;
  std::shared_ptr<Linear> TimeProjection;
  std::shared_ptr<GroupNorm> Norm2;
  std::shared_ptr<Conv2d> Conv2;
  std::shared_ptr<Conv2d> Shortcut; ///< Only where the channel count changes.
};

/** Self-attention over the pixels, with a residual connection. */
class AttentionBlock : public torch::nn::Module
{
public:
  /** @param groups of the normalization; 0 = none. */
  AttentionBlock(std::int64_t channels, std::int64_t headWidth, std::int64_t groups,
    const BlockSettings& settings);
  /** (B, channels, H, W) -> the same shape */
  at::Tensor Forward(const at::Tensor& input) const;

private:
  std::int64_t Heads;
  double OutputScaleFactor;
  std::shared_ptr<GroupNorm> Norm; ///< Absent where there is no normalization.
  std::shared_ptr<Linear> Query;
  std::shared_ptr<Linear> Key;
  std::shared_ptr<Linear> Value;
  std::shared_ptr<Linear> Output;
};

/** A stage of the encoder: resnets, each followed by attention where wanted, then downsampling. */
class UNetDownBlock : public torch::nn::Module
{
public:
  struct Options
  {
    std::int64_t Inputs;
    std::int64_t Outputs;
    std::int64_t Layers;
    std::int64_t HeadWidth; ///< 0 = no attention.
    bool Downsample;
    std::int64_t DownsamplePadding;
  };
  UNetDownBlock(const Options& options, const BlockSettings& settings);
  /** Appends every layer's result to `skips` and returns the last. */
  at::Tensor Forward(
    at::Tensor hidden, const at::Tensor& activatedTime, std::vector<at::Tensor>& skips) const;

private:
  std::vector<std::shared_ptr<ResnetBlock2D>> Resnets;
  std::vector<std::shared_ptr<AttentionBlock>> Attentions;
  std::shared_ptr<Conv2d> Downsampler;
  bool PadRightAndBottom;
};

/** The middle: a resnet, attention, a resnet. */
class UNetMidBlock : public torch::nn::Module
{
public:
  struct Options
  {
    std::int64_t Channels;
    std::int64_t HeadWidth;       ///< 0 = no attention.
    std::int64_t AttentionGroups; ///< 0 = attention without normalization.
  };
  UNetMidBlock(const Options& options, const BlockSettings& settings);
  at::Tensor Forward(at::Tensor hidden, const at::Tensor& activatedTime) const;

private:
  std::vector<std::shared_ptr<ResnetBlock2D>> Resnets;
  std::vector<std::shared_ptr<AttentionBlock>> Attentions;
};

/** A stage of the decoder: resnets over what comes from below and a skip, then upsampling. */
class UNetUpBlock : public torch::nn::Module
{
public:
  struct Options
  {
    std::int64_t Previous; ///< Channels that come from below.
    std::int64_t Inputs;   ///< Channels of the last skip.
    std::int64_t Outputs;
    std::int64_t Layers;
    std::int64_t HeadWidth; ///< 0 = no attention.
    bool Upsample;
  };
  UNetUpBlock(const Options& options, const BlockSettings& settings);
  /** Takes one skip per layer from the end of `skips`. */
  at::Tensor Forward(
    at::Tensor hidden, const at::Tensor& activatedTime, std::vector<at::Tensor>& skips) const;

private:
  std::vector<std::shared_ptr<ResnetBlock2D>> Resnets;
  std::vector<std::shared_ptr<AttentionBlock>> Attentions;
  std::shared_ptr<Conv2d> Upsampler;
};
}
