// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/DiffusionSampler.h"

#include "Filters/DiffusionSampler/Core/Testing/TinyModel.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Memory.h"
#include "Filters/Networks/Checksum.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <numeric>

namespace
{
using tdl::SampledImages;
using tdl::SampledInstance;
using tdl::SamplerParameters;

class DiffusionSampler : public testing::Test
{
protected:
  DiffusionSampler()
  {
    this->Parameters.ModelFolder = this->Model.Folder.Path.string();
    this->Parameters.InstancesPerPrompt = 3;
    this->Parameters.InferenceSteps = 6;
    this->Parameters.CapturePredictedNoise = true;
    this->Parameters.Device = tdl::DeviceKind::CPU;
  }

  SampledImages Sample(const tdl::SamplerPiece& piece = {}, const tdl::Monitor& monitor = {}) const
  {
    return tdl::SampleImages(this->Parameters, piece, monitor);
  }

  template <typename Error = tdl::ParameterError>
  std::string Message() const
  {
    try
    {
      this->Sample();
    }
    catch (const Error& error)
    {
      return error.what();
    }
    return "no such error";
  }

  tdl::TinyModel Model;
  SamplerParameters Parameters;
};

void ExpectSame(const SampledInstance& one, const SampledInstance& other)
{
  EXPECT_EQ(one.Instance, other.Instance);
  EXPECT_EQ(one.PromptId, other.PromptId);
  EXPECT_EQ(one.Seed, other.Seed);
  EXPECT_EQ(one.Image, other.Image);
  EXPECT_EQ(one.PredictedImage, other.PredictedImage);
  EXPECT_EQ(one.PredictedNoise, other.PredictedNoise);
  EXPECT_EQ(one.Activations, other.Activations);
}

// The pixels of iteration k of 8 x 8 images.
std::vector<std::uint8_t> Slice(const std::vector<std::uint8_t>& pixels, std::size_t k)
{
  return { pixels.begin() + 64 * k, pixels.begin() + 64 * (k + 1) };
}

int LargestDifference(const std::vector<std::uint8_t>& one, const std::vector<std::uint8_t>& other)
{
  EXPECT_EQ(one.size(), other.size());
  return std::inner_product(
    one.begin(), one.end(), other.begin(), 0,
    [](int largest, int difference) { return std::max(largest, difference); },
    [](int a, int b) { return std::abs(a - b); });
}
}

TEST_F(DiffusionSampler, FillsWhatItPromises)
{
  const SampledImages images = this->Sample();
  EXPECT_EQ(images.Width, 8);
  EXPECT_EQ(images.Height, 8);
  EXPECT_EQ(images.Components, 1);
  EXPECT_EQ(images.Prompts, (std::vector<std::string>{ "Cat", "Dog", "Car" }));
  EXPECT_EQ(images.Groups, std::vector<std::string>{ "Ungrouped" });
  EXPECT_EQ(images.PromptGroups, (std::vector<int>{ 0, 0, 0 }));
  EXPECT_EQ(images.Timesteps, (std::vector<double>{ 830, 664, 498, 332, 166, 0, -1 }));
  ASSERT_EQ(images.Sigmas.size(), 7U);
  EXPECT_TRUE(std::is_sorted(images.Sigmas.rbegin(), images.Sigmas.rend()));
  EXPECT_EQ(images.Sigmas.back(), 0);
  // At t = 498 the cosine schedule is half way: as much noise as image.
  EXPECT_NEAR(images.Sigmas[2], 1, 0.02);

  ASSERT_EQ(images.Instances.size(), 9U);
  for (int i = 0; i < 9; ++i)
  {
    const SampledInstance& instance = images.Instances[i];
    EXPECT_EQ(instance.Instance, i);
    EXPECT_EQ(instance.PromptId, i / 3);
    EXPECT_EQ(instance.Seed, i % 3);
    EXPECT_EQ(instance.Image.size(), 7U * 64);
    EXPECT_EQ(instance.PredictedImage.size(), 7U * 64);
    EXPECT_EQ(instance.PredictedNoise.size(), 7U * 64);
    EXPECT_TRUE(instance.Activations.empty());
  }
  EXPECT_NE(images.Instances[0].PredictedImage, images.Instances[3].PredictedImage)
    << "the prompt does not matter";
}

