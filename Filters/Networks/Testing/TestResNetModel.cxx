// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Testing/TemporaryFolder.h"
#include "Filters/Networks/ModelFolder.h"
#include "Filters/Networks/ResNetModel.h"
#include "Filters/Networks/SafetensorsFile.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace
{
const std::filesystem::path Golden = TDL_TEST_DATA "/ResNet";

/** Largest difference relative to the largest value. */
double RelativeDifference(const at::Tensor& value, const at::Tensor& expected)
{
  EXPECT_EQ(value.sizes(), expected.sizes());
  return ((value - expected).abs().max() / expected.abs().max()).item<double>();
}

void CompareWithGolden(const std::filesystem::path& modelFolder, const std::string& goldenName)
{
  const c10::InferenceMode inference;
  const auto model = tdl::ResNetModel::Open(modelFolder.string());
  const tdl::SafetensorsFile golden((Golden / goldenName / "golden.safetensors").string());
  const at::Tensor features = model->Features(golden.Get("pixels"));
  EXPECT_LT(RelativeDifference(features, golden.Get("features")), 1e-4);
  if (golden.Entries().count("logits") > 0)
  {
    EXPECT_LT(RelativeDifference(model->Logits(features), golden.Get("logits")), 1e-4);
  }
}

/** A copy of a golden model folder whose configuration or weights a test changes. */
class ChangedResNet : public ::testing::Test
{
protected:
  void SetUp() override
  {
    for (const char* name : { "config.json", "model.safetensors" })
    {
      std::filesystem::copy_file(Golden / "Basic" / name, this->Folder.Path / name);
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
      tdl::ResNetModel::Open(this->Folder.Path.string());
    }
    catch (const tdl::FileError& error)
    {
      return error.what();
    }
    return "no error";
  }

  tdl::TemporaryFolder Folder;
};

TEST(ResNetModel, ComputesWhatTransformersComputes)
{
  CompareWithGolden(Golden / "Basic", "Basic");
}

TEST(ResNetModel, StridesInTheMiddleOfABottleneck)
{
  CompareWithGolden(Golden / "Plain", "Plain");
}

TEST(ResNetModel, HonorsEveryOptionAsTransformers)
{
  CompareWithGolden(Golden / "Bottleneck", "Bottleneck");
}

TEST_F(ChangedResNet, TakesTheBareNetworkOutOfAClassifier)
{
  this->SetOption("architectures", { "ResNetModel" });
  EXPECT_EQ(tdl::ResNetModel::Open(this->Folder.Path.string())->Config().NumLabels, 0);
}

TEST_F(ChangedResNet, NamesAnUnsupportedOption)
{
  for (const auto& [key, value] : std::map<std::string, nlohmann::json>{ { "model_type", "vit" },
         { "layer_type", "inverted" }, { "hidden_act", "mish" }, { "depths", { 1, 1, 1 } },
         { "hidden_sizes", nlohmann::json::array() }, { "num_channels", 0 } })
  {
    const nlohmann::json before =
      tdl::ReadJsonObject((this->Folder.Path / "config.json").string())[key];
    this->SetOption(key, value);
    EXPECT_NE(this->Message().find(key + " = " + value.dump()), std::string::npos)
      << this->Message();
    this->SetOption(key, before);
  }
  EXPECT_EQ(this->Message(), "no error");
}

TEST_F(ChangedResNet, ListsMissingTensors)
{
  this->SetOption("depths", { 2, 2 });
  EXPECT_NE(
    this->Message().find("missing: resnet.encoder.stages.1.layers.1.layer.0"), std::string::npos)
    << this->Message();
}

TEST_F(ChangedResNet, ListsMisshapenTensors)
{
  this->SetOption("num_channels", 3);
  EXPECT_NE(this->Message().find(
              "1 of another shape: resnet.embedder.embedder.convolution.weight (expected [6, 3, 7, "
              "7], found [6, 1, 7, 7])"),
    std::string::npos)
    << this->Message();
}

TEST_F(ChangedResNet, NamesATruncatedFile)
{
  const auto path = this->Folder.Path / "model.safetensors";
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 100);
  EXPECT_NE(this->Message().find("model.safetensors"), std::string::npos) << this->Message();
}

TEST_F(ChangedResNet, NamesAMissingFile)
{
  std::filesystem::remove(this->Folder.Path / "model.safetensors");
  EXPECT_NE(this->Message().find("has no model.safetensors"), std::string::npos) << this->Message();
}
}
