// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/DiffusionModel.h"
#include "Filters/DiffusionSampler/Core/DiffusionSampler.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Testing/TemporaryFolder.h"
#include "Filters/Networks/SafetensorsFile.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <caffe2/serialize/inline_container.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <torch/csrc/jit/api/module.h>
#include <torch/version.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace
{
const std::filesystem::path Golden = TDL_TEST_DATA "/TorchScript";

/** A folder of a denoiser of 8 x 8 pixels whose forward a test writes. */
class TorchScriptModel : public testing::Test
{
protected:
  TorchScriptModel()
  {
    std::filesystem::create_directory(this->Folder.Path / "scheduler");
    std::ofstream(this->Folder.Path / "scheduler/scheduler_config.json")
      << R"({"_class_name": "DDIMScheduler"})";
    this->SetIndex(nlohmann::json::object());
    this->Parameters.ModelFolder = this->Folder.Path.string();
    this->Parameters.InstancesPerPrompt = 3;
    this->Parameters.InferenceSteps = 5;
    this->Parameters.Device = tdl::DeviceKind::CPU;
  }

  /** Writes model_index.json with further keys. */
  void SetIndex(const nlohmann::json& keys) const
  {
    nlohmann::json index{ { "_class_name", "TorchScriptPipeline" }, { "in_channels", 1 },
      { "sample_size", 8 }, { "torch_version", "9.8.7" } };
    index.update(keys);
    std::ofstream(this->Folder.Path / "model_index.json") << index;
  }

  std::string File() const { return (this->Folder.Path / "denoiser.pt").string(); }

  /** Makes the file with this LibTorch. */
  void Define(const std::string& method) const
  {
    torch::jit::Module module("Denoiser");
    module.register_parameter("weight", at::full({ 1 }, 0.5), false);
    module.define(method);
    module.save(this->File());
  }

  tdl::SampledImages Sample() const { return tdl::SampleImages(this->Parameters, {}, {}); }

  void ExpectMessage(const std::string& words) const
  {
    try
    {
      this->Sample();
      ADD_FAILURE() << "no error";
    }
    catch (const tdl::Error& error)
    {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  }

  tdl::TemporaryFolder Folder;
  tdl::SamplerParameters Parameters;
};
}

TEST_F(TorchScriptModel, ComputesWhatPyTorchComputes)
{
  const c10::InferenceMode inference;
  const auto model = tdl::DiffusionModel::Open(Golden.string(), {});
  EXPECT_EQ(model->SampleShape(), (std::vector<std::int64_t>{ 1, 1, 8, 8 }));
  EXPECT_EQ(model->WeightBytes(), 4U * (1000 + 20 * 64 + 5 * 20));
  const tdl::SafetensorsFile golden((Golden / "golden.safetensors").string());
  const at::Tensor expected = golden.Get("output");
  for (std::int64_t i = 0; i < expected.size(0); ++i)
  {
    const at::Tensor output = model->Forward(golden.Get("sample").slice(0, i, i + 1),
      golden.Get("timestep")[i].item<double>(), { golden.Get("class_labels").slice(0, i, i + 1) },
      nullptr);
    EXPECT_TRUE(at::allclose(output[0], expected[i], 1e-4, 1e-5)) << i;
  }
}

TEST_F(TorchScriptModel, SamplesClassesWithGuidance)
{
  this->Parameters.ModelFolder = Golden.string();
  this->Parameters.InferenceSteps = 50;
  this->Parameters.Prompts = { "square", "Cross" };
  const tdl::SampledImages images = this->Sample();
  EXPECT_EQ(images.Prompts, (std::vector<std::string>{ "Square", "Cross" }));
  ASSERT_EQ(images.Instances.size(), 6U);
  // It has seen nothing but black and white, each image blurred a little.
  const auto& pixels = images.Instances.front().Image;
  for (auto pixel = pixels.end() - 64; pixel != pixels.end(); ++pixel)
  {
    EXPECT_TRUE(*pixel < 64 || *pixel > 191) << int(*pixel);
  }
  this->Parameters.Threads = 2;
  this->Parameters.BatchSize = 1;
  EXPECT_EQ(this->Sample().Instances.back().Image, images.Instances.back().Image)
    << "the bits do not depend on batches and threads";
}

TEST_F(TorchScriptModel, SamplesUnconditionally)
{
  this->Define("def forward(self, sample, timestep):\n"
               "  return self.weight * sample + 0.0 * timestep.view(-1, 1, 1, 1)\n");
  const tdl::SampledImages images = this->Sample();
  EXPECT_EQ(images.Prompts, std::vector<std::string>{ "Unconditional" });
  EXPECT_EQ(images.Instances.size(), 3U);
  this->SetIndex({ { "sample_size", { 8, 12 } } });
  EXPECT_EQ(this->Sample().Width, 12);
  EXPECT_EQ(this->Sample().Height, 8);
}

TEST_F(TorchScriptModel, CannotBeLookedInto)
{
  this->Define("def forward(self, sample, timestep):\n  return sample\n");
  this->Parameters.CaptureActivations = true;
  this->ExpectMessage(
    "The model's network is stored as TorchScript and cannot be looked into; switch "
    "off Capture Activations.");
}

TEST_F(TorchScriptModel, TakesAPredictedVariance)
{
  std::ofstream(this->Folder.Path / "scheduler/scheduler_config.json")
    << R"({"_class_name": "DDPMScheduler", "variance_type": "learned_range"})";
  this->Parameters.Scheduler = tdl::SchedulerKind::ModelsOwn;
  this->Define("def forward(self, sample, timestep):\n  return torch.cat([sample, sample], 1)\n");
  EXPECT_EQ(this->Sample().Instances.size(), 3U);
}

TEST_F(TorchScriptModel, NamesWhatItsIndexLacks)
{
  this->Define("def forward(self, sample, timestep):\n  return sample\n");
  for (const auto& [key, value] : std::vector<std::pair<std::string, nlohmann::json>>{
         { "in_channels", nullptr }, { "in_channels", 4 }, { "sample_size", nullptr },
         { "sample_size", { 8 } }, { "num_class_embeds", -1 }, { "null_label", 0 } })
  {
    this->SetIndex({ { key, value } });
    this->ExpectMessage("has " + key + " = " + value.dump());
  }
}

TEST_F(TorchScriptModel, RefusesAForwardOfOtherArguments)
{
  this->Define("def forward(self, sample, timestep):\n  return sample\n");
  this->SetIndex({ { "num_class_embeds", 3 } });
  this->ExpectMessage("has a forward of 2 arguments, but model_index.json asks for one that takes "
                      "samples, timesteps and class labels");
  this->SetIndex(nlohmann::json::object());
  this->Define("def forward(self, sample, timestep, labels):\n  return sample\n");
  this->ExpectMessage("has a forward of 3 arguments");
  this->Define("def forward(self, sample, timestep, scale: float = 1.0):\n  return sample\n");
  EXPECT_EQ(this->Sample().Instances.size(), 3U);
  this->Define("def run(self, sample):\n  return sample\n");
  this->ExpectMessage("has no method forward");
}

TEST_F(TorchScriptModel, RefusesOutputItCannotUse)
{
  this->Define("def forward(self, sample, timestep):\n  return sample[:, :, 1:]\n");
  this->ExpectMessage("returns [1, 1, 7, 8] for samples of [1, 1, 8, 8]; it must return");
  this->Define("def forward(self, sample, timestep):\n  return (sample, timestep)\n");
  this->ExpectMessage("returns Tuple instead of a tensor");
  this->Define("def forward(self, sample, timestep):\n  return sample.double()\n");
  this->ExpectMessage("returns Double; it must return float32");
  this->Define("def forward(self, sample, timestep):\n  return sample.view(3, 3)\n");
  this->ExpectMessage("failed: shape '[3, 3]' is invalid for input of size 64");
}

TEST_F(TorchScriptModel, RefusesFilesItCannotRead)
{
  this->ExpectMessage("Cannot open '" + this->File() + "'; check the path");
  std::ofstream(this->File()) << "torch";
  this->ExpectMessage("'" + this->File() + "', made by PyTorch 9.8.7, is no TorchScript file");

  // As of a PyTorch of the future.
  {
    caffe2::serialize::PyTorchStreamWriter writer(this->File());
    writer.setMinVersion(99);
    writer.writeEndOfFile();
  }
  this->ExpectMessage("'" + this->File() +
    "', made by PyTorch 9.8.7, is in version 99 of TorchScript's format, but LibTorch " +
    TORCH_VERSION + " reads up to version ");

  std::filesystem::copy_file(
    Golden / "denoiser.pt", this->File(), std::filesystem::copy_options::overwrite_existing);
  std::filesystem::resize_file(this->File(), 5000);
  this->ExpectMessage("is no TorchScript file, or a broken one");
}
