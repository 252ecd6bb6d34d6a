// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/DiffusionSampler.h"

#include "Filters/DiffusionSampler/Core/DiffusionModel.h"
#include "Filters/DiffusionSampler/Core/PromptFile.h"
#include "Filters/DiffusionSampler/Core/Scheduler.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/ForEach.h"
#include "Filters/Foundation/Threads.h"
#include "Filters/Networks/Checksum.h"
#include "Filters/Networks/InferenceScope.h"
#include "Filters/Networks/Memory.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/InferenceMode.h>
#include <nlohmann/json.hpp>
#include <torch/version.h>

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <iterator>
#include <optional>
#include <sstream>

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
    throw ParameterError("Nothing is captured; switch on Capture Noisy Image, Capture Predicted "
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

// A prompt the model knows.
struct Condition
{
  std::string Name;
  std::int64_t Label;
  std::string Group;
};

std::vector<Condition> Conditions(const SamplerParameters& parameters, const DiffusionModel& model)
{
  const std::vector<Prompt> suggested = model.SuggestedPrompts();
  std::vector<Prompt> prompts;
  for (const std::string& text : parameters.Prompts)
  {
    prompts.push_back({ text, {} });
  }
  if (prompts.empty())
  {
    prompts = parameters.PromptFile.empty() ? suggested : ReadPromptFile(parameters.PromptFile);
  }

  std::map<std::int64_t, std::string> suggestedGroups;
  for (const Prompt& prompt : suggested)
  {
    suggestedGroups[model.FindClass(prompt.Text).second] = prompt.Group;
  }
  std::vector<Condition> conditions;
  for (const Prompt& prompt : prompts)
  {
    const auto& [name, label] = model.FindClass(prompt.Text);
    if (std::any_of(conditions.begin(), conditions.end(),
          [label = label](const Condition& other) { return other.Label == label; }))
    {
      throw ParameterError("The prompt '" + name + "' is listed twice; remove one.");
    }
    conditions.push_back(
      { name, label, parameters.Prompts.empty() ? prompt.Group : suggestedGroups[label] });
  }
  return conditions;
}

// What all walks of a run share.
struct Plan
{
  const DiffusionModel& Model;
  const Scheduler& Steps;
  std::vector<int> Captured;
  double GuidanceScale;
  std::optional<std::int64_t> NegativeLabel; ///< None: without guidance.
  at::Device Device;
  std::int64_t Height;
  std::int64_t Width;
  bool CaptureNoisyImage;
  bool CapturePredictedImage;
  bool CapturePredictedNoise;
};

// Bytes of the images that each array of an instance holds.
std::size_t ArrayBytes(const Plan& plan)
{
  return plan.Captured.size() * plan.Height * plan.Width * plan.Model.SampleShape()[1];
}

// Instances that go from noise to image through the network together.
class Walk
{
public:
  Walk(const Plan& plan, std::vector<SampledInstance> instances,
    const std::vector<std::int64_t>& labels)
    : Instances(std::move(instances))
    , Shared(plan)
  {
    for (SampledInstance& instance : this->Instances)
    {
      this->Streams.push_back(
        at::make_generator<at::CPUGeneratorImpl>(static_cast<std::uint64_t>(instance.Seed)));
      instance.Image.resize(plan.CaptureNoisyImage ? ArrayBytes(plan) : 0);
      instance.PredictedImage.resize(plan.CapturePredictedImage ? ArrayBytes(plan) : 0);
      instance.PredictedNoise.resize(plan.CapturePredictedNoise ? ArrayBytes(plan) : 0);
    }
    this->Labels = at::tensor(labels, at::kLong);
    if (this->IsGuided())
    {
      this->Labels =
        at::cat({ at::full_like(this->Labels, *this->Shared.NegativeLabel), this->Labels });
    }
    this->Labels = this->Labels.to(this->Shared.Device);
    this->State = this->Shared.Steps.Begin(this->DrawNoise());
  }

  void Advance()
  {
    const int step = this->State.Step;
    const at::Tensor before = this->Image();
    const Prediction predicted = this->Shared.Steps.Advance(
      this->State,
      [this](const at::Tensor& input, double timestep) { return this->Output(input, timestep); },
      [this] { return this->DrawNoise(); });
    this->Capture(step, before, predicted);
    if (step + 1 == this->Shared.Steps.NumberOfSteps())
    {
      this->Capture(step + 1, this->Image(), predicted);
    }
  }

  // Lets the network see the first sample, to no effect.
  void Try() const { this->Output(this->Image(), this->Shared.Steps.Timestep(0)); }

  std::vector<SampledInstance> Instances;

private:
  bool IsGuided() const { return this->Shared.NegativeLabel.has_value(); }

  // The sample at the scale of images, as the network sees it.
  at::Tensor Image() const
  {
    return this->Shared.Steps.NetworkInput(this->State.Step, this->State.Sample);
  }

  // The network's output, guided.
  at::Tensor Output(const at::Tensor& input, double timestep) const
  {
    if (!this->IsGuided())
    {
      return this->Shared.Model.Forward(input, timestep, this->Labels);
    }
    const std::vector<at::Tensor> outputs =
      this->Shared.Model.Forward(at::cat({ input, input }), timestep, this->Labels).chunk(2);
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
    return at::cat(noise).to(this->Shared.Device);
  }

  void Capture(int step, const at::Tensor& image, const Prediction& predicted)
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
  }

  void Store(const at::Tensor& images, std::vector<std::uint8_t> SampledInstance::*array,
    std::size_t iteration)
  {
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
                               .cpu()
                               .contiguous();
    const std::uint8_t* source = bytes.data_ptr<std::uint8_t>();
    const std::size_t size = bytes.numel() / this->Instances.size();
    for (SampledInstance& instance : this->Instances)
    {
      std::copy_n(source, size, (instance.*array).data() + iteration * size);
      source += size;
    }
  }

  const Plan& Shared;
  std::vector<at::Generator> Streams;
  at::Tensor Labels;
  Scheduler::State State;
};