TEST_F(DiffusionSampler, CapturesActivationsWithoutEffectOnTheImages)
{
  // Schedulers that ask the network once or several times per step; all begin with the same sample.
  std::vector<float> first;
  for (const auto scheduler :
    { tdl::SchedulerKind::DDIM, tdl::SchedulerKind::Heun, tdl::SchedulerKind::PNDM })
  {
    SCOPED_TRACE(tdl::SchedulerName(scheduler));
    this->Parameters.Scheduler = scheduler;
    this->Parameters.CaptureActivations = false;
    const SampledImages without = this->Sample();
    EXPECT_EQ(without.ActivationChannels, 0);
    this->Parameters.CaptureActivations = true;
    const SampledImages images = this->Sample();
    ASSERT_GT(images.ActivationChannels, 0);
    const auto channels = static_cast<std::size_t>(images.ActivationChannels);
    const std::size_t iterations = images.Timesteps.size();
    for (int i = 0; i < 9; ++i)
    {
      const SampledInstance& instance = images.Instances[i];
      EXPECT_EQ(instance.Image, without.Instances[i].Image);
      EXPECT_EQ(instance.PredictedImage, without.Instances[i].PredictedImage);
      ASSERT_EQ(instance.Activations.size(), iterations * channels);
      const auto at = [&](std::size_t iteration)
      {
        const auto begin = instance.Activations.begin() + iteration * channels;
        return std::vector<float>(begin, begin + channels);
      };
      EXPECT_NE(at(0), at(1));
      EXPECT_EQ(at(iterations - 2), at(iterations - 1)) << "no network sees the final image";
    }
    EXPECT_NE(images.Instances[0].Activations, images.Instances[1].Activations) << "other noise";
    EXPECT_NE(images.Instances[0].Activations, images.Instances[3].Activations) << "another prompt";
    if (scheduler != tdl::SchedulerKind::Heun) // which respaces the timesteps
    {
      const std::vector<float> begin(images.Instances[0].Activations.begin(),
        images.Instances[0].Activations.begin() + channels);
      first = first.empty() ? begin : first;
      EXPECT_EQ(begin, first) << "not those of a trial sample";
    }
  }
}

TEST_F(DiffusionSampler, GivesTheActivationsOfThePromptUnderGuidance)
{
  this->Parameters.CaptureActivations = true;
  this->Parameters.CaptureSteps = { 0 };
  this->Parameters.GuidanceScale = 1;
  const SampledImages plain = this->Sample();
  this->Parameters.GuidanceScale = 3;
  const SampledImages guided = this->Sample();
  const auto channels = static_cast<std::size_t>(plain.ActivationChannels);
  for (int i = 0; i < 9; ++i)
  {
    for (std::size_t c = 0; c < channels; ++c)
    {
      EXPECT_NEAR(guided.Instances[i].Activations[c], plain.Instances[i].Activations[c], 1e-5);
    }
  }
}

TEST_F(DiffusionSampler, GivesTheSameBitsAtAnyBatchSizeThreadsAndPieces)
{
  this->Parameters.CaptureActivations = true;
  // Without and with fresh noise, with a history, with several evaluations per step.
  for (const auto scheduler : { tdl::SchedulerKind::DDIM, tdl::SchedulerKind::DDPM,
         tdl::SchedulerKind::EulerAncestral, tdl::SchedulerKind::UniPC, tdl::SchedulerKind::PNDM })
  {
    SCOPED_TRACE(tdl::SchedulerName(scheduler));
    this->Parameters.Scheduler = scheduler;
    this->Parameters.Threads = 1;
    this->Parameters.BatchSize = 1;
    const SampledImages reference = this->Sample();
    ASSERT_EQ(reference.Instances.size(), 9U);

    for (const auto& [threads, batch] :
      { std::pair{ 1, 4 }, { 2, 0 }, { 2, 3 }, { 3, 9 }, { 0, 0 } })
    {
      SCOPED_TRACE(std::to_string(threads) + " threads, batches of " + std::to_string(batch));
      this->Parameters.Threads = threads;
      this->Parameters.BatchSize = batch;
      const SampledImages images = this->Sample();
      ASSERT_EQ(images.Instances.size(), 9U);
      for (int i = 0; i < 9; ++i)
      {
        ExpectSame(images.Instances[i], reference.Instances[i]);
      }
    }

    std::size_t next = 0;
    for (int piece = 0; piece < 4; ++piece)
    {
      for (const SampledInstance& instance : this->Sample({ piece, 4 }).Instances)
      {
        ExpectSame(instance, reference.Instances.at(next++));
      }
    }
    EXPECT_EQ(next, 9U);
  }
}

