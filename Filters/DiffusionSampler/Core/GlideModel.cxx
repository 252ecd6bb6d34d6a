// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/DiffusionModels.h"
#include "Filters/DiffusionSampler/Core/ModelComponents.h"
#include "Filters/DiffusionSampler/Core/Scheduler.h"
#include "Filters/DiffusionSampler/Core/SchedulerSpacing.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Networks/DeviceCopies.h"
#include "Filters/Networks/GlideText2ImUNet.h"
#include "Filters/Networks/GlideTokenizer.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <filesystem>
#include <memory>

namespace tdl
{
namespace
{
/** A text as a network takes it, from two tensors of a condition. */
GlideText2ImUNet::Text TextOf(const Condition& condition, std::size_t first)
{
  return { condition.at(first), condition.at(first + 1) };
}

/**
 * GLIDE's second network: makes a large image of a small one and its prompt, by steps of its own.
 * They start from the same noise for every image, so that what differs between enlarged images is
 * what differs between the small ones.
 */
class GlideUpsampler
{
public:
  /**
   * @param network opened from upsampler/.
   * @param scheduler upsampler_scheduler/scheduler_config.json, which lists its timesteps.
   * @param noiseScale by which the noise to start from is multiplied.
   * @param precision of the network.
   */
  GlideUpsampler(std::shared_ptr<GlideText2ImUNet> network, const Configuration& scheduler,
    double noiseScale, at::Device device, at::ScalarType precision)
    : Network(std::move(network))
    , Device(device)
    , Precision(precision)
    , NoiseScale(noiseScale)
  {
    const auto timesteps = ListedTimesteps(scheduler);
    if (timesteps.empty())
    {
      scheduler.Refuse("timesteps");
    }
    this->Steps =
      Scheduler::Create(SchedulerKind::ModelsOwn, scheduler, static_cast<int>(timesteps.size()));
  }

  /** (B, C, h, w) -> (B, C, H, W) */
  at::Tensor Enlarge(const at::Tensor& images, const GlideText2ImUNet::Text& text) const
  {
    const auto stream = at::make_generator<at::CPUGeneratorImpl>(std::uint64_t(0));
    const auto draw = [&]
    {
      const GlideText2ImConfig& config = this->Network->Config();
      return ToDevice(at::randn({ 1, config.InChannels, config.SampleSize, config.SampleSize },
                        stream, at::kFloat),
        this->Device)
        .expand({ images.size(0), -1, -1, -1 });
    };
    // The network has learned from images of 256 shades.
    const at::Tensor smaller =
      (((images + 1) * 127.5).clamp(0, 255).round() / 127.5 - 1).to(this->Precision);
    Scheduler::State state = this->Steps->Begin(draw() * this->NoiseScale);
    while (state.Step < this->Steps->NumberOfSteps())
    {
      this->Steps->Advance(
        state,
        [&](const at::Tensor& input, double timestep)
        {
          return this->Network
            ->Forward(input.to(this->Precision), Timesteps(input, timestep), text, smaller)
            .to(at::kFloat);
        },
        draw);
    }
    return state.Sample;
  }

  std::shared_ptr<GlideText2ImUNet> Network;

private:
  at::Device Device;
  at::ScalarType Precision;
  double NoiseScale;
  std::unique_ptr<Scheduler> Steps;
};

/**
 * GLIDE, which makes images of text at 64 x 64 pixels and enlarges them to 256 x 256: base/,
 * scheduler/, tokenizer/, and to enlarge images upsampler/ and upsampler_scheduler/, as
 * Examples/convert_glide.py writes them.
 */
class GlideModel : public DiffusionModel
{
public:
  GlideModel(const std::string& folder, const Configuration& index, const ModelOptions& options)
    : DiffusionModel(folder, ReadSchedulerConfig(folder), options)
    , Tokenizer(ComponentFolder(folder, "tokenizer", "vocab.json"))
    , Base(this->OpenNetwork<GlideText2ImUNet>(ComponentFolder(folder, "base"), NetworkWeights))
  {
    this->CheckVocabulary(*this->Base);
    if (this->Base->Config().SuperRes)
    {
      Configuration(ComponentFolder(folder, "base") + "/config.json").Refuse("super_res");
    }
    if (options.Upsample)
    {
      this->OpenUpsampler(index);
    }
  }

  std::string PromptName(const std::string& prompt) const override { return prompt; }

