// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/TransformerBlocks.h"

#include "Filters/Networks/InPlace.h"

#include <ATen/ATen.h>
#include <torch/utils.h>

namespace tdl
{
namespace
{
constexpr double LayerNormEpsilon = 1e-5;
constexpr double TransformerNormEpsilon = 1e-6; ///< Whatever norm_eps the network has.
}

TokenAttention::TokenAttention(const AttentionProjections::Options& options)
  : Projections(*this, options)
{
}

at::Tensor TokenAttention::Forward(const at::Tensor& tokens, const at::Tensor& context) const
{
  return this->Projections.Forward(tokens, context);
}

FeedForward::FeedForward(std::int64_t channels, Activation activation)
  : Kind(activation)
{
  const std::int64_t inner = 4 * channels;
  const auto net = RegisterChild<NameLevel>(*this, "net");
  const auto first = RegisterChild<NameLevel>(*net, "0");
  this->Input = RegisterChild<Linear>(
    *first, "proj", channels, activation == Activation::Geglu ? 2 * inner : inner);
  this->Output = RegisterChild<Linear>(*net, "2", inner, channels);
}

at::Tensor FeedForward::Forward(const at::Tensor& tokens) const
{
  at::Tensor hidden = this->Input->Forward(tokens);
  if (this->Kind == Activation::Geglu)
  {
    const auto valueAndGate = hidden.chunk(2, -1);
    hidden = Product(valueAndGate[0], Gelu(valueAndGate[1]));
  }
  else
  {
    hidden = at::gelu(hidden, "tanh");
  }
  return this->Output->Forward(hidden);
}

BasicTransformerBlock::BasicTransformerBlock(const Options& options)
  : OnlyContext(options.OnlyContext)
{
  const std::int64_t channels = options.Channels;
  const auto attention = [&](std::int64_t contextChannels) {
    return AttentionProjections::Options{ channels, contextChannels, options.Heads, false };
  };
  this->Norm1 = RegisterChild<LayerNorm>(*this, "norm1", channels, LayerNormEpsilon);
  this->Attention1 = RegisterChild<TokenAttention>(
    *this, "attn1", attention(options.OnlyContext ? options.ContextChannels : channels));
  this->Norm2 = RegisterChild<LayerNorm>(*this, "norm2", channels, LayerNormEpsilon);
  this->Attention2 =
    RegisterChild<TokenAttention>(*this, "attn2", attention(options.ContextChannels));
  this->Norm3 = RegisterChild<LayerNorm>(*this, "norm3", channels, LayerNormEpsilon);
  this->Feed = RegisterChild<FeedForward>(*this, "ff", channels, FeedForward::Activation::Geglu);
}

at::Tensor BasicTransformerBlock::Forward(at::Tensor tokens, const at::Tensor& context) const
{
  at::Tensor normalized = this->Norm1->Forward(tokens);
  tokens =
    Sum(this->Attention1->Forward(normalized, this->OnlyContext ? context : normalized), tokens);
  normalized.reset();
  tokens = Sum(this->Attention2->Forward(this->Norm2->Forward(tokens), context), tokens);
  return Sum(this->Feed->Forward(this->Norm3->Forward(tokens)), tokens);
}

/** A linear layer on every pixel's channels, which a file keeps as that or as a convolution. */
class PixelProjection : public torch::nn::Module
{
public:
  PixelProjection(std::int64_t channels, bool linear)
    : Weight(this->register_parameter("weight",
        linear ? torch::empty({ channels, channels }) : torch::empty({ channels, channels, 1, 1 })))
    , Bias(this->register_parameter("bias", torch::empty({ channels })))
  {
  }
  /** (B, pixels, C) -> the same shape */
  at::Tensor Forward(const at::Tensor& pixels) const
  {
    return at::linear(pixels, this->Weight.flatten(1), this->Bias);
  }

private:
  at::Tensor Weight;
  at::Tensor Bias;
};

Transformer2DModel::Transformer2DModel(const Options& options)
  : Norm(RegisterChild<GroupNorm>(
      *this, "norm", options.Groups, options.Block.Channels, TransformerNormEpsilon))
  , Input(RegisterChild<PixelProjection>(
      *this, "proj_in", options.Block.Channels, options.LinearProjection))
{
  for (std::int64_t i = 0; i < options.Layers; ++i)
  {
    this->Blocks.push_back(std::make_shared<BasicTransformerBlock>(options.Block));
  }
  RegisterList(*this, "transformer_blocks", this->Blocks);
  this->Output = RegisterChild<PixelProjection>(
    *this, "proj_out", options.Block.Channels, options.LinearProjection);
}

at::Tensor Transformer2DModel::Forward(const at::Tensor& input, const at::Tensor& context) const
{
  at::Tensor pixels = this->Input->Forward(this->Norm->Forward(input).flatten(2).transpose(1, 2));
  for (const auto& block : this->Blocks)
  {
    pixels = block->Forward(pixels, context);
  }
  return Sum(this->Output->Forward(pixels).transpose(1, 2).reshape(input.sizes()), input);
}
}
