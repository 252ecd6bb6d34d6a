// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/DiffusionModels.h"
#include "Filters/DiffusionSampler/Core/LatentModel.h"
#include "Filters/DiffusionSampler/Core/ModelComponents.h"
#include "Filters/Networks/AutoencoderKL.h"
#include "Filters/Networks/ClipTextModel.h"
#include "Filters/Networks/ClipTokenizer.h"
#include "Filters/Networks/UNet2DConditionModel.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <regex>

namespace tdl
{
namespace
{
constexpr char TextWeights[] = "model"; // how transformers names them

/** A tokenizer and the text encoder that takes its tokens. */
struct TextEncoder
{
  ClipTokenizer Tokenizer;
  std::shared_ptr<ClipTextModel> Network;

  /** Cut or filled up to the tokenizer's length; B = 1. */
  ClipTextModel::Output Encode(const std::string& prompt, at::Device device) const
  {
    return this->Network->Forward(
      at::tensor(this->Tokenizer.Encode(prompt), at::kLong).unsqueeze(0).to(device));
  }

  PromptLength Measure(const std::string& prompt) const
  {
    constexpr std::size_t beginAndEnd = 2;
    const std::size_t tokens = this->Tokenizer.Tokenize(prompt).size();
    return { tokens, std::min(tokens, this->Tokenizer.Length() - beginAndEnd) };
  }
};

/** Whether a file is of a version of diffusers before 0.9. */
bool IsBefore09(const Configuration& file)
{
  const auto version = file.Get<std::string>("_diffusers_version", "");
  return std::regex_search(version, std::regex("^0\\.[0-8](\\.|$)"));
}

/**
 * Base of text-conditional latent diffusion by a UNet2DConditionModel: unet/, vae/, scheduler/,
 * and one or two text encoders with their tokenizers. What else is in such folders
 * (safety_checker, feature_extractor) is not used.
 */
class TextToImageModel : public LatentModel
{
public:
  std::string PromptName(const std::string& prompt) const override { return prompt; }

  std::vector<std::int64_t> SampleShape() const override
  {
    return { 1, this->Network->Config().InChannels, this->Height, this->Width };
  }

  std::int64_t ActivationChannels() const override
  {
    return this->Network->Config().BlockOutChannels.back();
  }

  at::Tensor RunNetwork(const at::Tensor& samples, const at::Tensor& timesteps,
    const Condition& condition, at::Tensor* activations) const override
  {
    return this->Network->Forward(
      samples, timesteps, this->NetworkConditions(condition), activations);
  }

protected:
  TextToImageModel(const std::string& folder, Configuration scheduler, const ModelOptions& options,
    at::ScalarType autoencoderPrecision)
    : LatentModel(folder, std::move(scheduler), options)
    , Network(
        this->OpenNetwork<UNet2DConditionModel>(ComponentFolder(folder, "unet"), NetworkWeights))
    , Height(this->Network->Config().SampleHeight)
    , Width(this->Network->Config().SampleWidth)
  {
    if (this->Height == 0)
    {
      this->UNetFile().Refuse("sample_size");
    }
    if (this->Network->Config().TimeCondProjDim > 0) // distilled to be told the guidance scale
    {
      this->UNetFile().Refuse("time_cond_proj_dim");
    }
    this->OpenAutoencoder("vae", this->Network->Config().InChannels, autoencoderPrecision);
  }

  Configuration UNetFile() const
  {
    return Configuration(ComponentFolder(this->Folder(), "unet") + "/config.json");
  }

  TextEncoder OpenTextEncoder(const std::string& suffix)
  {
    const std::string tokenizer =
      ComponentFolder(this->Folder(), "tokenizer" + suffix, "vocab.json");
    return { ClipTokenizer(tokenizer),
      this->OpenNetwork<ClipTextModel>(
        ComponentFolder(this->Folder(), "text_encoder" + suffix), TextWeights) };
  }

  virtual UNet2DConditions NetworkConditions(const Condition& condition) const = 0;

private:
  std::shared_ptr<UNet2DConditionModel> Network;

protected:
  std::int64_t Height; ///< In latent pixels.
  std::int64_t Width;
};

Configuration PatchedScheduler(Configuration scheduler)
{
  // As diffusers corrects configurations of before its version 0.2.
  scheduler.Set("steps_offset", 1);
  scheduler.Set("clip_sample", false);
  return scheduler;
}

/** Stable Diffusion 1 and 2 (diffusers' StableDiffusionPipeline). */
class StableDiffusionModel : public TextToImageModel
{
public:
  StableDiffusionModel(const std::string& folder, const ModelOptions& options)
    : TextToImageModel(
        folder, PatchedScheduler(ReadSchedulerConfig(folder)), options, options.Precision)
    , Text(this->OpenTextEncoder(""))
  {
    // As diffusers corrects configurations of before its version 0.9, where that is one number.
    constexpr std::int64_t least = 64;
    const Configuration file = this->UNetFile();
    if (IsBefore09(file) && file.Values()["sample_size"].is_number() && this->Height < least)
    {
      this->Height = this->Width = least;
    }
  }