  Condition Encode(const std::string& prompt) const override
  {
    Condition condition;
    this->AddText(condition, *this->Base, prompt);
    if (this->Upsampler)
    {
      this->AddText(condition, *this->Upsampler->Network, prompt);
    }
    return condition;
  }

  Condition EncodeNegative(const std::string& prompt) const override
  {
    return this->Encode(prompt);
  }

  PromptLength MeasurePrompt(const std::string& prompt) const override
  {
    const std::size_t tokens = this->Tokenizer.Tokenize(prompt).size();
    const auto length = static_cast<std::size_t>(this->Base->Config().TextContext);
    return { tokens, std::min(tokens, length) };
  }

  std::vector<std::int64_t> SampleShape() const override { return Shape(*this->Base); }

  std::vector<std::int64_t> ImageShape() const override
  {
    return Shape(this->Upsampler ? *this->Upsampler->Network : *this->Base);
  }

  std::int64_t ActivationChannels() const override { return this->Base->Config().MiddleChannels(); }

  at::Tensor RunNetwork(const at::Tensor& samples, const at::Tensor& timesteps,
    const Condition& condition, at::Tensor* activations) const override
  {
    return this->Base->Forward(samples, timesteps, TextOf(condition, 0), {}, activations);
  }

  at::Tensor Decode(const at::Tensor& samples, const Condition& condition) const override
  {
    return this->Upsampler ? this->Upsampler->Enlarge(samples, TextOf(condition, 2)) : samples;
  }

  nlohmann::json Details() const override
  {
    return { { "upsample_captured_images", this->Upsampler != nullptr } };
  }

private:
  static std::vector<std::int64_t> Shape(const GlideText2ImUNet& network)
  {
    const GlideText2ImConfig& config = network.Config();
    return { 1, config.InChannels, config.SampleSize, config.SampleSize };
  }

  void CheckVocabulary(const GlideText2ImUNet& network) const
  {
    if (network.Config().VocabSize != static_cast<std::int64_t>(this->Tokenizer.Size()))
    {
      throw FileError("The tokenizer of '" + this->Folder() + "' has " +
        std::to_string(this->Tokenizer.Size()) + " tokens, but the network knows " +
        std::to_string(network.Config().VocabSize) + "; convert the model again.");
    }
  }

  void OpenUpsampler(const Configuration& index)
  {
    const std::filesystem::path root(this->Folder());
    const std::filesystem::path folder = root / "upsampler";
    if (!std::filesystem::exists(folder))
    {
      throw FileError("Model folder '" + this->Folder() +
        "' has no upsampler; convert the model with one, or switch off Upsample Captured Images.");
    }
    const auto network = this->OpenNetwork<GlideText2ImUNet>(folder.string(), NetworkWeights);
    this->CheckVocabulary(*network);
    const double scale = index.Get("upsample_temp", 1.0);
    if (!(scale > 0))
    {
      index.Refuse("upsample_temp");
    }
    if (!network->Config().SuperRes ||
      network->Config().InChannels != this->Base->Config().InChannels)
    {
      throw FileError("The network in '" + folder.string() +
        "' does not enlarge the images of the one in base; convert the model again.");
    }
    this->Upsampler = std::make_unique<GlideUpsampler>(network,
      Configuration((root / "upsampler_scheduler" / "scheduler_config.json").string()), scale,
      this->Device(), this->Precision());
  }

  void AddText(
    Condition& condition, const GlideText2ImUNet& network, const std::string& prompt) const
  {
    const auto length = static_cast<std::size_t>(network.Config().TextContext);
    const auto encoded = this->Tokenizer.Encode(prompt, length);
    const std::vector<std::int64_t> mask(encoded.Mask.begin(), encoded.Mask.end());
    const auto row = [this](const std::vector<std::int64_t>& values)
    { return at::tensor(values, at::kLong).unsqueeze(0).to(this->Device()); };
    const auto text = network.EncodeText(row(encoded.Ids), row(mask).to(at::kBool));
    condition.push_back(text.Summary);
    condition.push_back(text.Tokens);
  }

  GlideTokenizer Tokenizer;
  std::shared_ptr<GlideText2ImUNet> Base;
  std::unique_ptr<GlideUpsampler> Upsampler; ///< None: images stay as the base makes them.
};
}

std::unique_ptr<DiffusionModel> OpenGlideModel(
  const std::string& folder, const Configuration& index, const ModelOptions& options)
{
  return std::make_unique<GlideModel>(folder, index, options);
}
}
