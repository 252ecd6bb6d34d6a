// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/DiffusionSampler.h"

#include "Filters/DiffusionSampler/Core/DiffusionModel.h"
#include "Filters/DiffusionSampler/Core/PromptFile.h"
#include "Filters/DiffusionSampler/Core/Scheduler.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/ForEach.h"
#include "Filters/Foundation/Memory.h"
#include "Filters/Foundation/Threads.h"
#include "Filters/Networks/Checksum.h"
#include "Filters/Networks/DeviceCopies.h"
#include "Filters/Networks/InferenceScope.h"
#include "Filters/Networks/Memory.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/InferenceMode.h>
#include <nlohmann/json.hpp>
#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <utility>

namespace tdl
{
namespace
{
void RequireAtLeast(const char* name, int value, int least)
{
  if (value < least)
  {
    throw ParameterError(std::string(name) + " is " + std::to_string(value) +
      "; set it to at least " + std::to_string(least) + ".");
  }
}

void Check(const SamplerParameters& parameters)
{
  RequireAtLeast("Instances Per Prompt", parameters.InstancesPerPrompt, 1);
  RequireAtLeast("Seed", parameters.Seed, 0);
  RequireAtLeast("Capture Every", parameters.CaptureEvery, 1);
  RequireAtLeast("Stored Image Size", parameters.StoredImageSize, 0);
  RequireAtLeast("Batch Size", parameters.BatchSize, 0);
  if (!std::isfinite(parameters.GuidanceScale))
  {
    throw ParameterError("Guidance Scale is not a finite number; 1 means no guidance.");
  }
  if (!parameters.CaptureNoisyImage && !parameters.CapturePredictedImage &&
    !parameters.CapturePredictedNoise)
  {
    throw ParameterError("No image is captured; switch on Capture Noisy Image, Capture Predicted "
                         "Image or Capture Predicted Noise.");
  }
  if (!parameters.Prompts.empty() && !parameters.PromptFile.empty())
  {
    throw ParameterError("Both Prompts and Prompt File are set; clear one of them.");
  }
}

// The captured steps in increasing order, the last of them `steps`.
std::vector<int> CapturedSteps(const SamplerParameters& parameters, int steps)
{
  std::vector<int> captured = parameters.CaptureSteps;
  if (captured.empty())
  {
    for (int step = 0; step < steps; step += parameters.CaptureEvery)
    {
      captured.push_back(step);
    }
  }
  captured.push_back(steps);
  std::sort(captured.begin(), captured.end());
  captured.erase(std::unique(captured.begin(), captured.end()), captured.end());
  if (captured.front() < 0 || captured.back() > steps)
  {
    throw ParameterError("Capture Steps holds " +
      std::to_string(captured.front() < 0 ? captured.front() : captured.back()) +
      "; choose steps from 0, the initial noise, to " + std::to_string(steps) +
      ", the final image.");
  }
  return captured;
}

std::vector<Prompt> RequestedPrompts(
  const SamplerParameters& parameters, const std::vector<Prompt>& suggested)
{
  if (!parameters.PromptFile.empty())
  {
    return ReadPromptFile(parameters.PromptFile);
  }
  if (parameters.Prompts.empty())
  {
    return suggested;
  }
  std::vector<Prompt> prompts;
  for (const std::string& text : parameters.Prompts)
  {
    prompts.push_back({ text, {} });
  }
  return prompts;
}

// What to sample, by the names of the output.
std::vector<Prompt> NamedPrompts(const SamplerParameters& parameters, const DiffusionModel& model)
{
  const std::vector<Prompt> suggested = model.SuggestedPrompts();
  std::map<std::string, std::string> suggestedGroups;
  for (const Prompt& prompt : suggested)
  {
    suggestedGroups[model.PromptName(prompt.Text)] = prompt.Group;
  }
  std::vector<Prompt> named;
  for (const Prompt& prompt : RequestedPrompts(parameters, suggested))
  {
    const std::string name = model.PromptName(prompt.Text);
    if (std::any_of(
          named.begin(), named.end(), [&name](const Prompt& other) { return other.Text == name; }))
    {
      throw ParameterError("The prompt '" + name + "' is listed twice; remove one.");
    }
    const auto group = suggestedGroups.find(name);
    named.push_back({ name,
      !parameters.Prompts.empty() && group != suggestedGroups.end() ? group->second
                                                                    : prompt.Group });
  }
  if (named.empty())
  {
    throw ParameterError(
      "The model suggests no prompts; list some in Prompts or in a Prompt File.");
  }
  if (!model.IsConditional() && named.size() > 1)
  {
    throw ParameterError("The model is unconditional, so that no prompt changes its images, but " +
      std::to_string(named.size()) + " prompts are given; give one, to name them, or none.");
  }
  return named;
}

// A sentence on each prompt that is too long for the model.
std::vector<std::string> CutPrompts(const SamplerParameters& parameters,
  const std::vector<Prompt>& prompts, const DiffusionModel& model)
{
  std::vector<std::string> warnings;
  const auto measure = [&](const char* what, const std::string& prompt)
  {
    const PromptLength length = model.MeasurePrompt(prompt);
    if (length.Kept < length.Tokens)
    {
      warnings.push_back(std::string(what) + " '" + prompt +
        "' is cut: the model takes the first " + std::to_string(length.Kept) + " of its " +
        std::to_string(length.Tokens) + " tokens; put what matters first or shorten it.");
    }
  };
  for (const Prompt& prompt : prompts)
  {
    measure("The prompt", prompt.Text);
  }
  if (parameters.GuidanceScale != 1.0)
  {
    measure("The Negative Prompt", parameters.NegativePrompt);
  }
  return warnings;
}

// What all walks of a run share.
struct Plan
{
  const DiffusionModel& Model;
  const Scheduler& Steps;
  std::vector<int> Captured;
  double GuidanceScale;
  std::vector<Condition> Conditions; ///< By prompt.
  std::optional<Condition> Negative; ///< None: without guidance.
  at::Device Device;
  std::int64_t Height;
  std::int64_t Width;
  bool CaptureNoisyImage;
  bool CapturePredictedImage;
  bool CapturePredictedNoise;
  bool CaptureActivations;
};

// Values of activations that an instance holds.
std::size_t ActivationValues(const Plan& plan)
{
  return plan.CaptureActivations ? plan.Captured.size() * plan.Model.ActivationChannels() : 0;
}

// Bytes of the images that each array of an instance holds.
std::size_t ArrayBytes(const Plan& plan)
{
  return plan.Captured.size() * plan.Height * plan.Width * plan.Model.ImageShape()[1];
}

// Instances that go from noise to image through the network together.
class Walk
{
public:
  Walk(const Plan& plan, std::vector<SampledInstance> instances)
    : Instances(std::move(instances))
    , Shared(plan)
    , Copies(plan.Device)
  {
    for (SampledInstance& instance : this->Instances)
    {
      this->Streams.push_back(
        at::make_generator<at::CPUGeneratorImpl>(static_cast<std::uint64_t>(instance.Seed)));
      instance.Image.resize(plan.CaptureNoisyImage ? ArrayBytes(plan) : 0);
      instance.PredictedImage.resize(plan.CapturePredictedImage ? ArrayBytes(plan) : 0);
      instance.PredictedNoise.resize(plan.CapturePredictedNoise ? ArrayBytes(plan) : 0);
      instance.Activations.resize(ActivationValues(plan));
    }
    std::vector<Condition> conditions;
    for (const SampledInstance& instance : this->Instances)
    {
      conditions.push_back(plan.Conditions[instance.PromptId]);
    }
    this->Prompted = Concatenate(conditions);
    if (plan.Negative)
    {
      conditions.insert(conditions.begin(), conditions.size(), *plan.Negative);
    }
    this->Guided = Concatenate(conditions);
    this->State = this->Shared.Steps.Begin(this->DrawNoise());
  }