std::string Gigabytes(std::uint64_t bytes)
{
  std::ostringstream text;
  text << std::fixed << std::setprecision(2) << static_cast<double>(bytes) / 1e9 << " GB";
  return text.str();
}

nlohmann::json Settings(
  const SamplerParameters& parameters, const DiffusionModel& model, const Plan& plan)
{
  const Configuration& scheduler = model.SchedulerConfig();
  return { { "model", parameters.ModelFolder },
    { "checksum", "sha256:" + FilesChecksum(model.WeightPaths()) },
    { "scheduler", SchedulerName(ResolveScheduler(parameters.Scheduler, scheduler)) },
    { "scheduler_config", ReadJsonObject(scheduler.Path()) },
    { "inference_steps", parameters.InferenceSteps }, { "captured_steps", plan.Captured },
    { "seed", parameters.Seed }, { "instances_per_prompt", parameters.InstancesPerPrompt },
    { "guidance_scale", parameters.GuidanceScale },
    { "negative_prompt", parameters.NegativePrompt },
    { "stored_image_size", parameters.StoredImageSize }, { "device", plan.Device.str() },
    { "versions", { { "tree_of_diffusion_life", TDL_VERSION }, { "libtorch", TORCH_VERSION } } } };
}

// The label that guidance leads away from; none without guidance.
std::optional<std::int64_t> NegativeLabel(
  const SamplerParameters& parameters, const DiffusionModel& model)
{
  if (parameters.GuidanceScale == 1.0)
  {
    return {};
  }
  return parameters.NegativePrompt.empty() ? model.NullLabel()
                                           : model.FindClass(parameters.NegativePrompt).second;
}

// The numbers of instances that advance together, and of those that do so at the same time.
struct Batching
{
  int Instances;
  int Threads;
};

