// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/DiffusionModels.h"
#include "Filters/DiffusionSampler/Core/LatentModel.h"
#include "Filters/DiffusionSampler/Core/ModelComponents.h"
#include "Filters/Networks/UNet2DModel.h"

#include <ATen/ATen.h>

namespace tdl
{
namespace
{
/**
 * Unconditional latent diffusion (diffusers' LDMPipeline) by a UNet2DModel and a VQModel: unet/,
 * vqvae/ and scheduler/.
 */
class LDMModel : public LatentModel
{
public:
  LDMModel(const std::string& folder, const ModelOptions& options)
    : LatentModel(folder, ReadSchedulerConfig(folder), options)
    , Network(this->OpenNetwork<UNet2DModel>(ComponentFolder(folder, "unet"), NetworkWeights))
  {
    const UNet2DConfig& config = this->Network->Config();
    const Configuration file(ComponentFolder(folder, "unet") + "/config.json");
    if (config.SampleSize == 0)
    {
      file.Refuse("sample_size");
    }
    if (config.NumClassEmbeds > 0)
    {
      file.Refuse("num_class_embeds");
    }
    this->OpenVQModel("vqvae", config.InChannels);
  }

  bool IsConditional() const override { return false; }
  std::string PromptName(const std::string& prompt) const override { return prompt; }
  Condition Encode(const std::string&) const override { return {}; }
  Condition EncodeNegative(const std::string&) const override { return {}; }

  std::vector<std::int64_t> SampleShape() const override
  {
    const UNet2DConfig& config = this->Network->Config();
    return { 1, config.InChannels, config.SampleSize, config.SampleSize };
  }

  std::int64_t ActivationChannels() const override
  {
    return this->Network->Config().BlockOutChannels.back();
  }

  at::Tensor RunNetwork(const at::Tensor& samples, const at::Tensor& timesteps, const Condition&,
    at::Tensor* activations) const override
  {
    return this->Network->Forward(samples, timesteps, {}, activations);
  }

protected:
  std::vector<Prompt> DefaultPrompts() const override { return { { UnconditionalName, {} } }; }

private:
  std::shared_ptr<UNet2DModel> Network;
};
}

std::unique_ptr<DiffusionModel> OpenLDMModel(
  const std::string& folder, const Configuration&, const ModelOptions& options)
{
  return std::make_unique<LDMModel>(folder, options);
}
}