TEST_F(DiffusionSampler, StartsEveryPromptFromTheSameNoise)
{
  const SampledImages images = this->Sample();
  for (int i = 0; i < 3; ++i)
  {
    const auto root = Slice(images.Instances[i].Image, 0);
    EXPECT_EQ(Slice(images.Instances[i + 3].Image, 0), root);
    EXPECT_EQ(Slice(images.Instances[i + 6].Image, 0), root);
  }
  EXPECT_NE(Slice(images.Instances[0].Image, 0), Slice(images.Instances[1].Image, 0));

  this->Parameters.Seed = 1;
  EXPECT_EQ(this->Sample().Instances[0].Image, images.Instances[1].Image)
    << "instance i has seed Seed + i";
}

TEST_F(DiffusionSampler, CapturesTheStepsAskedFor)
{
  const SampledImages all = this->Sample();
  const auto expectSteps = [&](const std::vector<int>& steps)
  {
    const SampledImages images = this->Sample();
    ASSERT_EQ(images.Timesteps.size(), steps.size());
    for (std::size_t k = 0; k < steps.size(); ++k)
    {
      EXPECT_EQ(images.Timesteps[k], all.Timesteps[steps[k]]);
      EXPECT_EQ(images.Sigmas[k], all.Sigmas[steps[k]]);
      for (std::size_t i = 0; i < images.Instances.size(); ++i)
      {
        const SampledInstance& instance = images.Instances[i];
        const SampledInstance& reference = all.Instances[i];
        EXPECT_EQ(Slice(instance.Image, k), Slice(reference.Image, steps[k]));
        EXPECT_EQ(Slice(instance.PredictedImage, k), Slice(reference.PredictedImage, steps[k]));
        EXPECT_EQ(Slice(instance.PredictedNoise, k), Slice(reference.PredictedNoise, steps[k]));
      }
    }
  };
  this->Parameters.CaptureEvery = 2;
  expectSteps({ 0, 2, 4, 6 });
  this->Parameters.CaptureEvery = 4;
  expectSteps({ 0, 4, 6 });
  this->Parameters.CaptureEvery = 100;
  expectSteps({ 0, 6 });
  this->Parameters.CaptureSteps = { 5, 1, 5 };
  expectSteps({ 1, 5, 6 });
  this->Parameters.CaptureSteps = { 6 };
  expectSteps({ 6 });
}

TEST_F(DiffusionSampler, CapturesOnlyTheArraysAskedFor)
{
  this->Parameters.CaptureNoisyImage = false;
  this->Parameters.CapturePredictedNoise = false;
  const SampledInstance instance = this->Sample().Instances.front();
  EXPECT_TRUE(instance.Image.empty());
  EXPECT_FALSE(instance.PredictedImage.empty());
  EXPECT_TRUE(instance.PredictedNoise.empty());
}

TEST_F(DiffusionSampler, EndsInTheImagePredictedLast)
{
  for (const SampledInstance& instance : this->Sample().Instances)
  {
    EXPECT_LE(LargestDifference(Slice(instance.Image, 6), Slice(instance.PredictedImage, 6)), 1);
    EXPECT_EQ(Slice(instance.PredictedImage, 6), Slice(instance.PredictedImage, 5));
  }
}