  PromptLength MeasurePrompt(const std::string& prompt) const override
  {
    return this->Text.Measure(prompt);
  }

  Condition Encode(const std::string& prompt) const override
  {
    return { this->Text.Encode(prompt, this->Device()).LastHiddenState };
  }

  Condition EncodeNegative(const std::string& prompt) const override
  {
    return this->Encode(prompt);
  }

protected:
  UNet2DConditions NetworkConditions(const Condition& condition) const override
  {
    UNet2DConditions conditions;
    conditions.Context = condition[0];
    return conditions;
  }

private:
  TextEncoder Text;
};

/** That of the model, unless its autoencoder says that this overflows. */
at::ScalarType AutoencoderPrecision(const std::string& folder, at::ScalarType precision)
{
  const Configuration file(ComponentFolder(folder, "vae") + "/config.json");
  return AutoencoderKLConfig::Read(file).ForceUpcast ? at::kFloat : precision;
}

/** Stable Diffusion XL (diffusers' StableDiffusionXLPipeline). */
class StableDiffusionXLModel : public TextToImageModel
{
public:
  StableDiffusionXLModel(
    const std::string& folder, const Configuration& index, const ModelOptions& options)
    : TextToImageModel(folder, ReadSchedulerConfig(folder), options,
        AutoencoderPrecision(folder, options.Precision))
    , First(this->OpenTextEncoder(""))
    , Second(this->OpenTextEncoder("_2"))
    , ForceZeros(index.Get("force_zeros_for_empty_prompt", true))
  {
    if (this->Second.Network->Config().ProjectionDim == 0)
    {
      Configuration(ComponentFolder(folder, "text_encoder_2") + "/config.json")
        .Refuse("architectures");
    }
  }

  PromptLength MeasurePrompt(const std::string& prompt) const override
  {
    const PromptLength first = this->First.Measure(prompt);
    const PromptLength second = this->Second.Measure(prompt);
    return second.Kept < first.Kept ? second : first;
  }

  Condition Encode(const std::string& prompt) const override
  {
    // The layer before the last of both, without the final norm.
    const auto states = [](const ClipTextModel::Output& output)
    { return output.HiddenStates.at(output.HiddenStates.size() - 2); };
    const auto first = this->First.Encode(prompt, this->Device());
    const auto second = this->Second.Encode(prompt, this->Device());
    return { at::cat({ states(first), states(second) }, 2), second.TextEmbeds, this->TimeIds() };
  }

  Condition EncodeNegative(const std::string& prompt) const override
  {
    Condition condition = this->Encode(prompt);
    if (prompt.empty() && this->ForceZeros)
    {
      condition[0] = at::zeros_like(condition[0]);
      condition[1] = at::zeros_like(condition[1]);
    }
    return condition;
  }

protected:
  UNet2DConditions NetworkConditions(const Condition& condition) const override
  {
    UNet2DConditions conditions;
    conditions.Context = condition[0];
    conditions.PooledText = condition[1];
    conditions.TimeIds = condition[2];
    return conditions;
  }

private:
  /** (1, 6): an image of the model's own size, not cropped. */
  at::Tensor TimeIds() const
  {
    const auto height = static_cast<float>(this->Height * this->PixelsPerLatent());
    const auto width = static_cast<float>(this->Width * this->PixelsPerLatent());
    return at::tensor({ height, width, 0.0F, 0.0F, height, width }).unsqueeze(0).to(this->Device());
  }

  TextEncoder First;
  TextEncoder Second;
  bool ForceZeros;
};
}

std::unique_ptr<DiffusionModel> OpenStableDiffusionModel(
  const std::string& folder, const Configuration&, const ModelOptions& options)
{
  return std::make_unique<StableDiffusionModel>(folder, options);
}

std::unique_ptr<DiffusionModel> OpenStableDiffusionXLModel(
  const std::string& folder, const Configuration& index, const ModelOptions& options)
{
  return std::make_unique<StableDiffusionXLModel>(folder, index, options);
}
}
