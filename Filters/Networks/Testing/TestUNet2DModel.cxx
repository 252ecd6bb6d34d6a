// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Testing/TemporaryFolder.h"
#include "Filters/Networks/ModelFolder.h"
#include "Filters/Networks/SafetensorsFile.h"
#include "Filters/Networks/UNet2DModel.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace
{
const std::filesystem::path Golden = TDL_TEST_DATA "/UNet2D";

/** Largest difference relative to the largest value. */
double RelativeDifference(const at::Tensor& value, const at::Tensor& expected)
{
  return ((value - expected).abs().max() / expected.abs().max()).item<double>();
}

void CompareWithGolden(const std::string& modelFolder, const std::string& goldenName)
{
  const c10::InferenceMode inference;
  const auto model = tdl::UNet2DModel::Open(modelFolder);
  const tdl::SafetensorsFile golden((Golden / goldenName / "golden.safetensors").string());
  const at::Tensor labels =
    model->Config().NumClassEmbeds > 0 ? golden.Get("class_labels") : at::Tensor();
  const at::Tensor output = model->Forward(golden.Get("sample"), golden.Get("timestep"), labels);
  EXPECT_EQ(output.sizes(), golden.Get("output").sizes());
  EXPECT_LT(RelativeDifference(output, golden.Get("output")), 1e-4);
}

/** A copy of a golden model folder whose configuration or weights a test spoils. */
class BrokenModel : public ::testing::Test
{
protected:
  void SetUp() override
  {
    for (const char* name : { "config.json", "diffusion_pytorch_model.safetensors" })
    {
      std::filesystem::copy_file(Golden / "Plain" / name, this->Folder.Path / name);
    }
  }

  void SetOption(const std::string& key, const nlohmann::json& value) const
  {
    const std::string path = (this->Folder.Path / "config.json").string();
    nlohmann::json config = tdl::ReadJsonObject(path);
    config[key] = value;
    std::ofstream(path) << config;
  }

  /** The message with which opening the folder fails. */
  std::string Message() const
  {
    try
    {
      tdl::UNet2DModel::Open(this->Folder.Path.string());
    }
    catch (const tdl::FileError& error)
    {
      return error.what();
    }
    return "no error";
  }

  tdl::TemporaryFolder Folder;
};

TEST(UNet2DModel, ComputesWhatDiffusersComputes)
{
  CompareWithGolden((Golden / "Plain").string(), "Plain");
}

TEST(UNet2DModel, HonorsEveryOptionAsDiffusers)
{
  CompareWithGolden((Golden / "Conditioned").string(), "Conditioned");
}

TEST(UNet2DModel, RunsTheShippedModelAsDiffusers)
{
  CompareWithGolden(TDL_MODELS "/FashionDenoiser/unet", "Shipped");
}

TEST_F(BrokenModel, OpensWhileNothingIsBroken)
{
  EXPECT_EQ(this->Message(), "no error");
}

TEST_F(BrokenModel, NamesAnUnsupportedOption)
{
  this->SetOption("act_fn", "mish");
  EXPECT_NE(this->Message().find("act_fn = \"mish\""), std::string::npos) << this->Message();
}

TEST_F(BrokenModel, NamesAnUnknownBlock)
{
  this->SetOption("down_block_types", { "DownBlock2D", "SkipDownBlock2D" });
  EXPECT_NE(this->Message().find("SkipDownBlock2D"), std::string::npos) << this->Message();
}

TEST_F(BrokenModel, NamesAValueOfTheWrongType)
{
  this->SetOption("layers_per_block", "two");
  EXPECT_NE(this->Message().find("layers_per_block"), std::string::npos) << this->Message();
}

TEST_F(BrokenModel, ListsMissingTensors)
{
  this->SetOption("num_class_embeds", 4);
  EXPECT_NE(this->Message().find("1 missing: class_embedding.weight"), std::string::npos)
    << this->Message();
}

TEST_F(BrokenModel, ListsUnexpectedTensors)
{
  this->SetOption("add_attention", false);
  EXPECT_NE(this->Message().find("10 unexpected: mid_block.attentions.0."), std::string::npos)
    << this->Message();
}

TEST_F(BrokenModel, ListsMisshapenTensors)
{
  this->SetOption("in_channels", 1);
  EXPECT_NE(this->Message().find(
              "1 of another shape: conv_in.weight (expected [8, 1, 3, 3], found [8, 3, 3, 3])"),
    std::string::npos)
    << this->Message();
}

TEST_F(BrokenModel, NamesAMissingWeightFile)
{
  std::filesystem::remove(this->Folder.Path / "diffusion_pytorch_model.safetensors");
  EXPECT_NE(this->Message().find("has no diffusion_pytorch_model.safetensors"), std::string::npos);
}

TEST_F(BrokenModel, RefusesAPickle)
{
  std::filesystem::rename(this->Folder.Path / "diffusion_pytorch_model.safetensors",
    this->Folder.Path / "diffusion_pytorch_model.bin");
  EXPECT_NE(this->Message().find("convert it to safetensors"), std::string::npos);
}

TEST_F(BrokenModel, NamesAMissingConfiguration)
{
  std::filesystem::remove(this->Folder.Path / "config.json");
  EXPECT_NE(this->Message().find("config.json"), std::string::npos);
}

TEST_F(BrokenModel, SaysWhenAConfigurationIsNotJson)
{
  std::ofstream(this->Folder.Path / "config.json") << "{ \"sample_size\": ";
  EXPECT_NE(this->Message().find("is not valid JSON"), std::string::npos);
}

TEST(ModelFolder, ReadsThePythonNumbersThatJsonLacksAsStrings)
{
  const tdl::TemporaryFolder folder;
  const std::string path = (folder.Path / "config.json").string();
  std::ofstream(path) << R"({ "a": -Infinity, "b": [ NaN, Infinity ], "c": "\"NaN", "d": -1 })";
  EXPECT_EQ(tdl::ReadJsonObject(path),
    nlohmann::json(
      { { "a", "-Infinity" }, { "b", { "NaN", "Infinity" } }, { "c", "\"NaN" }, { "d", -1 } }));
  for (const char* broken : { "{ \"a\": -Infinit }", "{ \"a\": \"NaN }", "{ \"a\": \"\\" })
  {
    std::ofstream(path) << broken;
    EXPECT_THROW(tdl::ReadJsonObject(path), tdl::FileError) << broken;
  }
}
}
