// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/DiffusionSampler.h"
#include "Filters/DiffusionSampler/Core/Testing/WritableModel.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Networks/SafetensorsFile.h"
#include "Filters/Networks/Testing/GoldenModel.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/cuda.h>

#include <algorithm>
#include <fstream>
#include <tuple>

namespace
{
const std::filesystem::path Folders = TDL_TEST_DATA "/Pipelines";

tdl::SchedulerKind SchedulerNamed(const std::string& name)
{
  int kind = 0;
  while (tdl::SchedulerName(static_cast<tdl::SchedulerKind>(kind)) != name)
  {
    ++kind;
  }
  return static_cast<tdl::SchedulerKind>(kind);
}

// uint8 (iterations, H, W, C), the first row the upper one.
at::Tensor Upright(const tdl::SampledImages& images, const std::vector<std::uint8_t>& pixels)
{
  return at::tensor(at::ArrayRef<std::uint8_t>(pixels), at::kByte)
    .view({ -1, images.Height, images.Width, images.Components })
    .flip({ 1 });
}

int Difference(const at::Tensor& one, const at::Tensor& other)
{
  EXPECT_EQ(one.sizes(), other.sizes());
  return (one.to(at::kInt) - other.to(at::kInt)).abs().max().item<int>();
}

// Against Testing/Golden/make_pipelines.py.
class Pipelines : public testing::TestWithParam<const char*>
{
};

// Of the runs in golden.json, with the quantities that the golden images are of.
tdl::SamplerParameters ParametersOf(const nlohmann::json& run, const std::filesystem::path& folder)
{
  tdl::SamplerParameters parameters;
  parameters.ModelFolder = folder.string();
  parameters.Prompts = run["prompts"].get<std::vector<std::string>>();
  parameters.NegativePrompt = run["negative_prompt"].get<std::string>();
  parameters.GuidanceScale = run["guidance_scale"].get<double>();
  parameters.Seed = run["seeds"][0].get<int>();
  parameters.InstancesPerPrompt = static_cast<int>(run["seeds"].size());
  parameters.InferenceSteps = run["steps"].get<int>();
  parameters.Scheduler = SchedulerNamed(run["scheduler"].get<std::string>());
  parameters.CaptureSteps = run["captured"].get<std::vector<int>>();
  parameters.CaptureSteps.push_back(parameters.InferenceSteps);
  parameters.CaptureActivations = true;
  return parameters;
}

nlohmann::json RunsOf(const std::filesystem::path& folder)
{
  return nlohmann::json::parse(std::ifstream(folder / "golden.json"));
}

TEST_P(Pipelines, SampleAsDiffusersDoes)
{
  const std::filesystem::path folder = Folders / GetParam();
  const tdl::SafetensorsFile golden((folder / "golden.safetensors").string());
  const nlohmann::json runs = RunsOf(folder);
  ASSERT_FALSE(runs.empty());
  for (const nlohmann::json& run : runs)
  {
    const auto name = run["name"].get<std::string>();
    SCOPED_TRACE(name);
    tdl::SamplerParameters parameters = ParametersOf(run, folder);
    parameters.Device = tdl::DeviceKind::CPU;
    const tdl::SampledImages images = tdl::SampleImages(parameters, {}, {});

    ASSERT_EQ(static_cast<std::int64_t>(images.Instances.size()), golden.Get(name).size(0));
    const auto count = static_cast<std::int64_t>(parameters.CaptureSteps.size()) - 1;
    for (const tdl::SampledInstance& instance : images.Instances)
    {
      SCOPED_TRACE("instance " + std::to_string(instance.Instance));
      const at::Tensor noisy = Upright(images, instance.Image);
      EXPECT_LE(Difference(noisy[count], golden.Get(name)[instance.Instance]), 2);
      if (count > 0)
      {
        EXPECT_LE(
          Difference(noisy.slice(0, 0, count), golden.Get(name + ".Image")[instance.Instance]), 2);
        EXPECT_LE(Difference(Upright(images, instance.PredictedImage).slice(0, 0, count),
                    golden.Get(name + ".PredictedImage")[instance.Instance]),
          2);
        EXPECT_LT(tdl::RelativeDifference(at::tensor(at::ArrayRef<float>(instance.Activations))
                                            .view({ -1, images.ActivationChannels })
                                            .slice(0, 0, count),
                    golden.Get(name + ".Activations")[instance.Instance]),
          1e-4);
      }
    }
  }
}

// The same quantities of the same instances on the CPU and on a GPU, whose rounding differs.
TEST_P(Pipelines, SampleAlikeOnAGpu)
{
  if (torch::cuda::device_count() == 0)
  {
    GTEST_SKIP() << "there is no CUDA device";
  }
  const std::filesystem::path folder = Folders / GetParam();
  for (const nlohmann::json& run : RunsOf(folder))
  {
    SCOPED_TRACE(run["name"].get<std::string>());
    tdl::SamplerParameters parameters = ParametersOf(run, folder);
    parameters.CapturePredictedNoise = true;
    parameters.Device = tdl::DeviceKind::CPU;
    const tdl::SampledImages expected = tdl::SampleImages(parameters, {}, {});
    parameters.Device = tdl::DeviceKind::CUDA;
    for (const auto& [precision, mean, relative] :
      { std::tuple(tdl::PrecisionKind::Single, .1, 1e-4), { tdl::PrecisionKind::Half, 2.0, 2e-2 } })
    {
      SCOPED_TRACE(precision == tdl::PrecisionKind::Half ? "half" : "single");
      parameters.Precision = precision;
      const tdl::SampledImages images = tdl::SampleImages(parameters, {}, {});
      ASSERT_EQ(images.Instances.size(), expected.Instances.size());
      for (std::size_t i = 0; i < images.Instances.size(); ++i)
      {
        for (const auto array : { &tdl::SampledInstance::Image,
               &tdl::SampledInstance::PredictedImage, &tdl::SampledInstance::PredictedNoise })
        {
          const at::Tensor here = Upright(images, images.Instances[i].*array);
          const at::Tensor there = Upright(expected, expected.Instances[i].*array);
          EXPECT_LE((here.to(at::kFloat) - there.to(at::kFloat)).abs().mean().item<double>(), mean);
        }
        EXPECT_LT(
          tdl::RelativeDifference(at::tensor(at::ArrayRef<float>(images.Instances[i].Activations)),
            at::tensor(at::ArrayRef<float>(expected.Instances[i].Activations))),
          relative);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Diffusers, Pipelines,
  testing::Values(
    "DDPM", "LDM", "DiT", "StableDiffusion1", "StableDiffusion2", "StableDiffusionXL"),
  [](const auto& info) { return std::string(info.param); });

// A copy of a pipeline's folder, to be changed and sampled.
class ChangedPipeline : public testing::Test
{
protected:
  explicit ChangedPipeline(const char* name)
    : Model(Folders / name)
  {
    this->Parameters.ModelFolder = this->Model.Folder.Path.string();
    this->Parameters.Prompts = { "A cat" };
    this->Parameters.InstancesPerPrompt = 2;
    this->Parameters.InferenceSteps = 3;
    this->Parameters.GuidanceScale = 3;
    this->Parameters.CapturePredictedNoise = true;
    this->Parameters.Device = tdl::DeviceKind::CPU;
  }

  tdl::SampledImages Sample() const { return tdl::SampleImages(this->Parameters, {}, {}); }

  template <typename Error>
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

  tdl::WritableModel Model;
  tdl::SamplerParameters Parameters;
};

class StableDiffusion : public ChangedPipeline
{
protected:
  StableDiffusion()
    : ChangedPipeline("StableDiffusion1")
  {
  }
};

TEST_F(StableDiffusion, TakesAnyTextAsPrompt)
{
  this->Parameters.Prompts.clear();
  EXPECT_EQ(this->Message<tdl::ParameterError>(),
    "The model suggests no prompts; list some in Prompts or in a Prompt File.");

  this->Parameters.PromptFile = this->Model.Path("mine.txt");
  std::ofstream(this->Parameters.PromptFile)
    << "[Animals]\nA Cat\na cat\n[Styles]\nein gro\u00DFes Gem\u00E4lde, 4k";
  const tdl::SampledImages images = this->Sample();
  EXPECT_EQ(images.Prompts,
    (std::vector<std::string>{ "A Cat", "a cat", "ein gro\u00DFes Gem\u00E4lde, 4k" }));
  EXPECT_EQ(images.Groups, (std::vector<std::string>{ "Animals", "Styles" }));
  EXPECT_EQ(images.PromptGroups, (std::vector<int>{ 0, 0, 1 }));
  EXPECT_EQ(images.Width, 32);
  EXPECT_EQ(images.Components, 3);
  EXPECT_EQ(images.Instances[0].Image, images.Instances[2].Image) << "CLIP knows no case";
  EXPECT_NE(images.Instances[0].Image, images.Instances[4].Image);

  this->Parameters.PromptFile.clear();
  this->Parameters.Prompts = { "a cat", "a cat" };
  EXPECT_EQ(
    this->Message<tdl::ParameterError>(), "The prompt 'a cat' is listed twice; remove one.");
  this->Parameters.Prompts = { "caf\xE9" };
  EXPECT_NE(this->Message<tdl::DataError>().find("UTF-8"), std::string::npos);
}

TEST_F(StableDiffusion, TellsWhichPromptsAreCut)
{
  EXPECT_TRUE(this->Sample().Warnings.empty());
  // Begin, end and 75 others: 77 is what CLIP's text encoder takes.
  std::string most = "cat";
  for (int word = 1; word < 75; ++word)
  {
    most += " 1";
  }
  this->Parameters.Prompts = { most };
  EXPECT_TRUE(this->Sample().Warnings.empty());
  this->Parameters.Prompts = { most, most + " 2 3", "cat" };
  const tdl::SampledImages cut = this->Sample();
  EXPECT_EQ(cut.Warnings,
    std::vector<std::string>{ "The prompt '" + most +
      " 2 3' is cut: the model takes the first 75 of its 77 tokens; put what matters first or "
      "shorten it." });
  EXPECT_EQ(cut.Instances[2].Image, cut.Instances[0].Image) << "what is cut off counts";

  this->Parameters.Prompts = { "cat" };
  this->Parameters.NegativePrompt = most + " 2";
  ASSERT_EQ(this->Sample().Warnings.size(), 1U);
  EXPECT_EQ(this->Sample().Warnings[0].rfind("The Negative Prompt 'cat 1 ", 0), 0U);
  this->Parameters.GuidanceScale = 1;
  EXPECT_TRUE(this->Sample().Warnings.empty()) << "without guidance nobody reads it";
}

TEST_F(StableDiffusion, StoresImagesInTheModelsProportions)
{
  this->Model.Change("unet/config.json", "sample_size", { 4, 8 });
  tdl::SampledImages images = this->Sample();
  EXPECT_EQ(images.Width, 32);
  EXPECT_EQ(images.Height, 16);
  this->Parameters.StoredImageSize = 10;
  images = this->Sample();
  EXPECT_EQ(images.Width, 10);
  EXPECT_EQ(images.Height, 5);
  EXPECT_EQ(images.Instances[0].PredictedNoise.size(), 4U * 10 * 5 * 3);
}

TEST_F(StableDiffusion, CorrectsConfigurationsOfEarlyVersions)
{
  this->Model.Change("unet/config.json", "_diffusers_version", "0.8.1");
  this->Parameters.InferenceSteps = 1;
  this->Parameters.InstancesPerPrompt = 1;
  this->Parameters.Decoding = tdl::LatentDecoding::LinearApproximation; // an image pixel per latent
  EXPECT_EQ(this->Sample().Width, 64);
  this->Model.Change("unet/config.json", "_diffusers_version", "0.10.0");
  EXPECT_EQ(this->Sample().Width, 8);

  const auto provenance = nlohmann::json::parse(this->Sample().Provenance);
  EXPECT_EQ(provenance["scheduler_config"]["steps_offset"], 1);
  EXPECT_EQ(provenance["scheduler_config"]["clip_sample"], false);
}

TEST_F(StableDiffusion, ApproximatesTheAutoencoderLinearly)
{
  this->Parameters.Decoding = tdl::LatentDecoding::LinearApproximation;
  const tdl::SampledImages images = this->Sample();
  EXPECT_EQ(images.Width, 8) << "a pixel per latent pixel";
  EXPECT_EQ(images.Instances[1].Image, this->Sample().Instances[1].Image);
  const auto provenance = nlohmann::json::parse(images.Provenance);
  EXPECT_EQ(provenance["latent_decoding"], "Linear Approximation");
  EXPECT_LT(provenance["explained_variance"].get<double>(), 1);
  EXPECT_GT(provenance["explained_variance"].get<double>(), 0);
}

TEST_F(StableDiffusion, DecodesInTiles)
{
  const tdl::SampledImages whole = this->Sample();
  EXPECT_EQ(nlohmann::json::parse(whole.Provenance)["latent_decoding"], "Autoencoder");
  this->Parameters.Decoding = tdl::LatentDecoding::TiledAutoencoder;
  const tdl::SampledImages tiled = this->Sample();
  const auto difference = [](const tdl::SampledImages& one, const tdl::SampledInstance& instance,
                            const tdl::SampledImages& other)
  {
    return (Upright(one, instance.Image).to(at::kDouble) -
      Upright(other, other.Instances[0].Image).to(at::kDouble))
      .abs()
      .mean()
      .item<double>();
  };
  const double seams = difference(tiled, tiled.Instances[0], whole);
  EXPECT_GT(seams, 0);
  EXPECT_LT(seams, difference(whole, whole.Instances[1], whole) / 2);
}

TEST_F(StableDiffusion, NamesWhatAFolderLacks)
{
  for (const std::string component : { "unet/config.json", "vae/config.json",
         "text_encoder/config.json", "tokenizer/vocab.json", "scheduler/scheduler_config.json" })
  {
    const std::filesystem::path file = this->Model.Folder.Path / component;
    const std::filesystem::path kept = file.string() + ".kept";
    std::filesystem::rename(file, kept);
    EXPECT_EQ(this->Message<tdl::FileError>(),
      "Model folder '" + this->Parameters.ModelFolder + "' has no " + component +
        "; download the whole model.");
    std::filesystem::rename(kept, file);
  }
  std::filesystem::remove(this->Model.Folder.Path / "text_encoder/model.safetensors");
  EXPECT_NE(this->Message<tdl::FileError>().find("has no model.safetensors"), std::string::npos);
}

TEST_F(StableDiffusion, RefusesNetworksThatDoNotFitTogether)
{
  const auto message = [this](const std::string& file, const std::string& key, const auto& value)
  {
    const auto kept = tdl::ReadJsonObject(this->Model.Path(file));
    this->Model.Change(file, key, value);
    std::string text = this->Message<tdl::Error>();
    this->Model.Write(file, kept);
    return text;
  };
  EXPECT_NE(message("unet/config.json", "sample_size", nullptr).find("has sample_size = null"),
    std::string::npos);
  std::filesystem::remove_all(this->Model.Folder.Path / "vae");
  std::filesystem::copy(TDL_TEST_DATA "/Autoencoder/KLOptions", this->Model.Folder.Path / "vae");
  EXPECT_NE(
    this->Message<tdl::FileError>().find(
      "vae' has latents of 3 channels, but the model's network takes 4; choose a model that "
      "makes images from noise alone."),
    std::string::npos);
}

class StableDiffusionXL : public ChangedPipeline
{
protected:
  StableDiffusionXL()
    : ChangedPipeline("StableDiffusionXL")
  {
  }
};

TEST_F(StableDiffusionXL, GuidesAwayFromZerosOrFromTheEmptyPrompt)
{
  const tdl::SampledImages zeros = this->Sample();
  this->Model.Change("model_index.json", "force_zeros_for_empty_prompt", false);
  EXPECT_NE(this->Sample().Instances[0].Image, zeros.Instances[0].Image);
}

TEST_F(StableDiffusionXL, TellsWhichPromptsAreCut)
{
  std::string prompt = "cat";
  for (int word = 0; word < 80; ++word)
  {
    prompt += " !";
  }
  this->Parameters.Prompts = { prompt };
  const std::vector<std::string> warnings = this->Sample().Warnings;
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("takes the first 75 of its "), std::string::npos) << warnings[0];
}

TEST_F(StableDiffusionXL, RefusesATextEncoderWithoutProjection)
{
  this->Model.Change("text_encoder_2/config.json", "architectures", { "CLIPTextModel" });
  EXPECT_NE(this->Message<tdl::FileError>().find(
              "text_encoder_2/config.json' has architectures = [\"CLIPTextModel\"]"),
    std::string::npos);
}

class DiT : public ChangedPipeline
{
protected:
  DiT()
    : ChangedPipeline("DiT")
  {
  }
};

TEST_F(DiT, SamplesItsClasses)
{
  this->Parameters.Prompts.clear();
  EXPECT_EQ(this->Sample().Prompts,
    (std::vector<std::string>{ "tench", "goldfish", "crane", "cock", "hen", "great gray owl" }));
  this->Parameters.Prompts = { "GOLDFISH", "strix nebulosa" };
  EXPECT_EQ(this->Sample().Prompts, (std::vector<std::string>{ "goldfish", "great gray owl" }));

  this->Parameters.Prompts = { "pike" };
  EXPECT_EQ(this->Message<tdl::ParameterError>(),
    "The model has no class 'pike'; choose from tench, goldfish, crane, cock, hen, great "
    "gray owl.");
  this->Parameters.Prompts = { "hen" };
  const tdl::SampledImages away = this->Sample();
  this->Parameters.NegativePrompt = "Cock";
  EXPECT_NE(this->Sample().Instances[0].Image, away.Instances[0].Image);
}
}
