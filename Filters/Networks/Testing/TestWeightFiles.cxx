// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Testing/TemporaryFolder.h"
#include "Filters/Networks/Layers.h"
#include "Filters/Networks/ModelFolder.h"
#include "Filters/Networks/WeightFiles.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace
{
/** A folder whose weights "model" are those of a linear layer. */
class WeightFiles : public ::testing::Test
{
protected:
  using Tensors = std::map<std::string, at::Tensor>;

  void Write(const std::string& name, const Tensors& tensors) const
  {
    tdl::WriteSafetensors((this->Folder.Path / name).string(), tensors);
  }

  void WriteText(const std::string& name, const std::string& text) const
  {
    std::ofstream(this->Folder.Path / name) << text;
  }

  /** An index with a shard for each of two tensors. */
  void WriteIndex(
    const std::string& name, const nlohmann::json& weight, const nlohmann::json& bias) const
  {
    const nlohmann::json index = { { "metadata", { { "total_size", 36 } } },
      { "weight_map", { { "weight", weight }, { "bias", bias } } } };
    this->WriteText(name, index.dump());
  }

  void WriteShards(const std::string& first, const std::string& second) const
  {
    this->Write(first, { { "weight", this->Weight } });
    this->Write(second, { { "bias", this->Bias } });
  }

  /** Loads the layer and expects it to compute with the weights times `factor`. */
  void ExpectWeights(double factor) const
  {
    tdl::Linear layer(3, 2);
    tdl::LoadWeights(layer, this->Folder.Path.string(), "model");
    const at::Tensor input = at::tensor({ 1.0F, -2.0F, 0.5F });
    const at::Tensor expected = at::linear(input, this->Weight, this->Bias) * factor;
    EXPECT_TRUE(at::allclose(layer.Forward(input), expected));
  }

  /** The message with which loading the layer fails. */
  std::string Message() const
  {
    try
    {
      tdl::Linear layer(3, 2);
      tdl::LoadWeights(layer, this->Folder.Path.string(), "model");
    }
    catch (const tdl::FileError& error)
    {
      return error.what();
    }
    return "no error";
  }

  void ExpectMessage(const std::string& part) const
  {
    EXPECT_NE(this->Message().find(part), std::string::npos) << this->Message();
  }

  tdl::TemporaryFolder Folder;
  // Multiples of a quarter, which all types hold.
  at::Tensor Weight = at::tensor({ 0.25F, 1.0F, -2.0F, 3.5F, 0.75F, 8.0F }).view({ 2, 3 });
  at::Tensor Bias = at::tensor({ -1.0F, 0.5F });
};

TEST_F(WeightFiles, OfEveryTypeBecomeTheNetworks)
{
  for (const at::ScalarType type : { at::kFloat, at::kHalf, at::kBFloat16 })
  {
    this->Write("model.safetensors",
      { { "weight", this->Weight.to(type) }, { "bias", this->Bias.to(type) } });
    this->ExpectWeights(1.0);
  }
}

TEST_F(WeightFiles, OfTheNetworksTypeTakeNoMemoryAndStayAsTheyAreInTheFile)
{
  const auto copied = [this](at::ScalarType type)
  {
    this->Write("model.safetensors",
      { { "weight", this->Weight.to(type) }, { "bias", this->Bias.to(type) } });
    tdl::Linear layer(3, 2);
    const at::Tensor weight = layer.parameters().front();
    const void* memory = weight.data_ptr();
    tdl::LoadWeights(layer, this->Folder.Path.string(), "model");
    const bool same = weight.data_ptr() == memory;
    const at::NoGradGuard noGradient;
    at::Tensor(weight).zero_();
    return same;
  };
  EXPECT_TRUE(copied(at::kHalf));
  EXPECT_FALSE(copied(at::kFloat));
  this->ExpectWeights(1.0);
}

TEST_F(WeightFiles, AreReadFromShards)
{
  this->WriteShards("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors");
  this->WriteIndex("model.safetensors.index.json", "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors");
  this->ExpectWeights(1.0);
  const auto files = tdl::WeightFiles(this->Folder.Path.string(), "model").Files();
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(std::filesystem::path(files[1]).filename(), "model-00002-of-00002.safetensors");
}

TEST_F(WeightFiles, AreAVariantsWhereThereAreNoOthers)
{
  const auto write = [this](const char* name, double factor) {
    this->Write(name, { { "weight", this->Weight * factor }, { "bias", this->Bias * factor } });
  };
  // From the last resort to the first choice.
  write("model.bf16.safetensors", 2.0);
  this->ExpectWeights(2.0);
  this->WriteShards(
    "model.fp16-00001-of-00002.safetensors", "model.fp16-00002-of-00002.safetensors");
  this->WriteIndex("model.safetensors.index.fp16.json", "model.fp16-00001-of-00002.safetensors",
    "model.fp16-00002-of-00002.safetensors");
  this->ExpectWeights(1.0);
  write("model.fp16.safetensors", 3.0);
  this->ExpectWeights(3.0);
  this->WriteIndex("model.safetensors.index.json", "model.fp16-00001-of-00002.safetensors",
    "model.fp16-00002-of-00002.safetensors");
  this->ExpectWeights(1.0);
  write("model.safetensors", 4.0);
  this->ExpectWeights(4.0);
}

TEST_F(WeightFiles, OutsideTheFolderAreRefused)
{
  this->WriteShards("first.safetensors", "second.safetensors");
  std::filesystem::create_directory(this->Folder.Path / "sub");
  for (const std::string& name : { std::string("../second.safetensors"),
         std::string("sub/second.safetensors"), std::string("sub\\second.safetensors"),
         (this->Folder.Path / "second.safetensors").string(), std::string(".."), std::string("."),
         std::string(), std::string("second.safetensors\0x", 20) })
  {
    this->WriteIndex("model.safetensors.index.json", "first.safetensors", name);
    this->ExpectMessage("not the name of a file of its folder");
  }
  this->WriteIndex("model.safetensors.index.json", "first.safetensors", "second.safetensors");
  this->ExpectWeights(1.0);
}

TEST_F(WeightFiles, NameWhatAnIndexLacks)
{
  this->WriteShards("first.safetensors", "second.safetensors");
  const char* index = "model.safetensors.index.json";
  this->WriteIndex(index, "first.safetensors", "third.safetensors");
  this->ExpectMessage("names the file 'third.safetensors', which is not there");
  this->WriteIndex(index, "first.safetensors", "first.safetensors");
  this->ExpectMessage("lacks tensor 'bias'");
  this->WriteIndex(index, "first.safetensors", 7);
  this->ExpectMessage("names the file 7, which is not");
  this->WriteText(index, "{}");
  this->ExpectMessage("has no weight_map");
  this->WriteText(index, "{");
  this->ExpectMessage("not valid JSON");
  this->WriteText(index, R"({"weight_map": {"weight": "first.safetensors"}})");
  this->ExpectMessage("1 missing: bias");
  this->WriteIndex(index, "first.safetensors", "second.safetensors");
  this->WriteText("second.safetensors", "short");
  this->ExpectMessage("second.safetensors' is not a sound safetensors file");
}

TEST_F(WeightFiles, ThatDoNotFitAreCountedAndTheFirstNamed)
{
  Tensors tensors{ { "weight", this->Weight.t() } };
  for (const char* name : { "a", "b", "c", "d" })
  {
    tensors.emplace(name, this->Bias);
  }
  this->Write("model.safetensors", tensors);
  EXPECT_EQ(this->Message(),
    "The weights '" + (this->Folder.Path / "model.safetensors").string() +
      "' do not fit the model's configuration; 1 missing: bias; 4 unexpected: a, b, c, ...; 1 of "
      "another shape: weight (expected [2, 3], found [3, 2]). Choose the config.json that belongs "
      "to these weights.");
}

TEST_F(WeightFiles, ThatCouldRunCodeAreRefused)
{
  this->ExpectMessage("has no model.safetensors; choose");
  this->WriteText("training.bin", "");
  this->ExpectMessage("has no model.safetensors; choose");
  this->WriteText("pytorch_model.bin", "");
  this->ExpectMessage("only pytorch_model.bin, a pickle");
  for (const char* name : { "model.fp16.bin", "model.ckpt", "model.pt", "model.pth" })
  {
    std::filesystem::remove(this->Folder.Path / "pytorch_model.bin");
    this->WriteText(name, "");
    this->ExpectMessage(std::string("only ") + name + ", a pickle");
    std::filesystem::remove(this->Folder.Path / name);
  }
}
}
