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

/** Shape of a DINOv2: the keys of transformers' config.json, with its defaults. */
struct Dinov2Config
{
  std::int64_t HiddenSize = 768;
  std::int64_t NumHiddenLayers = 12;
  std::int64_t NumAttentionHeads = 12;
  double MlpRatio = 4.0; ///< Channels between the perceptron's layers, of HiddenSize.
  bool UseSwigluFfn = false;
  PatchConfig Patches;
  std::string HiddenAct = "gelu"; ///< A name that FindActivation knows.
  double LayerNormEps = 1e-6;
  bool QkvBias = true;
  std::int64_t NumLabels = 0; ///< Of the classification head; 0 = the bare network.

  /**
   * Reads `config.json`. The head is there where `architectures` names
   * Dinov2ForImageClassification.
   * @throws FileError naming the key of a value that is not supported or not possible.
   */
  static Dinov2Config Read(const Configuration& file);
};

/**
 * DINOv2 as transformers has it (Dinov2Model, and Dinov2ForImageClassification where there is a
 * head): Oquab et al., "DINOv2: Learning Robust Visual Features without Supervision", 2023. Takes
 * images of any size: positions are interpolated.
 *
 * Pooled is the class token.
 */
class Dinov2Model : public VisionModel
{
public:
  explicit Dinov2Model(const Dinov2Config& config);
  ~Dinov2Model() override;

  /** Opens a folder that holds config.json and the weights "model", for inference. */
  static std::shared_ptr<Dinov2Model> Open(const std::string& folder);

  Output Forward(const at::Tensor& pixels, const Request& request) const override;
  std::int64_t Channels() const override { return this->Settings.Patches.NumChannels; }
  std::int64_t HiddenLayers() const override { return this->Settings.NumHiddenLayers + 1; }

private:
  Dinov2Config Settings;
  PatchEmbedding Embeddings;
  std::vector<std::shared_ptr<TransformerLayer>> Layers;
  std::shared_ptr<LayerNorm> Norm;
  std::shared_ptr<Linear> Classifier; ///< Only with a head.
};
}
