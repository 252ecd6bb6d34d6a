// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Networks/PatchEmbedding.h"
#include "Filters/Networks/VisionModel.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tdl
{
class LayerNorm;
class Linear;
class TransformerLayer;

/** Shape of a ViT: the keys of transformers' config.json, with its defaults. */
struct ViTConfig
{
  std::int64_t HiddenSize = 768;
  std::int64_t IntermediateSize = 3072;
  std::int64_t NumHiddenLayers = 12;
  std::int64_t NumAttentionHeads = 12;
  PatchConfig Patches;
  std::string HiddenAct = "gelu"; ///< A name that FindActivation knows.
  double LayerNormEps = 1e-12;
  bool QkvBias = true;
  std::int64_t PoolerOutputSize = 0; ///< 0 = no pooler, as the weights of classifiers have none.
  std::string PoolerAct = "tanh";    ///< A name that FindActivation knows.
  std::int64_t NumLabels = 0;        ///< Of the classification head; 0 = the bare network.

  /**
   * Reads `config.json`. The head is there where `architectures` names ViTForImageClassification.
   * @param pooler whether the weights have one, which the file does not tell.
   * @throws FileError naming the key of a value that is not supported or not possible.
   */
  static ViTConfig Read(const Configuration& file, bool pooler);
};

/**
 * The vision transformer of transformers (ViTModel, and ViTForImageClassification where there is a
 * head): Dosovitskiy et al., "An Image is Worth 16x16 Words", 2021.
 *
 * Pooled is the pooler's result, where the weights have one, else the class token.
 */
class ViTModel : public VisionModel
{
public:
  explicit ViTModel(const ViTConfig& config);
  ~ViTModel() override;

  /** Opens a folder that holds config.json and the weights "model", for inference. */
  static std::shared_ptr<ViTModel> Open(const std::string& folder);

  Output Forward(const at::Tensor& pixels, const Request& request) const override;
  std::int64_t Channels() const override { return this->Settings.Patches.NumChannels; }
  std::int64_t HiddenLayers() const override { return this->Settings.NumHiddenLayers + 1; }

private:
  ViTConfig Settings;
  PatchEmbedding Embeddings;
  std::vector<std::shared_ptr<TransformerLayer>> Layers;
  std::shared_ptr<LayerNorm> Norm;
  std::shared_ptr<Linear> Pooler;     ///< Absent where there is none.
  std::shared_ptr<Linear> Classifier; ///< Only with a head.
};
}
