// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/DiffusionSampler.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Testing/TemporaryFolder.h"
#include "Filters/Networks/GlideText2ImUNet.h"
#include "Filters/Networks/ModelFolder.h"
#include "Filters/Networks/SafetensorsFile.h"
#include "Filters/Networks/Testing/SeededWeights.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <torch/cuda.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace
{
const std::filesystem::path Golden = TDL_TEST_DATA "/Glide";

/** The golden folder with its weights, and the run whose images it holds. */
class GlideModel : public testing::Test
{
protected:
  GlideModel()
  {
    std::filesystem::copy(Golden, this->Folder.Path, std::filesystem::copy_options::recursive);
    for (const auto& [kind, seed] : { std::pair("base", 3), { "upsampler", 4 } })
    {
      const std::filesystem::path folder = this->Folder.Path / kind;
      tdl::GlideText2ImUNet network(
        tdl::GlideText2ImConfig::Read(tdl::Configuration((folder / "config.json").string())));
      tdl::WriteSafetensors((folder / "diffusion_pytorch_model.safetensors").string(),
        tdl::SeedWeights(network, static_cast<std::uint64_t>(seed)));
    }
    this->Parameters.ModelFolder = this->Folder.Path.string();
    this->Parameters.Prompts = { "an oil painting of a corgi", "a red cat" };
    this->Parameters.InstancesPerPrompt = 2;
    this->Parameters.InferenceSteps = 100;
    this->Parameters.Scheduler = tdl::SchedulerKind::ModelsOwn;
    this->Parameters.GuidanceScale = 3;
    this->Parameters.Device = tdl::DeviceKind::CPU;
  }

  tdl::SampledImages Sample() const { return tdl::SampleImages(this->Parameters, {}, {}); }

  /** Sets one key of a JSON file; null removes it. */
  void Change(const std::string& file, const std::string& key, const nlohmann::json& value) const
  {
    const std::string path = (this->Folder.Path / file).string();
    nlohmann::json content = tdl::ReadJsonObject(path);
    content[key] = value;
    std::ofstream(path) << content;
  }

  /** The message with which sampling fails. */
  std::string Message() const
  {
    try
    {
      this->Sample();
    }
    catch (const tdl::Error& error)
    {
      return error.what();
    }
    return "no error";
  }

  void ExpectMessage(const std::string& words) const
  {
    const std::string message = this->Message();
    EXPECT_NE(message.find(words), std::string::npos) << message;
  }

  tdl::TemporaryFolder Folder;
  tdl::SamplerParameters Parameters;
};

/** An instance's images as golden data has them: uint8, [iteration, channel, row, column]. */
at::Tensor Images(const tdl::SampledImages& images, const std::vector<std::uint8_t>& pixels)
{
  const auto iterations = static_cast<std::int64_t>(images.Timesteps.size());
  return at::tensor(std::vector<int>(pixels.begin(), pixels.end()))
    .view({ iterations, images.Height, images.Width, images.Components })
    .flip({ 1 })
    .permute({ 0, 3, 1, 2 });
}

void ExpectNear(const at::Tensor& images, const at::Tensor& expected)
{
  ASSERT_EQ(images.sizes(), expected.sizes());
  EXPECT_LE((images - expected.to(at::kInt)).abs().max().item<int>(), 2);
}
}

TEST_F(GlideModel, SamplesWhatThePublishedImplementationSamples)
{
  const tdl::SafetensorsFile golden((Golden / "samples.safetensors").string());
  this->Parameters.CaptureSteps = { 0, 50, 99 };
  const tdl::SampledImages images = this->Sample();
  EXPECT_EQ(images.Prompts, this->Parameters.Prompts);
  EXPECT_EQ(images.Timesteps, (std::vector<double>{ 999, 494, 0, -1 }));
  ASSERT_EQ(images.Instances.size(), 4U);
  for (int i = 0; i < 4; ++i)
  {
    SCOPED_TRACE(i);
    ExpectNear(Images(images, images.Instances[i].Image), golden.Get("Image")[i]);
    ExpectNear(Images(images, images.Instances[i].PredictedImage), golden.Get("PredictedImage")[i]);
  }
  const auto provenance = nlohmann::json::parse(images.Provenance);
  EXPECT_EQ(provenance["scheduler"], "DDPM");
  EXPECT_EQ(provenance["upsample_captured_images"], false);
}

TEST_F(GlideModel, EnlargesCapturedImagesAsThePublishedImplementation)
{
  const tdl::SafetensorsFile golden((Golden / "samples.safetensors").string());
  this->Parameters.UpsampleCapturedImages = true;
  this->Parameters.CaptureNoisyImage = false;
  this->Parameters.CaptureSteps = { 99 };
  this->Parameters.Prompts.pop_back();
  const tdl::SampledImages images = this->Sample();
  EXPECT_EQ(images.Width, 32);
  EXPECT_EQ(images.Height, 32);
  ASSERT_EQ(images.Instances.size(), 2U);
  for (int i = 0; i < 2; ++i)
  {
    SCOPED_TRACE(i);
    ExpectNear(Images(images, images.Instances[i].PredictedImage), golden.Get("Enlarged")[i]);
  }
  EXPECT_EQ(nlohmann::json::parse(images.Provenance)["upsample_captured_images"], true);
}