  void Advance()
  {
    const int step = this->State.Step;
    this->Stored.clear();
    const at::Tensor before = this->Image();
    at::Tensor activations;
    // A step looks at the sample itself first, then at trial samples.
    at::Tensor* wanted = this->Shared.CaptureActivations ? &activations : nullptr;
    const Prediction predicted = this->Shared.Steps.Advance(
      this->State,
      [&](const at::Tensor& input, double timestep)
      { return this->Output(input, timestep, std::exchange(wanted, nullptr)); },
      [this] { return this->DrawNoise(); });
    this->Deliver(); // of the step before, while the device is at work on this one
    this->Capture(step, before, predicted, activations);
    if (this->IsFinal())
    {
      this->Capture(step + 1, this->Image(), predicted, activations);
      this->Deliver();
    }
    this->Copies.Follow(); // a device is given no more than the next step ahead
  }

  // Does to the first sample what a step does, to no effect.
  void Try() const
  {
    const at::Tensor image = this->Image();
    this->Output(image, this->Shared.Steps.Timestep(0), nullptr);
    this->Shared.Model.Decode(image, this->Prompted);
  }

  std::vector<SampledInstance> Instances;

private:
  // What a device copies to the CPU: of all instances, in their order.
  struct Delivery
  {
    at::Tensor Values;
    std::vector<std::uint8_t> SampledInstance::*Images; ///< Null: activations.
    std::size_t Iteration;
  };