TEST_F(DiffusionSampler, GuidanceLeadsAwayFromTheNegativePrompt)
{
  this->Parameters.Prompts = { "Cat" };
  const SampledInstance guided = this->Sample().Instances.front();

  this->Parameters.NegativePrompt = "dog";
  EXPECT_NE(this->Sample().Instances.front().Image, guided.Image);

  // Away from itself leads nowhere: without guidance it is the same.
  this->Parameters.NegativePrompt = "cat";
  const SampledInstance itself = this->Sample().Instances.front();
  this->Parameters.NegativePrompt = "";
  this->Parameters.GuidanceScale = 1;
  const SampledInstance unguided = this->Sample().Instances.front();
  EXPECT_LE(LargestDifference(itself.Image, unguided.Image), 1);
  EXPECT_NE(unguided.Image, guided.Image);

  // At 0 only the negative prompt counts.
  this->Parameters.GuidanceScale = 0;
  this->Parameters.NegativePrompt = "Dog";
  const SampledInstance dog = this->Sample().Instances.front();
  this->Parameters.GuidanceScale = 1;
  this->Parameters.Prompts = { "Dog" };
  EXPECT_LE(LargestDifference(dog.Image, this->Sample().Instances.front().Image), 1);
}

TEST_F(DiffusionSampler, FindsPromptsInAnyCaseAndTheirGroups)
{
  std::ofstream(this->Model.Path("prompts.txt")) << "[animals]\ncat\ndog\n[machines]\nCAR";
  SampledImages images = this->Sample();
  EXPECT_EQ(images.Prompts, (std::vector<std::string>{ "Cat", "Dog", "Car" }));
  EXPECT_EQ(images.Groups, (std::vector<std::string>{ "animals", "machines" }));
  EXPECT_EQ(images.PromptGroups, (std::vector<int>{ 0, 0, 1 }));

  this->Parameters.Prompts = { "cAR", "dog" };
  images = this->Sample();
  EXPECT_EQ(images.Prompts, (std::vector<std::string>{ "Car", "Dog" }));
  EXPECT_EQ(images.Groups, (std::vector<std::string>{ "machines", "animals" }));
  EXPECT_EQ(images.PromptGroups, (std::vector<int>{ 0, 1 }));

  this->Parameters.Prompts.clear();
  this->Parameters.PromptFile = this->Model.Path("mine.txt");
  std::ofstream(this->Parameters.PromptFile) << "cat\n[mine]\ncar";
  images = this->Sample();
  EXPECT_EQ(images.Prompts, (std::vector<std::string>{ "Cat", "Car" }));
  EXPECT_EQ(images.Groups, (std::vector<std::string>{ "Ungrouped", "mine" }));
}

TEST_F(DiffusionSampler, CallsClassesByNumberWhereTheyHaveNoNames)
{
  this->Model.Change("model_index.json", "id2label", nullptr);
  EXPECT_EQ(this->Sample().Prompts, (std::vector<std::string>{ "0", "1", "2" }));
}

TEST_F(DiffusionSampler, CallsClassesByAnyOfTheirSynonyms)
{
  this->Model.Change("model_index.json", "id2label",
    { { "0", "crane, Grus grus" }, { "1", "crane, hoist" }, { "2", "car, automobile" } });
  EXPECT_EQ(this->Sample().Prompts,
    (std::vector<std::string>{ "crane, Grus grus", "crane, hoist", "car" }));
  this->Parameters.Prompts = { "Automobile", "grus grus", "crane" };
  EXPECT_EQ(this->Sample().Prompts,
    (std::vector<std::string>{ "car", "crane, Grus grus", "crane, hoist" }));
  this->Parameters.Prompts = { "car", "automobile" };
  EXPECT_EQ(this->Message(), "The prompt 'car' is listed twice; remove one.");
}

TEST_F(DiffusionSampler, SamplesUnconditionalModelsUnderOneName)
{
  const tdl::TinyModel unconditional(false);
  this->Parameters.ModelFolder = unconditional.Folder.Path.string();
  const SampledImages images = this->Sample();
  EXPECT_EQ(images.Prompts, std::vector<std::string>{ "Unconditional" });
  ASSERT_EQ(images.Instances.size(), 3U);
  EXPECT_EQ(nlohmann::json::parse(images.Provenance)["guidance_scale"], 1)
    << "there is nothing to guide by";

  this->Parameters.Prompts = { "Numbers" };
  this->Parameters.GuidanceScale = 1;
  const SampledImages named = this->Sample();
  EXPECT_EQ(named.Prompts, std::vector<std::string>{ "Numbers" });
  ExpectSame(named.Instances[1], images.Instances[1]);

  this->Parameters.NegativePrompt = "Letters";
  EXPECT_EQ(this->Message(),
    "The model is unconditional and cannot be led away from a Negative Prompt; clear it.");
  this->Parameters.Prompts = { "Numbers", "Letters" };
  EXPECT_EQ(this->Message(),
    "The model is unconditional, so that no prompt changes its images, but 2 prompts are given; "
    "give one, to name them, or none.");
}

