// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Networks/VisionModel.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tdl
{
class Conv2d;
class ConvNextStage;
class LayerNorm;
class Linear;

/** Shape of a ConvNeXT: the keys of transformers' config.json, with its defaults. */
struct ConvNextConfig
{
  std::int64_t NumChannels = 3;
  std::int64_t PatchSize = 4;
  std::vector<std::int64_t> HiddenSizes{ 96, 192, 384, 768 };
  std::vector<std::int64_t> Depths{ 3, 3, 9, 3 };
  std::string HiddenAct = "gelu"; ///< A name that FindActivation knows.
  double LayerNormEps = 1e-12;    ///< Of the last normalization only.
  bool LayerScale = true;         ///< layer_scale_init_value is positive.
  std::int64_t NumLabels = 0;     ///< Of the classification head; 0 = the bare network.

  /**
   * Reads `config.json`. The head is there where `architectures` names
   * ConvNextForImageClassification.
   * @throws FileError naming the key of a value that is not supported or not possible.
   */
  static ConvNextConfig Read(const Configuration& file);
};

/**
 * The convolutional network of transformers' ConvNextModel (and ConvNextForImageClassification
 * where there is a head): Liu et al., "A ConvNet for the 2020s", 2022.
 *
 * Pooled is the mean over the last stage's pixels, normalized. There is no class token; a patch is
 * a pixel of the last stage.
 */
class ConvNextModel : public VisionModel
{
public:
  explicit ConvNextModel(const ConvNextConfig& config);
  ~ConvNextModel() override;

  /** Opens a folder that holds config.json and the weights "model", for inference. */
  static std::shared_ptr<ConvNextModel> Open(const std::string& folder);

  Output Forward(const at::Tensor& pixels, const Request& request) const override;
  std::int64_t Channels() const override { return this->Settings.NumChannels; }
  std::int64_t HiddenLayers() const override
  {
    return static_cast<std::int64_t>(this->Settings.Depths.size()) + 1;
  }

private:
  ConvNextConfig Settings;
  std::shared_ptr<Conv2d> PatchProjection;
  std::shared_ptr<LayerNorm> PatchNorm;
  std::vector<std::shared_ptr<ConvNextStage>> Stages;
  std::shared_ptr<LayerNorm> Norm;
  std::shared_ptr<Linear> Classifier; ///< Only with a head.
};
}
