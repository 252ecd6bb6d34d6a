// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Networks/UNetBlocks.h"

#include <cstdint>
#include <memory>
#include <vector>

/**
 * The transformers inside diffusers' networks, with diffusers' parameter names. B is the batch, C a
 * channel count.
 */
namespace tdl
{
/** Attention between two sequences of tokens, or of one with itself. */
class TokenAttention : public torch::nn::Module
{
public:
  explicit TokenAttention(const AttentionProjections::Options& options);
  /** (B, tokens, C), (B, context tokens, context C) -> (B, tokens, C) */
  at::Tensor Forward(const at::Tensor& tokens, const at::Tensor& context) const;

private:
  AttentionProjections Projections;
};

/** Two linear layers with four times the channels between them. */
class FeedForward : public torch::nn::Module
{
public:
  enum class Activation
  {
    Geglu,   ///< Gated GELU: Shazeer, "GLU variants improve Transformer", 2020.
    GeluTanh ///< GELU in its approximation by tanh.
  };
  FeedForward(std::int64_t channels, Activation activation);
  /** (B, tokens, C) -> the same shape */
  at::Tensor Forward(const at::Tensor& tokens) const;

private:
  Activation Kind;
  std::shared_ptr<Linear> Input;
  std::shared_ptr<Linear> Output;
};

/** Normalized self-attention, attention to a context and feed-forward, each with a residual. */
class BasicTransformerBlock : public torch::nn::Module
{
public:
  struct Options
  {
    std::int64_t Channels;
    std::int64_t ContextChannels;
    std::int64_t Heads;
    bool OnlyContext; ///< The first attention is to the context, too.
  };
  explicit BasicTransformerBlock(const Options& options);
  /** (B, tokens, C), (B, context tokens, context C) -> (B, tokens, C) */
  at::Tensor Forward(at::Tensor tokens, const at::Tensor& context) const;

private:
  bool OnlyContext;
  std::shared_ptr<LayerNorm> Norm1;
  std::shared_ptr<TokenAttention> Attention1;
  std::shared_ptr<LayerNorm> Norm2;
  std::shared_ptr<TokenAttention> Attention2;
  std::shared_ptr<LayerNorm> Norm3;
  std::shared_ptr<FeedForward> Feed;
};

class PixelProjection;

/** Transformer blocks over the pixels, with a residual connection: diffusers' Transformer2DModel
 * over continuous input. */
class Transformer2DModel : public PixelAttention
{
public:
  struct Options
  {
    BasicTransformerBlock::Options Block;
    std::int64_t Layers;
    std::int64_t Groups;
    bool LinearProjection; ///< The file keeps projections as linear layers, not as convolutions.
  };
  explicit Transformer2DModel(const Options& options);
  at::Tensor Forward(const at::Tensor& input, const at::Tensor& context) const override;

private:
  std::shared_ptr<GroupNorm> Norm;
  std::shared_ptr<PixelProjection> Input;
  std::vector<std::shared_ptr<BasicTransformerBlock>> Blocks;
  std::shared_ptr<PixelProjection> Output;
};
}
