// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/ClassLabels.h"
#include "Filters/DiffusionSampler/Core/DiffusionModels.h"
#include "Filters/DiffusionSampler/Core/ModelComponents.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Networks/UNet2DModel.h"

#include <ATen/ATen.h>

#include <optional>

namespace tdl
{
namespace
{
/**
 * Pixel diffusion by a UNet2DModel, unconditional or of classes: unet/ and scheduler/, or their
 * files beside model_index.json. Two entries of that are read beyond those of diffusers: id2label,
 * see ClassLabels, and null_label, the class that stands for none in classifier-free guidance.
 */
class PixelModel : public DiffusionModel
{
public:
  PixelModel(const std::string& folder, const Configuration& index, const ModelOptions& options)
    : DiffusionModel(folder, ReadSchedulerConfig(folder), options)
  {
    const std::string unet = ComponentFolder(folder, "unet");
    const Configuration file(unet + "/config.json");
    const UNet2DConfig config = UNet2DConfig::Read(file);
    if (config.SampleSize == 0)
    {
      file.Refuse("sample_size");
    }
    const auto null = index.Get<std::int64_t>("null_label", -1);
    if (null < -1 || null >= config.NumClassEmbeds)
    {
      index.Refuse("null_label");
    }
    if (config.NumClassEmbeds > 0)
    {
      this->Classes.emplace(index, config.NumClassEmbeds, null);
      this->NullLabel = null;
    }
    this->Network = this->OpenNetwork<UNet2DModel>(unet, NetworkWeights);
  }

  bool IsConditional() const override { return this->Classes.has_value(); }

  std::string PromptName(const std::string& prompt) const override
  {
    return this->Classes ? this->Classes->Find(prompt).Name : prompt;
  }

  Condition Encode(const std::string& prompt) const override
  {
    return this->Classes ? this->OfLabel(this->Classes->Find(prompt).Label) : Condition{};
  }

  Condition EncodeNegative(const std::string& prompt) const override
  {
    if (!prompt.empty())
    {
      return this->Encode(prompt);
    }
    if (this->NullLabel < 0)
    {
      throw ParameterError("The model '" + this->Folder() +
        "' has no null label to guide away from; set Guidance Scale to 1 or name a Negative "
        "Prompt.");
    }
    return this->OfLabel(this->NullLabel);
  }

  std::vector<std::int64_t> SampleShape() const override
  {
    const UNet2DConfig& config = this->Network->Config();
    return { 1, config.InChannels, config.SampleSize, config.SampleSize };
  }

  at::Tensor Forward(
    const at::Tensor& samples, double timestep, const Condition& condition) const override
  {
    return this->Network->Forward(
      samples, Timesteps(samples, timestep), condition.empty() ? at::Tensor() : condition.front());
  }

protected:
  std::vector<Prompt> DefaultPrompts() const override
  {
    return this->Classes ? this->Classes->Prompts()
                         : std::vector<Prompt>{ { UnconditionalName, {} } };
  }

private:
  Condition OfLabel(std::int64_t label) const
  {
    return { at::tensor({ label }, at::kLong).to(this->Device()) };
  }

  std::shared_ptr<UNet2DModel> Network;
  std::optional<ClassLabels> Classes; ///< None: unconditional.
  std::int64_t NullLabel = -1;        ///< -1: none.
};
}

std::unique_ptr<DiffusionModel> OpenPixelModel(
  const std::string& folder, const Configuration& index, const ModelOptions& options)
{
  return std::make_unique<PixelModel>(folder, index, options);
}
}