// Throws when the run does not fit into memory.
Batching ChooseBatching(const SamplerParameters& parameters, const Plan& plan, std::uint64_t count)
{
  const bool onCpu = plan.Device.is_cpu();
  const int threads = onCpu ? ResolveThreads(parameters.Threads) : 1;
  const std::uint64_t arrays =
    int(plan.CaptureNoisyImage) + int(plan.CapturePredictedImage) + int(plan.CapturePredictedNoise);
  const std::uint64_t captured = count * arrays * ArrayBytes(plan);
  // One trial tells what a network at work takes; a GPU's memory is not ours to plan.
  Plan trial = plan;
  trial.CaptureNoisyImage = trial.CapturePredictedImage = trial.CapturePredictedNoise = false;
  const std::uint64_t network =
    onCpu ? PeakTensorMemory([&trial] { Walk(trial, { SampledInstance{} }, { 0 }).Try(); }) : 0;

  const std::uint64_t available = AvailableMemory();
  const std::uint64_t left = available - std::min(available, captured);
  const auto fitting =
    static_cast<int>(std::min<std::uint64_t>(threads, network > 0 ? left / network : left));
  const int wanted = parameters.BatchSize > 0 ? std::min(parameters.BatchSize, threads) : 1;
  if (fitting < wanted)
  {
    throw ResourceError("Sampling needs " + Gigabytes(captured) +
      " of memory for the captured images and " + Gigabytes(wanted * network) +
      " for the network at work, beside the " + Gigabytes(plan.Model.WeightBytes()) +
      " of its weights, but " + Gigabytes(available) +
      " are free; lower Instances Per Prompt, Stored Image Size or Batch Size, or capture less.");
  }
  if (parameters.BatchSize > 0)
  {
    return { parameters.BatchSize, wanted };
  }
  return { onCpu ? 4 * fitting : 64, fitting };
}

void Describe(SampledImages& images, const Plan& plan, const std::vector<Condition>& conditions)
{
  images.Width = static_cast<int>(plan.Width);
  images.Height = static_cast<int>(plan.Height);
  images.Components = static_cast<int>(plan.Model.SampleShape()[1]);
  for (const int step : plan.Captured)
  {
    images.Timesteps.push_back(plan.Steps.Timestep(step));
    images.Sigmas.push_back(plan.Steps.NoiseLevel(step));
  }
  for (const Condition& condition : conditions)
  {
    const std::string group = condition.Group.empty() ? "Ungrouped" : condition.Group;
    const auto known = std::find(images.Groups.begin(), images.Groups.end(), group);
    images.PromptGroups.push_back(static_cast<int>(known - images.Groups.begin()));
    if (known == images.Groups.end())
    {
      images.Groups.push_back(group);
    }
    images.Prompts.push_back(condition.Name);
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

  const DiffusionModel model(parameters.ModelFolder, device);
  const auto scheduler =
    Scheduler::Create(parameters.Scheduler, model.SchedulerConfig(), parameters.InferenceSteps);
  const std::vector<Condition> conditions = Conditions(parameters, model);
  const std::int64_t size =
    parameters.StoredImageSize > 0 ? parameters.StoredImageSize : model.SampleShape()[2];
  const Plan plan{ model, *scheduler, CapturedSteps(parameters, scheduler->NumberOfSteps()),
    parameters.GuidanceScale, NegativeLabel(parameters, model), device, size, size,
    parameters.CaptureNoisyImage, parameters.CapturePredictedImage,
    parameters.CapturePredictedNoise };

  SampledImages images;
  Describe(images, plan, conditions);
  images.Provenance = Settings(parameters, model, plan).dump();

  const std::uint64_t perPrompt = parameters.InstancesPerPrompt;
  const std::uint64_t total = conditions.size() * perPrompt;
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
      std::vector<std::int64_t> labels;
      for (std::uint64_t i = number; i < std::min(number + perWalk, end); ++i)
      {
        const std::uint64_t prompt = i / perPrompt;
        instances.push_back({ static_cast<int>(i), static_cast<int>(prompt),
          static_cast<std::int64_t>(parameters.Seed + i % perPrompt), {}, {}, {} });
        labels.push_back(conditions[prompt].Label);
      }
      walks.emplace_back(plan, std::move(instances), labels);
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
          walks[i].Advance();
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