TEST_F(DiffusionSampler, OpensModelsWithoutFoldersOfComponents)
{
  const SampledImages images = this->Sample();
  const std::filesystem::path root = this->Model.Folder.Path;
  for (const char* file :
    { "unet/config.json", tdl::TinyModel::WeightsName, "scheduler/scheduler_config.json" })
  {
    std::filesystem::rename(root / file, root / std::filesystem::path(file).filename());
  }
  ExpectSame(this->Sample().Instances.front(), images.Instances.front());
}

TEST_F(DiffusionSampler, ResamplesStoredImages)
{
  const std::vector<std::uint8_t> full = this->Sample().Instances.front().Image;
  this->Parameters.StoredImageSize = 4;
  const SampledImages images = this->Sample();
  EXPECT_EQ(images.Width, 4);
  EXPECT_EQ(images.Height, 4);
  const std::vector<std::uint8_t>& half = images.Instances.front().Image;
  ASSERT_EQ(half.size(), full.size() / 4);
  const auto mean = [](const std::vector<std::uint8_t>& pixels)
  { return std::accumulate(pixels.begin(), pixels.end(), 0.0) / pixels.size(); };
  EXPECT_NEAR(mean(half), mean(full), 8);
}

TEST_F(DiffusionSampler, ReportsEveryStepAndRestoresTheHostsThreads)
{
  at::set_num_threads(2);
  this->Parameters.Threads = 3;
  this->Parameters.BatchSize = 5;
  std::vector<double> fractions;
  this->Sample({},
    [&](const tdl::Progress& progress)
    {
      EXPECT_EQ(progress.Stage, "Sampling");
      fractions.push_back(progress.Fraction);
      return true;
    });
  EXPECT_EQ(fractions.size(), 2U * 6) << "two batches of six steps";
  EXPECT_TRUE(std::is_sorted(fractions.begin(), fractions.end()));
  EXPECT_GT(fractions.front(), 0);
  EXPECT_EQ(fractions.back(), 1);
  EXPECT_EQ(at::get_num_threads(), 2);
}

TEST_F(DiffusionSampler, CapturesOneSamplePerStepWhateverTheScheduler)
{
  this->Parameters.InferenceSteps = 20;
  const SampledImages reference = this->Sample();
  for (const auto scheduler : { tdl::SchedulerKind::PNDM, tdl::SchedulerKind::LMS,
         tdl::SchedulerKind::Euler, tdl::SchedulerKind::EulerAncestral, tdl::SchedulerKind::Heun,
         tdl::SchedulerKind::DPMSolver, tdl::SchedulerKind::UniPC, tdl::SchedulerKind::LCM })
  {
    SCOPED_TRACE(tdl::SchedulerName(scheduler));
    this->Parameters.Scheduler = scheduler;
    const SampledImages images = this->Sample();
    ASSERT_EQ(images.Timesteps.size(), 21U);
    EXPECT_EQ(images.Timesteps.back(), -1);
    EXPECT_EQ(images.Sigmas.back(), 0);
    EXPECT_EQ(nlohmann::json::parse(images.Provenance)["scheduler"], tdl::SchedulerName(scheduler));
    const SampledInstance& instance = images.Instances.front();
    ASSERT_EQ(instance.Image.size(), 21U * 64);
    // The first sample is the same noise at the same scale, whatever the scheduler's own scale.
    EXPECT_LE(
      LargestDifference(Slice(instance.Image, 0), Slice(reference.Instances.front().Image, 0)), 1);
    EXPECT_NE(Slice(instance.Image, 20), Slice(instance.Image, 0));
  }
}

