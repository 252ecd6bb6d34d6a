// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/FeatureEncoder/Core/Encoder.h"
#include "Filters/FeatureEncoder/Core/FeatureOutput.h"
#include "Filters/FeatureEncoder/Core/Preprocessor.h"

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>

namespace tdl
{
class ResNetModel;

/** A network from a transformers folder: config.json, preprocessor_config.json, model.safetensors.
 */
class ModelEncoder : public Encoder
{
public:
  /**
   * @param device where the network runs.
   * @throws FileError when the folder lacks a file, is broken or asks for what is not supported.
   */
  ModelEncoder(const std::string& folder, FeatureOutput output, at::Device device);

  int Dimension() const override;
  void Encode(const std::vector<ImageView>& images, float* features) const override;
  nlohmann::json Provenance() const override;

private:
  std::string Folder;
  FeatureOutput Output;
  at::Device Device;
  std::shared_ptr<ResNetModel> Network;
  Preprocessor Preprocess;
};
}
