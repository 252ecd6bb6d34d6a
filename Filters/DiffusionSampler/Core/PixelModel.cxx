// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/ClassModel.h"
#include "Filters/DiffusionSampler/Core/DiffusionModels.h"
#include "Filters/DiffusionSampler/Core/ModelComponents.h"
#include "Filters/Networks/UNet2DModel.h"

#include <ATen/ATen.h>

namespace tdl
{
namespace
{
/**
 * Pixel diffusion by a UNet2DModel, unconditional or of classes: unet/ and scheduler/, or their
 * files beside model_index.json.
 */
class PixelModel : public ClassModel
{
public:
  PixelModel(const std::string& folder, const Configuration& index, const ModelOptions& options)
    : ClassModel(folder, ReadSchedulerConfig(folder), options)
  {
    const std::string unet = ComponentFolder(folder, "unet");
    const Configuration file(unet + "/config.json");
    const UNet2DConfig config = UNet2DConfig::Read(file);
    if (config.SampleSize == 0)
    {
      file.Refuse("sample_size");
    }
    this->ReadClasses(index, config.NumClassEmbeds);
    this->Network = this->OpenNetwork<UNet2DModel>(unet, NetworkWeights);
  }

  std::vector<std::int64_t> SampleShape() const override
  {
    const UNet2DConfig& config = this->Network->Config();
    return { 1, config.InChannels, config.SampleSize, config.SampleSize };
  }

  std::int64_t ActivationChannels() const override
  {
    return this->Network->Config().BlockOutChannels.back();
  }

  at::Tensor RunNetwork(const at::Tensor& samples, const at::Tensor& timesteps,
    const Condition& condition, at::Tensor* activations) const override
  {
    return this->Network->Forward(samples, timesteps, LabelsOf(condition), activations);
  }

private:
  std::shared_ptr<UNet2DModel> Network;
};
}

std::unique_ptr<DiffusionModel> OpenPixelModel(
  const std::string& folder, const Configuration& index, const ModelOptions& options)
{
  return std::make_unique<PixelModel>(folder, index, options);
}
}