TEST_F(DiffusionSampler, FollowsTheModelsOwnScheduler)
{
  const std::string config = "scheduler/scheduler_config.json";
  this->Model.Change(config, "_class_name", "HeunDiscreteScheduler");
  this->Parameters.Scheduler = tdl::SchedulerKind::ModelsOwn;
  const SampledImages own = this->Sample();
  EXPECT_EQ(nlohmann::json::parse(own.Provenance)["scheduler"], "Heun");
  this->Parameters.Scheduler = tdl::SchedulerKind::Heun;
  ExpectSame(own.Instances.front(), this->Sample().Instances.front());

  this->Parameters.Scheduler = tdl::SchedulerKind::ModelsOwn;
  this->Model.Change(config, "_class_name", "TCDScheduler");
  EXPECT_EQ(this->Message<tdl::FileError>(),
    "'" + this->Model.Path(config) +
      "' has _class_name = \"TCDScheduler\", which is not supported; choose another model.");
}

TEST_F(DiffusionSampler, ReportsProgressByEvaluations)
{
  this->Parameters.Scheduler = tdl::SchedulerKind::PNDM; // 4 + 4 + 4 + 1 + 1 + 1
  std::vector<double> fractions;
  this->Parameters.BatchSize = 9;
  this->Sample({},
    [&](const tdl::Progress& progress)
    {
      fractions.push_back(progress.Fraction);
      return true;
    });
  ASSERT_EQ(fractions.size(), 6U);
  EXPECT_NEAR(fractions[0], 4 / 15.0, 1e-12);
  EXPECT_NEAR(fractions[2], 12 / 15.0, 1e-12);
  EXPECT_EQ(fractions[5], 1);
}

TEST_F(DiffusionSampler, KeepsFinishedBatchesWhenStopped)
{
  const SampledImages whole = this->Sample();
  this->Parameters.BatchSize = 2;
  for (const auto& [allowed, finished] : { std::pair{ 0, 0U }, { 4, 0U }, { 5, 2U }, { 16, 4U } })
  {
    int calls = 0;
    const SampledImages images =
      this->Sample({}, [&, allowed = allowed](const tdl::Progress&) { return ++calls <= allowed; });
    EXPECT_EQ(calls, allowed + 1) << "it went on after it was stopped";
    ASSERT_EQ(images.Instances.size(), finished);
    for (unsigned int i = 0; i < finished; ++i)
    {
      ExpectSame(images.Instances[i], whole.Instances[i]);
    }
    EXPECT_EQ(images.Prompts, whole.Prompts);
  }
}

TEST_F(DiffusionSampler, TellsWhereTheImagesComeFrom)
{
  this->Parameters.NegativePrompt = "dog";
  this->Parameters.GuidanceScale = 2.5;
  const auto provenance = nlohmann::json::parse(this->Sample().Provenance);
  EXPECT_EQ(provenance["model"], this->Parameters.ModelFolder);
  EXPECT_EQ(provenance["checksum"],
    "sha256:" + tdl::FileChecksum(this->Model.Path(tdl::TinyModel::WeightsName)));
  EXPECT_EQ(provenance["scheduler"], "DDIM");
  EXPECT_EQ(provenance["scheduler_config"]["beta_schedule"], "squaredcos_cap_v2");
  EXPECT_EQ(provenance["inference_steps"], 6);
  EXPECT_EQ(provenance["guidance_scale"], 2.5);
  EXPECT_EQ(provenance["negative_prompt"], "dog");
  EXPECT_EQ(provenance["device"], "cpu");
  EXPECT_FALSE(provenance["versions"]["libtorch"].empty());
}

