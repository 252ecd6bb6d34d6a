// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/ClassLabels.h"
#include "Filters/DiffusionSampler/Core/DiffusionModels.h"
#include "Filters/DiffusionSampler/Core/LatentModel.h"
#include "Filters/DiffusionSampler/Core/ModelComponents.h"
#include "Filters/Networks/DiTTransformer2DModel.h"

#include <ATen/ATen.h>

namespace tdl
{
namespace
{
/**
 * Class-conditional latent diffusion by a transformer (diffusers' DiTPipeline): transformer/, vae/
 * and scheduler/; model_index.json names the classes in id2label.
 */
class DiTModel : public LatentModel
{
public:
  DiTModel(const std::string& folder, const Configuration& index, const ModelOptions& options)
    : LatentModel(folder, ReadSchedulerConfig(folder), options)
    , Network(this->OpenNetwork<DiTTransformer2DModel>(
        ComponentFolder(folder, "transformer"), NetworkWeights))
    , Classes(index, this->Network->Config().NumClasses)
  {
    this->OpenAutoencoder("vae", this->Network->Config().InChannels, this->Precision());
  }

  std::string PromptName(const std::string& prompt) const override
  {
    return this->Classes.Find(prompt).Name;
  }

  Condition Encode(const std::string& prompt) const override
  {
    return this->OfLabel(this->Classes.Find(prompt).Label);
  }

  Condition EncodeNegative(const std::string& prompt) const override
  {
    return prompt.empty() ? this->OfLabel(this->Network->Config().NumClasses)
                          : this->Encode(prompt);
  }

  std::vector<std::int64_t> SampleShape() const override
  {
    const DiTTransformer2DConfig& config = this->Network->Config();
    return { 1, config.InChannels, config.SampleSize, config.SampleSize };
  }

  std::int64_t ActivationChannels() const override { return this->Network->Config().Channels(); }

  at::Tensor RunNetwork(const at::Tensor& samples, const at::Tensor& timesteps,
    const Condition& condition, at::Tensor* activations) const override
  {
    return this->Network->Forward(samples, timesteps, condition.front(), activations);
  }

protected:
  std::vector<Prompt> DefaultPrompts() const override { return this->Classes.Prompts(); }

private:
  Condition OfLabel(std::int64_t label) const
  {
    return { at::tensor({ label }, at::kLong).to(this->Device()) };
  }

  std::shared_ptr<DiTTransformer2DModel> Network;
  ClassLabels Classes;
};
}

std::unique_ptr<DiffusionModel> OpenDiTModel(
  const std::string& folder, const Configuration& index, const ModelOptions& options)
{
  return std::make_unique<DiTModel>(folder, index, options);
}
}
