// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/DiffusionSampler/Core/LatentDecoding.h"
#include "Filters/DiffusionSampler/Core/PromptFile.h"
#include "Filters/Networks/ModelFolder.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace torch::nn
{
class Module;
}

namespace tdl
{
/**
 * A prompt as a model takes it: tensors of the model's own choice, on its device, each (B, ...) for
 * B samples. That of a model without prompts is empty.
 */
using Condition = std::vector<at::Tensor>;

/** Conditions of one model, at least one, as that of a batch. */
Condition Concatenate(const std::vector<Condition>& conditions);

/** How long a prompt is, in tokens of a model's tokenizer. */
struct PromptLength
{
  std::size_t Tokens = 0; ///< 0 too where the model has no tokenizer.
  std::size_t Kept = 0;   ///< The first of them, which the model takes.
};

/** How a model is opened. */
struct ModelOptions
{
  at::Device Device = at::kCPU;
  at::ScalarType Precision = at::kFloat; ///< Of the networks' numbers, where a family can choose.
  LatentDecoding Decoding = LatentDecoding::Autoencoder;
  bool Upsample = false; ///< Enlarge images by the model's upsampler, where its family has one.
};

/**
 * A diffusion model of whichever family, with all that leads from a prompt to an image but the
 * scheduler: what a prompt is to it, the network, and the way from samples to images. A family is
 * one class derived from this, see DiffusionModels.h.
 */
class DiffusionModel
{
public:
  /**
   * Opens a folder in diffusers' layout and its weights. The pipeline that model_index.json names
   * as its _class_name decides on the family.
   * @throws FileError when a file is missing or broken, or asks for what is not supported;
   *         ResourceError when memory lacks.
   */
  static std::unique_ptr<DiffusionModel> Open(
    const std::string& folder, const ModelOptions& options);

  virtual ~DiffusionModel();
  DiffusionModel(const DiffusionModel&) = delete;
  DiffusionModel& operator=(const DiffusionModel&) = delete;

  /**
   * Whether prompts matter. Otherwise a prompt is nothing but the images' name, there is one of
   * them, and no guidance.
   */
  virtual bool IsConditional() const { return true; }

  /**
   * What a prompt is called in the output. Prompts of the same name are the same.
   * @throws ParameterError when the model cannot make anything of the prompt.
   */
  virtual std::string PromptName(const std::string& prompt) const = 0;

  /** @return B = 1. @throws ParameterError as PromptName. */
  virtual Condition Encode(const std::string& prompt) const = 0;

  /**
   * What classifier-free guidance leads away from.
   * @param prompt empty: from nothing in particular, in the way the model was trained for.
   * @return B = 1, of the shapes of Encode's.
   * @throws ParameterError as PromptName, and when it is empty and the model was not trained so.
   */
  virtual Condition EncodeNegative(const std::string& prompt) const = 0;

  /** How much of a prompt the model takes. @throws DataError as its tokenizer. */
  virtual PromptLength MeasurePrompt(const std::string& prompt) const;

  /** The prompts of the folder's prompts.txt, else the family's suggestion, which may be none. */
  std::vector<Prompt> SuggestedPrompts() const;

  /** Shape (1, C, H, W) of a sample: of what goes from noise to the result. */
  virtual std::vector<std::int64_t> SampleShape() const = 0;

  /** Shape (1, C, H, W) of the image a sample stands for, C = 1 or 3. */
  virtual std::vector<std::int64_t> ImageShape() const { return this->SampleShape(); }

  /**
   * What the network makes of noisy samples, whatever precision it calculates in.
   * @param samples (B, C, H, W) float32 on the model's device.
   * @param timestep that of all samples; may lie between those of the training.
   * @param activations becomes, unless null, what the network's middle gives, averaged over its
   *        positions: (B, ActivationChannels). Null where these are 0.
   * @return (B, C, H, W) float32; where the network predicts the variance too, (B, 2C, H, W).
   */
  at::Tensor Forward(const at::Tensor& samples, double timestep, const Condition& condition,
    at::Tensor* activations) const;

  /**
   * Channels of the network's middle: of a UNet its middle block, of a transformer the block in the
   * middle; 0: the network cannot be looked into.
   */
  virtual std::int64_t ActivationChannels() const { return 0; }

  /**
   * The images of samples, of predicted samples or of predicted noise.
   * @param samples (B, C, H, W) float32 on the model's device, of about unit variance or less.
   * @param condition that of the samples.
   * @return images of ImageShape, float32, about in [-1, 1].
   */
  virtual at::Tensor Decode(const at::Tensor& samples, const Condition& condition) const;

  /** The model's scheduler_config.json, with the changes that its family makes. */
  const Configuration& SchedulerConfig() const { return this->Scheduler; }

  /** What else a family has to say on where its images come from: a JSON object. */
  virtual nlohmann::json Details() const;

  /** The files that hold the networks' weights. */
  const std::vector<std::string>& WeightPaths() const { return this->Paths; }

  /** Memory the weights take. */
  std::uint64_t WeightBytes() const { return this->Bytes; }

  /** Of the network's numbers. */
  at::ScalarType Precision() const { return this->Options.Precision; }

protected:
  DiffusionModel(std::string folder, Configuration scheduler, const ModelOptions& options);

  /**
   * Forward of a family, in the network's precision.
   * @param samples (B, C, H, W) of Precision.
   * @param timesteps (B) float32
   */
  virtual at::Tensor RunNetwork(const at::Tensor& samples, const at::Tensor& timesteps,
    const Condition& condition, at::Tensor* activations) const = 0;

  /**
   * Opens one of the model's networks, on its device.
   * @param folder the network's own, which holds its weights as `stem`, see WeightFiles.
   * @param precision to which the weights are converted.
   * @throws FileError as Network::Open, ResourceError when the weights do not fit into memory.
   */
  template <typename Network>
  std::shared_ptr<Network> OpenNetwork(
    const std::string& folder, const std::string& stem, at::ScalarType precision)
  {
    CheckMemory(folder, stem);
    std::shared_ptr<Network> network = Network::Open(folder);
    this->AddNetwork(*network, folder, stem, precision);
    return network;
  }
  template <typename Network>
  std::shared_ptr<Network> OpenNetwork(const std::string& folder, const std::string& stem)
  {
    return this->OpenNetwork<Network>(folder, stem, this->Precision());
  }

  /** Adds to the model's weights. */
  void AddWeights(const std::vector<std::string>& paths, std::uint64_t bytes);

  /** What to sample where neither the user nor the folder says so. */
  virtual std::vector<Prompt> DefaultPrompts() const { return {}; }

  const std::string& Folder() const { return this->Path; }
  at::Device Device() const { return this->Options.Device; }

private:
  static void CheckMemory(const std::string& folder, const std::string& stem);
  void AddNetwork(torch::nn::Module& network, const std::string& folder, const std::string& stem,
    at::ScalarType precision);

  std::string Path;
  Configuration Scheduler;
  ModelOptions Options;
  std::vector<std::string> Paths;
  std::uint64_t Bytes = 0;
};
}