TEST_F(DiffusionSampler, RefusesParametersOutOfRange)
{
  const auto message = [this](auto SamplerParameters::*parameter, auto value)
  {
    const SamplerParameters kept = this->Parameters;
    this->Parameters.*parameter = value;
    const std::string text = this->Message();
    this->Parameters = kept;
    return text;
  };
  EXPECT_EQ(message(&SamplerParameters::InstancesPerPrompt, 0),
    "Instances Per Prompt is 0; set it to at least 1.");
  EXPECT_EQ(message(&SamplerParameters::Seed, -1), "Seed is -1; set it to at least 0.");
  EXPECT_EQ(message(&SamplerParameters::InferenceSteps, -5),
    "Inference Steps is -5; the model was trained with 1000 timesteps, so choose 1 to 1000.");
  EXPECT_EQ(message(&SamplerParameters::InferenceSteps, 1001),
    "Inference Steps is 1001; the model was trained with 1000 timesteps, so choose 1 to 1000.");
  EXPECT_EQ(
    message(&SamplerParameters::CaptureEvery, 0), "Capture Every is 0; set it to at least 1.");
  EXPECT_EQ(message(&SamplerParameters::StoredImageSize, -1),
    "Stored Image Size is -1; set it to at least 0.");
  EXPECT_EQ(message(&SamplerParameters::BatchSize, -1), "Batch Size is -1; set it to at least 0.");
  EXPECT_EQ(message(&SamplerParameters::Threads, -1),
    "Threads is -1; set it to 0 (all cores) or to a positive number.");
  EXPECT_EQ(message(&SamplerParameters::GuidanceScale, std::numeric_limits<double>::quiet_NaN()),
    "Guidance Scale is not a finite number; 1 means no guidance.");
  EXPECT_EQ(message(&SamplerParameters::CaptureSteps, std::vector<int>{ 3, 7 }),
    "Capture Steps holds 7; choose steps from 0, the initial noise, to 6, the final image.");
  EXPECT_EQ(message(&SamplerParameters::CaptureSteps, std::vector<int>{ -1 }),
    "Capture Steps holds -1; choose steps from 0, the initial noise, to 6, the final image.");

  this->Parameters.CaptureNoisyImage = false;
  this->Parameters.CapturePredictedImage = false;
  this->Parameters.CapturePredictedNoise = false;
  EXPECT_EQ(this->Message(),
    "No image is captured; switch on Capture Noisy Image, Capture Predicted "
    "Image or Capture Predicted Noise.");
}

TEST_F(DiffusionSampler, RefusesPromptsTheModelDoesNotKnow)
{
  this->Parameters.Prompts = { "cat", "bird" };
  EXPECT_EQ(this->Message(), "The model has no class 'bird'; choose from Cat, Dog, Car.");
  this->Parameters.Prompts = { "" };
  EXPECT_EQ(this->Message(), "The model has no class ''; choose from Cat, Dog, Car.");
  this->Parameters.Prompts = { "cat", "Cat" };
  EXPECT_EQ(this->Message(), "The prompt 'Cat' is listed twice; remove one.");
  this->Parameters.Prompts = { "cat" };
  this->Parameters.NegativePrompt = "bird";
  EXPECT_EQ(this->Message(), "The model has no class 'bird'; choose from Cat, Dog, Car.");
  this->Parameters.PromptFile = this->Model.Path("prompts.txt");
  EXPECT_EQ(this->Message(), "Both Prompts and Prompt File are set; clear one of them.");
  this->Parameters.Prompts.clear();
  EXPECT_EQ(this->Message<tdl::FileError>(),
    "The prompt file " + this->Parameters.PromptFile + " cannot be read; check its path.");
}

TEST_F(DiffusionSampler, RefusesGuidanceWithoutANullLabel)
{
  this->Model.Change("model_index.json", "null_label", nullptr);
  EXPECT_EQ(this->Message(),
    "The model '" + this->Parameters.ModelFolder +
      "' has no null label to guide away from; set Guidance Scale to 1 or name a Negative Prompt.");
  this->Parameters.NegativePrompt = "dog";
  EXPECT_EQ(this->Sample().Instances.size(), 9U);
  this->Parameters.NegativePrompt.clear();
  this->Parameters.GuidanceScale = 1;
  EXPECT_EQ(this->Sample().Instances.size(), 9U);
}

TEST_F(DiffusionSampler, RefusesWhatDoesNotFitIntoMemory)
{
  this->Parameters.StoredImageSize = 100000;
  const std::string message = this->Message<tdl::ResourceError>();
  EXPECT_EQ(
    message.rfind("Sampling needs 1890.00 GB of memory for the captured images and ", 0), 0U)
    << message;
  this->Parameters.StoredImageSize = 0;
  this->Parameters.InstancesPerPrompt = std::numeric_limits<int>::max();
  EXPECT_NE(this->Message<tdl::ResourceError>(), "no such error");
}