TEST_F(GlideModel, SamplesAndEnlargesAlikeOnAGpu)
{
  if (torch::cuda::device_count() == 0)
  {
    GTEST_SKIP() << "there is no CUDA device";
  }
  this->Parameters.UpsampleCapturedImages = true;
  this->Parameters.CaptureSteps = { 0, 50, 99 };
  const tdl::SampledImages expected = this->Sample();
  this->Parameters.Device = tdl::DeviceKind::CUDA;
  const tdl::SampledImages images = this->Sample();
  EXPECT_EQ(nlohmann::json::parse(images.Provenance)["precision"], "half");
  ASSERT_EQ(images.Instances.size(), expected.Instances.size());
  for (std::size_t i = 0; i < images.Instances.size(); ++i)
  {
    for (const auto array : { &tdl::SampledInstance::Image, &tdl::SampledInstance::PredictedImage })
    {
      const at::Tensor difference =
        Images(images, images.Instances[i].*array) - Images(expected, expected.Instances[i].*array);
      EXPECT_LE(difference.abs().to(at::kFloat).mean().item<double>(), 2);
    }
  }
}

TEST_F(GlideModel, SamplesBySchedulersThatUsersChoose)
{
  this->Parameters.InferenceSteps = 7;
  this->Parameters.InstancesPerPrompt = 1;
  this->Parameters.Prompts = { "a red cat" };
  this->Parameters.CaptureActivations = true;
  for (const auto scheduler :
    { tdl::SchedulerKind::DDIM, tdl::SchedulerKind::Euler, tdl::SchedulerKind::DPMSolver })
  {
    this->Parameters.Scheduler = scheduler;
    const tdl::SampledImages images = this->Sample();
    EXPECT_EQ(images.Timesteps.size(), 8U);
    EXPECT_EQ(images.Instances.front().Image.size(), 8U * 16 * 16 * 3);
    EXPECT_EQ(images.Instances.front().Activations.size(), 8U * 128);
  }
}

TEST_F(GlideModel, GuidanceLeadsAwayFromTheNegativePrompt)
{
  this->Parameters.InferenceSteps = 4;
  this->Parameters.InstancesPerPrompt = 1;
  this->Parameters.Prompts = { "a red cat" };
  const auto guided = this->Sample().Instances.front().Image;
  this->Parameters.NegativePrompt = "an oil painting";
  const auto away = this->Sample().Instances.front().Image;
  EXPECT_NE(away, guided);
  this->Parameters.GuidanceScale = 1;
  EXPECT_NE(this->Sample().Instances.front().Image, away);
}

TEST_F(GlideModel, NeedsPrompts)
{
  this->Parameters.Prompts.clear();
  this->ExpectMessage("The model suggests no prompts");
  std::ofstream(this->Folder.Path / "prompts.txt") << "[pets]\na red cat\n";
  this->Parameters.InferenceSteps = 1;
  EXPECT_EQ(this->Sample().Groups, std::vector<std::string>{ "pets" });
  this->Parameters.Prompts = { "a \xff cat" };
  this->ExpectMessage("not UTF-8 at byte 2");
}

TEST_F(GlideModel, TellsWhichPromptsAreCut)
{
  this->Parameters.InferenceSteps = 1;
  const std::string most = "a a a a a a a a"; // the network's context is of 8 tokens
  this->Parameters.Prompts = { most };
  EXPECT_TRUE(this->Sample().Warnings.empty());
  this->Parameters.Prompts = { most, most + " a cat" };
  EXPECT_EQ(this->Sample().Warnings,
    std::vector<std::string>{ "The prompt 'a a a a a a a a a cat' is cut: the model takes the "
                              "first 8 of its 10 tokens; put what matters first or shorten it." });
}

TEST_F(GlideModel, NamesWhatItsFolderLacks)
{
  this->Parameters.InferenceSteps = 1;
  this->Change("base/config.json", "super_res", true);
  this->ExpectMessage("tensors");
  this->Change("base/config.json", "super_res", false);
  this->Change("tokenizer/vocab.json", "<|another|>", 900);
  this->ExpectMessage("has 756 tokens, but the network knows 755; convert the model again.");
  std::filesystem::copy_file(Golden / "tokenizer/vocab.json",
    this->Folder.Path / "tokenizer/vocab.json", std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(this->Message(), "no error");

  this->Parameters.UpsampleCapturedImages = true;
  this->Change("upsampler_scheduler/scheduler_config.json", "timesteps", nullptr);
  this->ExpectMessage("has timesteps = null");
  this->Change("model_index.json", "upsample_temp", 0);
  this->ExpectMessage("has upsample_temp = 0");
  std::filesystem::remove_all(this->Folder.Path / "upsampler");
  this->ExpectMessage("has no upsampler; convert the model with one, or switch off");
  std::filesystem::copy(this->Folder.Path / "base", this->Folder.Path / "upsampler");
  this->Change("model_index.json", "upsample_temp", 1);
  this->ExpectMessage("does not enlarge the images of the one in base");
  std::filesystem::remove_all(this->Folder.Path / "tokenizer");
  this->ExpectMessage("has no tokenizer/vocab.json");
}
