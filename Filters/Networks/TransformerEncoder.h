// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Networks/Activations.h"

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tdl
{
class LayerNorm;
class Linear;

/** Where a family of transformers keeps the parts of a layer: paths of names in its weight file. */
struct TransformerLayerNames
{
  const char* Norm1;
  const char* Query;
  const char* Key;
  const char* Value;
  const char* Output;
  const char* Norm2;
  const char* Widen;
  const char* Narrow;
  const char* Scale1 = nullptr; ///< Of layers that scale what they add.
  const char* Scale2 = nullptr;
};

/** CLIP's, for text and images. */
extern const TransformerLayerNames ClipLayerNames;

/**
 * A layer of the transformers that encode text and images: attention and a perceptron, each behind
 * a normalization and beside a residual connection.
 */
class TransformerLayer : public torch::nn::Module
{
public:
  struct Options
  {
    TransformerLayerNames Names;
    std::int64_t Channels;
    std::int64_t Heads; ///< A divisor of Channels.
    std::int64_t Inner; ///< Channels between the perceptron's layers.
    double Epsilon;
    std::string HiddenAct;  ///< A name that FindActivation knows; not used when gated.
    bool Causal = false;    ///< Whether a token attends to those up to itself only.
    bool QueryBias = true;  ///< Whether query, key and value have biases.
    bool GatedSilu = false; ///< SwiGLU: Shazeer, "GLU variants improve Transformer", 2020.
  };

  explicit TransformerLayer(const Options& options);

  /** (B, tokens, Channels) -> the same shape */
  at::Tensor Forward(const at::Tensor& input) const;

private:
  at::Tensor Attended(const at::Tensor& input) const;
  at::Tensor Perceived(const at::Tensor& input) const;

  std::int64_t Heads;
  bool Causal;
  bool GatedSilu;
  Activation Activate;
  std::shared_ptr<LayerNorm> Norm1;
  std::shared_ptr<Linear> Query;
  std::shared_ptr<Linear> Key;
  std::shared_ptr<Linear> Value;
  std::shared_ptr<Linear> Output;
  std::shared_ptr<LayerNorm> Norm2;
  std::shared_ptr<Linear> Widen;
  std::shared_ptr<Linear> Narrow;
  at::Tensor Scale1; ///< (Channels); undefined where layers do not scale.
  at::Tensor Scale2;
};

/** Makes `count` layers and registers them as children "0", "1", ... of `path` below `parent`. */
std::vector<std::shared_ptr<TransformerLayer>> RegisterTransformerLayers(torch::nn::Module& parent,
  const std::string& path, std::int64_t count, const TransformerLayer::Options& options);
}