  bool IsFinal() const { return this->State.Step == this->Shared.Steps.NumberOfSteps(); }

  // The sample at the scale of images, as the network sees it.
  at::Tensor Image() const
  {
    return this->Shared.Steps.NetworkInput(this->State.Step, this->State.Sample);
  }

  // The network's output, guided, and, unless null, its activations, which are those of the prompt.
  at::Tensor Output(const at::Tensor& input, double timestep, at::Tensor* activations) const
  {
    if (!this->Shared.Negative)
    {
      return this->Shared.Model.Forward(input, timestep, this->Prompted, activations);
    }
    const std::vector<at::Tensor> outputs =
      this->Shared.Model.Forward(at::cat({ input, input }), timestep, this->Guided, activations)
        .chunk(2);
    if (activations)
    {
      *activations = activations->chunk(2)[1];
    }
    // A learned variance, which follows the sample's channels, stays that of the prompt.
    const at::Tensor unguided = outputs[0].narrow(1, 0, input.size(1));
    const at::Tensor prompted = outputs[1].narrow(1, 0, input.size(1));
    prompted.copy_(unguided + this->Shared.GuidanceScale * (prompted - unguided));
    return outputs[1];
  }

  at::Tensor DrawNoise()
  {
    std::vector<at::Tensor> noise;
    for (const at::Generator& stream : this->Streams)
    {
      noise.push_back(at::randn(this->Shared.Model.SampleShape(), stream, at::kFloat));
    }
    return ToDevice(at::cat(noise), this->Shared.Device);
  }

  void Capture(
    int step, const at::Tensor& image, const Prediction& predicted, const at::Tensor& activations)
  {
    const auto& captured = this->Shared.Captured;
    const auto position = std::lower_bound(captured.begin(), captured.end(), step);
    if (position == captured.end() || *position != step)
    {
      return;
    }
    const std::size_t iteration = position - captured.begin();
    if (this->Shared.CaptureNoisyImage)
    {
      this->Store(image, &SampledInstance::Image, iteration);
    }
    if (this->Shared.CapturePredictedImage)
    {
      this->Store(predicted.Image, &SampledInstance::PredictedImage, iteration);
    }
    if (this->Shared.CapturePredictedNoise)
    {
      this->Store(predicted.Noise, &SampledInstance::PredictedNoise, iteration);
    }
    if (this->Shared.CaptureActivations)
    {
      const at::Tensor values = this->Copies.Start(activations.to(at::kFloat).contiguous());
      this->Deliveries.push_back({ values, nullptr, iteration });
    }
  }

  void Store(const at::Tensor& samples, std::vector<std::uint8_t> SampledInstance::*images,
    std::size_t iteration)
  {
    this->Deliveries.push_back({ this->Bytes(samples), images, iteration });
  }

  // Puts what was captured into the instances.
  void Deliver()
  {
    this->Copies.Wait();
    for (const Delivery& delivery : this->Deliveries)
    {
      if (delivery.Images)
      {
        this->Distribute(delivery, delivery.Images);
      }
      else
      {
        this->Distribute(delivery, &SampledInstance::Activations);
      }
    }
    this->Deliveries.clear();
  }

