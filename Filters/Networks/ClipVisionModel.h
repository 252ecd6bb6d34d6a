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

/** Shape of a CLIP image encoder: the keys of transformers' config.json, with its defaults. */
struct ClipVisionConfig
{
  std::int64_t HiddenSize = 768;
  std::int64_t IntermediateSize = 3072;
  std::int64_t NumHiddenLayers = 12;
  std::int64_t NumAttentionHeads = 12;
  PatchConfig Patches;
  std::string HiddenAct = "quick_gelu"; ///< A name that FindActivation knows.
  double LayerNormEps = 1e-5;
  std::int64_t ProjectionDim = 0; ///< 0 = CLIPVisionModel, which has no projection.

  /**
   * Reads `config.json` of a CLIPVisionModel, of a CLIPVisionModelWithProjection, or of a whole
   * CLIPModel its `vision_config`.
   * @throws FileError naming the key of a value that is not supported or not possible.
   */
  static ClipVisionConfig Read(const Configuration& file);
};

/**
 * The image encoder of CLIP as transformers has it (CLIPVisionModel, and
 * CLIPVisionModelWithProjection where there is a projection): Radford et al., "Learning
 * Transferable Visual Models From Natural Language Supervision", 2021.
 *
 * Pooled is the projection, where there is one, else the class token. Patches are as the last layer
 * gives them, without the normalization that the class token goes through.
 */
class ClipVisionModel : public VisionModel
{
public:
  explicit ClipVisionModel(const ClipVisionConfig& config);
  ~ClipVisionModel() override;

  /** Opens a folder that holds config.json and the weights "model", for inference. */
  static std::shared_ptr<ClipVisionModel> Open(const std::string& folder);

  Output Forward(const at::Tensor& pixels, const Request& request) const override;
  std::int64_t Channels() const override { return this->Settings.Patches.NumChannels; }
  std::int64_t HiddenLayers() const override { return this->Settings.NumHiddenLayers + 1; }

private:
  ClipVisionConfig Settings;
  PatchEmbedding Embeddings;
  std::shared_ptr<LayerNorm> NormBefore;
  std::vector<std::shared_ptr<TransformerLayer>> Layers;
  std::shared_ptr<LayerNorm> NormAfter;
  std::shared_ptr<Linear> Projection; ///< Absent where there is none.
};
}
