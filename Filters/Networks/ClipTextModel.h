// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tdl
{
class Configuration;
class Embedding;
class LayerNorm;
class Linear;
class TransformerLayer;

/** Shape of a CLIP text encoder: the keys of transformers' config.json, with its defaults. */
struct ClipTextConfig
{
  std::int64_t VocabSize = 49408;
  std::int64_t HiddenSize = 512;
  std::int64_t IntermediateSize = 2048;
  std::int64_t NumHiddenLayers = 12;
  std::int64_t NumAttentionHeads = 8;
  std::int64_t MaxPositionEmbeddings = 77;
  std::string HiddenAct = "quick_gelu"; ///< A name that FindActivation knows.
  double LayerNormEps = 1e-5;
  std::int64_t EosTokenId = 49407;
  std::int64_t ProjectionDim = 0; ///< 0 = CLIPTextModel, which has no projection.

  /**
   * Reads `config.json`. The projection is there where `architectures` names
   * CLIPTextModelWithProjection.
   * @throws FileError naming the key of a value that is not supported or not possible.
   */
  static ClipTextConfig Read(const Configuration& file);
};

/**
 * The text encoder of CLIP as transformers has it (CLIPTextModel, and CLIPTextModelWithProjection
 * where there is a projection): Radford et al., "Learning Transferable Visual Models From Natural
 * Language Supervision", 2021. A transformer in which each token attends to those up to itself.
 */
class ClipTextModel : public torch::nn::Module
{
public:
  /** What the encoder makes of B texts of T tokens; C is HiddenSize. */
  struct Output
  {
    /** (B, T, C) each: the embedded tokens, then what each layer gives; without the final norm. */
    std::vector<at::Tensor> HiddenStates;
    /** The last hidden state after the final norm, (B, T, C). */
    at::Tensor LastHiddenState;
    /** The last hidden state at each text's end token, (B, C). */
    at::Tensor Pooled;
    /** The projection of Pooled, (B, ProjectionDim); undefined where there is none. */
    at::Tensor TextEmbeds;
  };

  explicit ClipTextModel(const ClipTextConfig& config);
  ~ClipTextModel() override;

  /**
   * Opens a folder that holds config.json and the weights "model", for inference; of a whole
   * CLIPModel its text half.
   */
  static std::shared_ptr<ClipTextModel> Open(const std::string& folder);

  /**
   * @param ids token ids, (B, T) int64, T at most MaxPositionEmbeddings.
   * @throws DataError when a text has too many tokens, or one that the encoder does not know.
   */
  Output Forward(const at::Tensor& ids) const;

  /** The final norm of a hidden state, (B, T, C) -> the same shape. */
  at::Tensor FinalNorm(const at::Tensor& hidden) const;

  const ClipTextConfig& Config() const { return this->Settings; }

private:
  ClipTextConfig Settings;
  std::shared_ptr<Embedding> TokenEmbedding;
  std::shared_ptr<Embedding> PositionEmbedding;
  std::vector<std::shared_ptr<TransformerLayer>> Layers;
  std::shared_ptr<LayerNorm> FinalLayerNorm;
  std::shared_ptr<Linear> Projection; ///< Absent where there is none.
};
}
