// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Networks/VisionModel.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tdl
{
class Linear;
class ResNetConvolution;
class ResNetStage;

/** Shape of a ResNet: the keys of transformers' config.json, with its defaults. */
struct ResNetConfig
{
  std::int64_t NumChannels = 3;
  std::int64_t EmbeddingSize = 64;
  std::vector<std::int64_t> HiddenSizes{ 256, 512, 1024, 2048 };
  std::vector<std::int64_t> Depths{ 3, 4, 6, 3 };
  bool Bottleneck = true; ///< layer_type: "bottleneck" (true) or "basic".
  std::string HiddenAct = "relu";
  bool DownsampleInFirstStage = false;
  bool DownsampleInBottleneck = false; ///< The first convolution strides rather than the second.
  std::int64_t NumLabels = 0;          ///< Of the classification head; 0 = the bare network.

  /**
   * Reads `config.json`. The head is there where `architectures` names
   * ResNetForImageClassification.
   * @throws FileError naming the key of a value that is not supported or not possible.
   */
  static ResNetConfig Read(const Configuration& file);
};

/**
 * The residual network of transformers (ResNetModel, and ResNetForImageClassification where there
 * is a head): He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", 2015; with
 * bottlenecks, version 1.5, which strides in the 3x3 convolution.
 *
 * The stem divides width and height by four, each later stage by two. Pooled is the mean over the
 * last stage's pixels. There is no class token; a patch is a pixel of the last stage.
 */
class ResNetModel : public VisionModel
{
public:
  explicit ResNetModel(const ResNetConfig& config);
  ~ResNetModel() override;

  /** Opens a folder that holds config.json and model.safetensors, for inference. */
  static std::shared_ptr<ResNetModel> Open(const std::string& folder);

  /**
   * @param pixels preprocessed images, (B, NumChannels, H, W).
   * @return the last stage's activations averaged over the pixels, (B, last of HiddenSizes).
   */
  at::Tensor Features(const at::Tensor& pixels) const;

  /** The head's class scores before softmax, (B, NumLabels), of features. */
  at::Tensor Logits(const at::Tensor& features) const;

  Output Forward(const at::Tensor& pixels, const Request& request) const override;
  std::int64_t Channels() const override { return this->Settings.NumChannels; }
  std::int64_t HiddenLayers() const override
  {
    return static_cast<std::int64_t>(this->Settings.Depths.size()) + 1;
  }

  const ResNetConfig& Config() const { return this->Settings; }

private:
  ResNetConfig Settings;
  std::shared_ptr<ResNetConvolution> Stem;
  std::vector<std::shared_ptr<ResNetStage>> Stages;
  std::shared_ptr<Linear> Classifier; ///< Only with a head.
};
}
