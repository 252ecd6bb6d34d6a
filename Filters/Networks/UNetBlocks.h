// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Networks/Layers.h"

#include <torch/nn/module.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

/**
 * The blocks diffusers' UNets and autoencoders are made of, with diffusers' parameter names. B is
 * the batch, C a channel count, E the width of the time embedding.
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
  /** @param conditions width of a condition that is added to the input; 0 = none. */
  TimestepEmbedding(std::int64_t inputs, std::int64_t outputs, std::int64_t conditions = 0);
  /** (B, inputs), (B, conditions) or undefined -> (B, outputs) */
  at::Tensor Forward(const at::Tensor& input, const at::Tensor& condition = {}) const;

private:
  std::shared_ptr<Linear> ConditionProjection;
  std::shared_ptr<Linear> Linear1;
  std::shared_ptr<Linear> Linear2;
};

/** What all blocks of one network have in common. */
struct BlockSettings
{
  std::int64_t TimeChannels; ///< 0 = blocks without a time embedding.
  std::int64_t Groups;
  double Epsilon;
  bool ScaleShift;                ///< The time embedding scales and shifts, rather than shifts.
  double OutputScaleFactor = 1.0; ///< Residual sums are divided by it.
};

/** What the blocks of a network are conditioned on; undefined where it has no such condition. */
struct BlockConditions
{
  at::Tensor Time;    ///< (B, E), the time embedding after its activation.
  at::Tensor Context; ///< (B, tokens, channels), what transformers attend to.
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
  std::shared_ptr<Linear> TimeProjection; ///< Absent where there is no time embedding.
  std::shared_ptr<GroupNorm> Norm2;
  std::shared_ptr<Conv2d> Conv2;
  std::shared_ptr<Conv2d> Shortcut; ///< Only where the channel count changes.
};

/** Multi-head attention between two sequences of tokens, as diffusers' class Attention. */
class AttentionProjections
{
public:
  struct Options
  {
    std::int64_t Channels;
    std::int64_t ContextChannels; ///< Of the tokens that keys and values are made of.
    std::int64_t Heads;           ///< A divisor of Channels.
    bool Bias;                    ///< Of query, key and value; the output has one.
  };
  /** Registers to_q, to_k, to_v and to_out.0 in `owner`. */
  AttentionProjections(torch::nn::Module& owner, const Options& options);
  /** (B, tokens, Channels), (B, context tokens, ContextChannels) -> (B, tokens, Channels) */
  at::Tensor Forward(const at::Tensor& tokens, const at::Tensor& context) const;

private:
  std::int64_t Heads;
  std::shared_ptr<Linear> Query;
  std::shared_ptr<Linear> Key;
  std::shared_ptr<Linear> Value;
  std::shared_ptr<Linear> Output;
};

/** What follows a resnet where its block attends. */
class PixelAttention : public torch::nn::Module
{
public:
  /** (B, C, H, W), (B, tokens, channels) or undefined -> (B, C, H, W) */
  virtual at::Tensor Forward(const at::Tensor& input, const at::Tensor& context) const = 0;
};

/** Makes the attention of one layer; an empty function = no attention. */
using AttentionMaker = std::function<std::shared_ptr<PixelAttention>()>;

/** Self-attention over the pixels, with a residual connection. */
class AttentionBlock : public PixelAttention
{
public:
  /** @param groups of the normalization; 0 = none. */
  AttentionBlock(std::int64_t channels, std::int64_t headWidth, std::int64_t groups,
    const BlockSettings& settings);
  at::Tensor Forward(const at::Tensor& input, const at::Tensor& context) const override;

private:
  double OutputScaleFactor;
  std::shared_ptr<GroupNorm> Norm; ///< Absent where there is no normalization.
  AttentionProjections Projections;
};

/** Resnets, each followed by attention where wanted. */
class BlockLayers : public torch::nn::Module
{
protected:
  /** @param inputs channels that the first layer takes, the second, ... */
  BlockLayers(const std::vector<std::int64_t>& inputs, std::int64_t outputs,
    const AttentionMaker& attention, const BlockSettings& settings);
  /** Layer `index` of all. */
  at::Tensor RunLayer(
    std::size_t index, const at::Tensor& hidden, const BlockConditions& conditions) const;

  std::vector<std::shared_ptr<ResnetBlock2D>> Resnets;
  std::vector<std::shared_ptr<PixelAttention>> Attentions;
};

/** A stage of an encoder: layers, then downsampling. */
class UNetDownBlock : public BlockLayers
{
public:
  struct Options
  {
    std::int64_t Inputs;
    std::int64_t Outputs;
    std::int64_t Layers;
    AttentionMaker Attention;
    bool Downsample;
    std::int64_t DownsamplePadding; ///< 0 = of one pixel to the right and at the bottom.
  };
  UNetDownBlock(const Options& options, const BlockSettings& settings);
  /** Returns the last layer's result; appends every layer's to `skips` unless that is null. */
  at::Tensor Forward(
    at::Tensor hidden, const BlockConditions& conditions, std::vector<at::Tensor>* skips) const;

private:
  std::shared_ptr<Conv2d> Downsampler;
  bool PadRightAndBottom;
};

/** The middle: a resnet, attention where wanted, a resnet. */
class UNetMidBlock : public torch::nn::Module
{
public:
  UNetMidBlock(
    std::int64_t channels, const AttentionMaker& attention, const BlockSettings& settings);
  at::Tensor Forward(at::Tensor hidden, const BlockConditions& conditions) const;

private:
  std::vector<std::shared_ptr<ResnetBlock2D>> Resnets;
  std::vector<std::shared_ptr<PixelAttention>> Attentions;
};

/** A stage of a decoder: layers over what comes from below and a skip, then upsampling. */
class UNetUpBlock : public BlockLayers
{
public:
  struct Options
  {
    std::int64_t Previous; ///< Channels that come from below.
    std::int64_t Inputs;   ///< Channels of the last skip; 0 = the network has no skips.
    std::int64_t Outputs;
    std::int64_t Layers;
    AttentionMaker Attention;
    bool Upsample;
  };
  UNetUpBlock(const Options& options, const BlockSettings& settings);
  /**
   * Takes one skip per layer from the end of `skips`; null where the network has none. Upsampling
   * is to the size of the skip that is then the last one, otherwise to twice the size.
   */
  at::Tensor Forward(
    at::Tensor hidden, const BlockConditions& conditions, std::vector<at::Tensor>* skips) const;

private:
  std::shared_ptr<Conv2d> Upsampler;
};
}