TEST_F(DiffusionSampler, RefusesWeightsThatDoNotFitIntoMemory)
{
  // A tensor of bytes, half of what is free, becomes one of floats. The file has a hole for it.
  const std::string size = std::to_string(tdl::AvailableMemory() / 2);
  const std::string header =
    R"({"a":{"dtype":"U8","shape":[)" + size + R"(],"data_offsets":[0,)" + size + "]}}";
  const std::uint64_t length = header.size();
  const std::string path = this->Model.Path(tdl::TinyModel::WeightsName);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(&length), sizeof(length))
    << header;
  std::filesystem::resize_file(path, sizeof(length) + length + std::stoull(size));
  const std::string message = this->Message<tdl::ResourceError>();
  EXPECT_EQ(message.rfind("The weights in '" + this->Model.Path("unet") + "' take ", 0), 0U)
    << message;
  EXPECT_NE(message.find(" are free; choose a smaller model."), std::string::npos) << message;
}

TEST_F(DiffusionSampler, RefusesFoldersItCannotSample)
{
  const auto index =
    nlohmann::json{ { "_class_name", "DDIMPipeline" }, { "id2label", { { "0", "Cat" } } } };
  const auto message = [this](const std::string& key, const nlohmann::json& value)
  {
    const auto kept = tdl::ReadJsonObject(this->Model.Path("model_index.json"));
    this->Model.Change("model_index.json", key, value);
    const std::string text = this->Message<tdl::FileError>();
    this->Model.Write("model_index.json", kept);
    return text;
  };
  const std::string file = "'" + this->Model.Path("model_index.json") + "' has ";
  const std::string remedy = ", which is not supported; choose another model.";
  EXPECT_EQ(message("_class_name", "FluxPipeline")
              .rfind("'" + this->Model.Path("model_index.json") +
                  "' names the pipeline 'FluxPipeline' as its _class_name, which is not supported; "
                  "choose a model of one of these: DDPMPipeline, DDIMPipeline",
                0),
    0U);
  EXPECT_EQ(message("null_label", 4), file + "null_label = 4" + remedy);
  EXPECT_EQ(message("id2label", { { "7", "Cat" } }), file + "id2label = {\"7\":\"Cat\"}" + remedy);

  this->Model.Change("unet/config.json", "num_class_embeds", nullptr);
  EXPECT_EQ(this->Message<tdl::FileError>(), file + "null_label = 3" + remedy);
  this->Model.Change("unet/config.json", "sample_size", nullptr);
  EXPECT_NE(this->Message<tdl::FileError>().find("has sample_size = null"), std::string::npos);

  std::filesystem::remove_all(this->Model.Folder.Path / "unet");
  EXPECT_EQ(this->Message<tdl::FileError>(),
    "Model folder '" + this->Parameters.ModelFolder +
      "' has no unet/config.json; download the whole model.");
  std::filesystem::remove_all(this->Model.Folder.Path / "scheduler");
  EXPECT_EQ(this->Message<tdl::FileError>(),
    "Model folder '" + this->Parameters.ModelFolder +
      "' has no scheduler/scheduler_config.json; download the whole model.");

  this->Parameters.ModelFolder = "nowhere";
  EXPECT_EQ(this->Message<tdl::FileError>(),
    "Cannot open 'nowhere/model_index.json'; check the path and its permissions.");
}

TEST_F(DiffusionSampler, RefusesBrokenWeights)
{
  const std::string weights = this->Model.Path(tdl::TinyModel::WeightsName);
  this->Model.Change("unet/config.json", "block_out_channels", { 8, 32 });
  EXPECT_NE(this->Message<tdl::FileError>().find("of another shape"), std::string::npos);
  this->Model.Change("unet/config.json", "block_out_channels", { 8, 16 });

  std::filesystem::resize_file(weights, std::filesystem::file_size(weights) / 2);
  EXPECT_NE(this->Message<tdl::FileError>().find(weights), std::string::npos);
  std::filesystem::remove(weights);
  EXPECT_NE(
    this->Message<tdl::FileError>().find("diffusion_pytorch_model.safetensors"), std::string::npos);
}