  template <typename Value>
  void Distribute(const Delivery& delivery, std::vector<Value> SampledInstance::*array)
  {
    const Value* source = delivery.Values.data_ptr<Value>();
    const std::size_t size = delivery.Values.numel() / this->Instances.size();
    for (SampledInstance& instance : this->Instances)
    {
      std::copy_n(source, size, (instance.*array).data() + delivery.Iteration * size);
      source += size;
    }
  }

  // The images of samples, (B, H, W, C) uint8, the lowest row first, on their way to the CPU. The
  // last step stores its predictions twice, and its image may be the final one: each is decoded
  // once. To compare values keeps a device waiting, so it is only done there.
  at::Tensor Bytes(const at::Tensor& samples)
  {
    for (const auto& [known, bytes] : this->Stored)
    {
      if (known.is_same(samples) || (this->IsFinal() && at::equal(known, samples)))
      {
        return bytes;
      }
    }
    const at::Tensor images = this->Shared.Model.Decode(samples, this->Prompted);
    at::Tensor resized = images;
    if (images.size(2) != this->Shared.Height || images.size(3) != this->Shared.Width)
    {
      resized =
        at::_upsample_bilinear2d_aa(images, { this->Shared.Height, this->Shared.Width }, false);
    }
    // Rounded half to even, as diffusers does; flipped because VTK's first row is the lowest.
    const at::Tensor bytes = (resized * 127.5 + 127.5)
                               .clamp(0, 255)
                               .round()
                               .to(at::kByte)
                               .flip({ 2 })
                               .permute({ 0, 2, 3, 1 })
                               .contiguous();
    this->Stored.emplace_back(samples, this->Copies.Start(bytes));
    return this->Stored.back().second;
  }

