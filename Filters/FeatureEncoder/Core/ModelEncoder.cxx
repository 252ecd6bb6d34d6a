// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/FeatureEncoder/Core/ModelEncoder.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Networks/Checksum.h"
#include "Filters/Networks/ModelFolder.h"
#include "Filters/Networks/ResNetModel.h"
#include "Filters/Networks/WeightFiles.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace tdl
{
namespace
{
std::shared_ptr<ResNetModel> OpenNetwork(const std::string& folder, at::Device device)
{
  const Configuration config(folder + "/config.json");
  const auto architecture = config.Get<std::string>("model_type", "none");
  if (architecture != "resnet")
  {
    throw FileError("Encoder folder '" + folder + "' holds a network of model_type '" +
      architecture + "', which is not supported; choose a folder of a ResNet (\"resnet\").");
  }
  auto network = ResNetModel::Open(folder);
  network->to(device);
  return network;
}
}

ModelEncoder::ModelEncoder(const std::string& folder, FeatureOutput output, at::Device device)
  : Folder(folder)
  , Output(output)
  , Device(device)
  , Network(OpenNetwork(folder, device))
  , Preprocess(Configuration(folder + "/preprocessor_config.json"),
      static_cast<int>(this->Network->Config().NumChannels))
{
  if (output == FeatureOutput::ClassScores && this->Network->Config().NumLabels == 0)
  {
    throw FileError("Encoder folder '" + folder +
      "' has no classification head; set Feature Output to Pooled or choose another folder.");
  }
}

int ModelEncoder::Dimension() const
{
  const ResNetConfig& config = this->Network->Config();
  return static_cast<int>(
    this->Output == FeatureOutput::Pooled ? config.HiddenSizes.back() : config.NumLabels);
}

void ModelEncoder::Encode(const std::vector<ImageView>& images, float* features) const
{
  at::Tensor result = this->Network->Features(this->Preprocess.Apply(images).to(this->Device));
  if (this->Output == FeatureOutput::ClassScores)
  {
    result = this->Network->Logits(result);
  }
  result = result.to(at::kCPU).contiguous();
  const float* values = result.data_ptr<float>();
  if (!std::all_of(
        values, values + result.numel(), [](float value) { return std::isfinite(value); }))
  {
    throw FileError("Encoder folder '" + this->Folder +
      "' gives features that are not finite numbers; its weights are damaged, download them "
      "again.");
  }
  std::copy_n(values, result.numel(), features);
}

nlohmann::json ModelEncoder::Provenance() const
{
  return { { "folder", this->Folder },
    { "checksum", FilesChecksum(WeightFiles(this->Folder, "model").Files()) },
    { "output", this->Output == FeatureOutput::Pooled ? "Pooled" : "Class Scores" },
    { "device", this->Device.str() } };
}
}
