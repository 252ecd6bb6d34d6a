// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/FeatureEncoder/Core/Encoder.h"
#include "Filters/FeatureEncoder/Core/FeatureOutput.h"
#include "Filters/FeatureEncoder/Core/Preprocessor.h"
#include "Filters/Networks/VisionModel.h"

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

namespace tdl
{
/**
 * A network from a folder as VisionModel opens it, with preprocessor_config.json. Where it is a
 * whole CLIP model with its tokenizer, images are compared with their prompts, too.
 */
class ModelEncoder : public Encoder
{
public:
  struct Options
  {
    std::string Folder;
    FeatureOutput Output;
    /** Of HiddenLayer and GramMatrix: 0 is the embedding, -1 the last layer. */
    int Layer;
    at::Device Device;
  };

  /**
   * Encodes an image to see what comes out.
   * @param prompts that images are compared with, where the model can.
   * @param example an image like those to come.
   * @throws FileError when the folder lacks a file, is broken, asks for what is not supported or
   *         has no such output; ParameterError when there is no such layer; DataError when the
   *         image does not suit the network.
   */
  ModelEncoder(
    const Options& options, const std::vector<std::string>& prompts, const ImageView& example);

  int Dimension() const override { return this->Width; }
  bool ComparesPrompts() const override { return this->PromptEmbeddings.defined(); }
  void Encode(const EncoderBatch& batch) const override;
  nlohmann::json Provenance() const override;

private:
  bool UsesLayer() const;
  void ResolveLayer();
  VisionModel::Output Run(const std::vector<ImageView>& images) const;
  /** The features (B, D) in what the network gave; undefined when it has none such. */
  at::Tensor Select(const VisionModel::Output& output) const;
  /** Puts finite numbers where they belong. @throws FileError when there are others. */
  void Store(const at::Tensor& values, float* target) const;

  Options Settings;
  std::shared_ptr<VisionModel> Network;
  Preprocessor Preprocess;
  at::Tensor PromptEmbeddings; ///< (prompts, C); undefined where images are not compared.
  VisionModel::Request Request;
  int Width = 0;
};
}