  const Plan& Shared;
  std::vector<at::Generator> Streams;
  Condition Prompted;
  Condition Guided; ///< The negative prompt's, where there is one, then Prompted.
  Scheduler::State State;
  HostCopies Copies;
  std::vector<std::pair<at::Tensor, at::Tensor>> Stored; ///< By this step: samples, their Bytes.
  std::vector<Delivery> Deliveries;
};

nlohmann::json Settings(
  const SamplerParameters& parameters, const DiffusionModel& model, const Plan& plan)
{
  const Configuration& scheduler = model.SchedulerConfig();
  nlohmann::json settings{ { "model", parameters.ModelFolder },
    { "checksum", "sha256:" + FilesChecksum(model.WeightPaths()) },
    { "scheduler", SchedulerName(ResolveScheduler(parameters.Scheduler, scheduler)) },
    { "scheduler_config", scheduler.Values() }, { "inference_steps", parameters.InferenceSteps },
    { "captured_steps", plan.Captured }, { "seed", parameters.Seed },
    { "instances_per_prompt", parameters.InstancesPerPrompt },
    { "guidance_scale", plan.Negative ? parameters.GuidanceScale : 1.0 },
    { "negative_prompt", parameters.NegativePrompt },
    { "stored_image_size", parameters.StoredImageSize }, { "device", plan.Device.str() },
    { "precision", model.Precision() == at::kHalf ? "half" : "single" },
    { "versions", { { "tree_of_diffusion_life", TDL_VERSION }, { "libtorch", TORCH_VERSION } } } };
  settings.update(model.Details());
  return settings;
}

// What guidance leads away from; none without guidance.
std::optional<Condition> Negative(const SamplerParameters& parameters, const DiffusionModel& model)
{
  if (!model.IsConditional() && !parameters.NegativePrompt.empty())
  {
    throw ParameterError(
      "The model is unconditional and cannot be led away from a Negative Prompt; clear it.");
  }
  if (!model.IsConditional() || parameters.GuidanceScale == 1.0)
  {
    return {};
  }
  return model.EncodeNegative(parameters.NegativePrompt);
}

// Height and width of the images in the output.
std::pair<std::int64_t, std::int64_t> StoredSize(
  const SamplerParameters& parameters, const DiffusionModel& model)
{
  const std::vector<std::int64_t> shape = model.ImageShape();
  const auto longer = static_cast<double>(std::max(shape[2], shape[3]));
  const auto stored = [&](std::int64_t side)
  {
    return parameters.StoredImageSize == 0
      ? side
      : std::max<std::int64_t>(std::llround(side * (parameters.StoredImageSize / longer)), 1);
  };
  return { stored(shape[2]), stored(shape[3]) };
}

// The numbers of instances that advance together, and of those that do so at the same time.
struct Batching
{
  int Instances;
  int Threads;
};

// A walk of the first instances that captures nothing, to be tried.
Walk Trial(Plan& plan, int instances)
{
  plan.CaptureNoisyImage = plan.CapturePredictedImage = plan.CapturePredictedNoise = false;
  plan.CaptureActivations = false;
  return Walk(plan, std::vector<SampledInstance>(instances));
}

// How many instances a GPU takes at once, by trial, as no one tells what memory it has left.
int LargestGpuBatch(Plan plan, int most)
{
  for (int instances = most;; instances /= 2)
  {
    try
    {
      Trial(plan, instances).Try();
      return instances;
    }
    catch (const c10::OutOfMemoryError&)
    {
      if (instances == 1)
      {
        throw ResourceError("The device has too little memory to sample even one image; choose a "
                            "smaller model, or set Device to CPU.");
      }
    }
  }
}

// Throws when the run does not fit into memory.
Batching ChooseBatching(const SamplerParameters& parameters, const Plan& plan, std::uint64_t count)
{
  const bool onCpu = plan.Device.is_cpu();
  const int threads = onCpu ? ResolveThreads(parameters.Threads) : 1;
  const std::uint64_t arrays =
    int(plan.CaptureNoisyImage) + int(plan.CapturePredictedImage) + int(plan.CapturePredictedNoise);
  const std::uint64_t captured =
    count * (arrays * ArrayBytes(plan) + ActivationValues(plan) * sizeof(float));
  // One trial tells what the networks at work take.
  const auto tryOne = [trial = plan]() mutable { Trial(trial, 1).Try(); };
  const std::uint64_t network = onCpu ? PeakTensorMemory(tryOne) : 0;
  ReleaseFreedMemory(); // other threads cannot use what this one keeps

  const std::uint64_t available = AvailableMemory();
  const std::uint64_t left = available - std::min(available, captured);
  const auto fitting =
    static_cast<int>(std::min<std::uint64_t>(threads, network > 0 ? left / network : left));
  const int wanted = parameters.BatchSize > 0 ? std::min(parameters.BatchSize, threads) : 1;
  if (fitting < wanted)
  {
    const bool untiled = parameters.Decoding == LatentDecoding::Autoencoder &&
      plan.Model.ImageShape() != plan.Model.SampleShape();
    throw ResourceError("Sampling needs " + FormatBytes(captured) +
      " of memory for the captured images and " + FormatBytes(wanted * network) +
      " for the network at work, beside the " + FormatBytes(plan.Model.WeightBytes()) +
      " of its weights, but " + FormatBytes(available) +
      " are free; lower Instances Per Prompt, Stored Image Size or Batch Size, or capture less" +
      (untiled ? ", or set Latent Decoding to Tiled Autoencoder." : "."));
  }
  if (parameters.BatchSize > 0)
  {
    return { parameters.BatchSize, wanted };
  }
  constexpr std::uint64_t most = 64;
  return { onCpu
      ? 4 * fitting
      : LargestGpuBatch(plan, static_cast<int>(std::clamp<std::uint64_t>(count, 1, most))),
    fitting };
}

void Describe(SampledImages& images, const Plan& plan, const std::vector<Prompt>& prompts)
{
  images.Width = static_cast<int>(plan.Width);
  images.Height = static_cast<int>(plan.Height);
  images.Components = static_cast<int>(plan.Model.ImageShape()[1]);
  images.ActivationChannels =
    plan.CaptureActivations ? static_cast<int>(plan.Model.ActivationChannels()) : 0;
  for (const int step : plan.Captured)
  {
    images.Timesteps.push_back(plan.Steps.Timestep(step));
    images.Sigmas.push_back(plan.Steps.NoiseLevel(step));
  }
  for (const Prompt& prompt : prompts)
  {
    const std::string group = prompt.Group.empty() ? "Ungrouped" : prompt.Group;
    const auto known = std::find(images.Groups.begin(), images.Groups.end(), group);
    images.PromptGroups.push_back(static_cast<int>(known - images.Groups.begin()));
    if (known == images.Groups.end())
    {
      images.Groups.push_back(group);
    }
    images.Prompts.push_back(prompt.Text);
  }
}
}

SampledImages SampleImages(
  const SamplerParameters& parameters, const SamplerPiece& piece, const Monitor& monitor)
{
  Check(parameters);
  const at::Device device = ResolveDevice(parameters.Device, parameters.DeviceIndex);
  const int threads = ResolveThreads(parameters.Threads);
  // On the CPU it is the instances that share the threads, so that each has one to itself.
  const InferenceScope scope(device.is_cpu() ? 1 : threads);

  const auto model = DiffusionModel::Open(parameters.ModelFolder,
    { device, ResolvePrecision(parameters.Precision, device), parameters.Decoding,
      parameters.UpsampleCapturedImages });
  if (parameters.CaptureActivations && model->ActivationChannels() == 0)
  {
    throw ParameterError("The model's network is stored as TorchScript and cannot be looked into; "
                         "switch off Capture Activations.");
  }
  const auto scheduler =
    Scheduler::Create(parameters.Scheduler, model->SchedulerConfig(), parameters.InferenceSteps);
  const std::vector<Prompt> prompts = NamedPrompts(parameters, *model);
  std::vector<Condition> conditions;
  conditions.reserve(prompts.size());
  for (const Prompt& prompt : prompts)
  {
    conditions.push_back(model->Encode(prompt.Text));
  }
  const auto [height, width] = StoredSize(parameters, *model);
  const Plan plan{ *model, *scheduler, CapturedSteps(parameters, scheduler->NumberOfSteps()),
    parameters.GuidanceScale, std::move(conditions), Negative(parameters, *model), device, height,
    width, parameters.CaptureNoisyImage, parameters.CapturePredictedImage,
    parameters.CapturePredictedNoise, parameters.CaptureActivations };

  SampledImages images;
  Describe(images, plan, prompts);
  images.Warnings = CutPrompts(parameters, prompts, *model);
  images.Provenance = Settings(parameters, *model, plan).dump();

  const std::uint64_t perPrompt = parameters.InstancesPerPrompt;
  const std::uint64_t total = prompts.size() * perPrompt;
  const std::uint64_t first = total * piece.Index / piece.Count;
  const std::uint64_t last = total * (piece.Index + 1) / piece.Count;
  const Batching batching = ChooseBatching(parameters, plan, last - first);
  const std::uint64_t perWalk = device.is_cpu() ? 1 : batching.Instances;
  const int steps = scheduler->NumberOfSteps();
  int evaluations = 0;
  for (int step = 0; step < steps; ++step)
  {
    evaluations += scheduler->Evaluations(step);
  }
  for (std::uint64_t begin = first; begin < last; begin += batching.Instances)
  {
    const std::uint64_t end = std::min(begin + batching.Instances, last);
    std::vector<Walk> walks;
    for (std::uint64_t number = begin; number < end; number += perWalk)
    {
      std::vector<SampledInstance> instances;
      for (std::uint64_t i = number; i < std::min(number + perWalk, end); ++i)
      {
        instances.push_back({ static_cast<int>(i), static_cast<int>(i / perPrompt),
          static_cast<std::int64_t>(parameters.Seed + i % perPrompt), {}, {}, {}, {} });
      }
      walks.emplace_back(plan, std::move(instances));
    }
    bool goOn = true;
    int step = 0;
    int evaluated = 0;
    for (; step < steps && goOn; ++step)
    {
      ForEach(static_cast<int>(walks.size()), batching.Threads,
        [&](int i)
        {
          const c10::InferenceMode inference; // holds for one thread
          try
          {
            walks[i].Advance();
          }
          catch (const c10::OutOfMemoryError&)
          {
            throw ResourceError(
              "The device ran out of memory while sampling; set a smaller Batch Size.");
          }
        });
      evaluated += scheduler->Evaluations(step);
      const double done = (begin - first) + (end - begin) * (double(evaluated) / evaluations);
      goOn = Continue(monitor, "Sampling", done / (last - first));
    }
    if (step < steps)
    {
      return images; // stopped: the instances of the batches before are whole
    }
    for (Walk& walk : walks)
    {
      std::move(walk.Instances.begin(), walk.Instances.end(), std::back_inserter(images.Instances));
    }
    if (!goOn)
    {
      return images;
    }
  }
  return images;
}
}
