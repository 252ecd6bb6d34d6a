// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Filters/Networks/ModelFolder.h"
#include "Filters/Networks/SafetensorsFile.h"
#include "Filters/Networks/Testing/GoldenModel.h"
#include "Filters/Networks/UNet2DConditionModel.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>

namespace
{
const std::filesystem::path Golden = TDL_TEST_DATA "/UNet2DCondition";

/** The conditions of a golden file whose names begin with `beginning`. */
tdl::UNet2DConditions ReadConditions(const tdl::SafetensorsFile& file, const std::string& beginning)
{
  const auto get = [&](const std::string& name) {
    return file.Entries().count(beginning + name) > 0 ? file.Get(beginning + name) : at::Tensor();
  };
  return { get("context"), get("class_labels"), get("pooled_text"), get("time_ids"),
    get("guidance") };
}

void CompareWithGolden(const std::string& name)
{
  const c10::InferenceMode inference;
  const auto model = tdl::UNet2DConditionModel::Open((Golden / name).string());
  const tdl::SafetensorsFile golden((Golden / name / "golden.safetensors").string());
  for (const std::string beginning : { "", "odd_" })
  {
    const at::Tensor output = model->Forward(golden.Get(beginning + "sample"),
      golden.Get(beginning + "timestep"), ReadConditions(golden, beginning));
    EXPECT_LT(tdl::RelativeDifference(output, golden.Get(beginning + "output")), 1e-4);
  }
}

/** The message with which a run on `conditions` fails. */
std::string ForwardMessage(
  const tdl::UNet2DConditionModel& model, const tdl::UNet2DConditions& conditions)
{
  const c10::InferenceMode inference;
  try
  {
    model.Forward(at::zeros({ 2, 4, 8, 8 }), at::zeros({ 2 }), conditions);
  }
  catch (const tdl::DataError& error)
  {
    return error.what();
  }
  return "no error";
}

class ChangedUNet2DCondition : public tdl::ChangedModel
{
protected:
  ChangedUNet2DCondition()
    : ChangedModel(Golden / "Version1", "diffusion_pytorch_model.safetensors")
  {
  }
  void Open() const override { tdl::UNet2DConditionModel::Open(this->Folder.Path.string()); }
};

TEST(UNet2DConditionModel, ComputesVersion1AsDiffusers)
{
  CompareWithGolden("Version1");
}

TEST(UNet2DConditionModel, ComputesVersion2AsDiffusers)
{
  CompareWithGolden("Version2");
}

TEST(UNet2DConditionModel, ComputesXLAsDiffusers)
{
  CompareWithGolden("XL");
}

TEST(UNet2DConditionModel, HonorsEveryOptionAsDiffusers)
{
  CompareWithGolden("Options");
}

TEST(UNet2DConditionModel, RunsWithoutAMiddleAsDiffusers)
{
  CompareWithGolden("NoMiddle");
}

TEST(UNet2DConditionModel, GivesTheActivationsOfItsDeepestBlockWithoutAMiddle)
{
  const c10::InferenceMode inference;
  const auto model = tdl::UNet2DConditionModel::Open((Golden / "NoMiddle").string());
  const tdl::SafetensorsFile golden((Golden / "NoMiddle" / "golden.safetensors").string());
  at::Tensor activations;
  model->Forward(
    golden.Get("sample"), golden.Get("timestep"), ReadConditions(golden, ""), &activations);
  ASSERT_EQ(activations.sizes(), at::IntArrayRef({ 2, 8 }));
  EXPECT_GT((activations[0] - activations[1]).abs().max().item<float>(), 0);
}

TEST(UNet2DConditionModel, NamesAMissingOrMisshapenCondition)
{
  const auto model = tdl::UNet2DConditionModel::Open((Golden / "XL").string());
  const tdl::SafetensorsFile golden((Golden / "XL" / "golden.safetensors").string());
  const tdl::UNet2DConditions good = ReadConditions(golden, "");
  EXPECT_EQ(ForwardMessage(*model, good), "no error");

  tdl::UNet2DConditions conditions = good;
  conditions.Context = at::zeros({ 2, 5, 7 });
  EXPECT_EQ(ForwardMessage(*model, conditions),
    "The network expects a context of shape [2, tokens, 6], not [2, 5, 7]; choose text encoders "
    "that belong to it.");
  conditions = good;
  conditions.PooledText = at::Tensor();
  EXPECT_EQ(ForwardMessage(*model, conditions),
    "The network expects a pooled text embedding of shape [2, 6], not none; choose text encoders "
    "that belong to it.");
  conditions = good;
  conditions.TimeIds = at::zeros({ 1, 6 });
  EXPECT_EQ(ForwardMessage(*model, conditions),
    "The network expects time ids of shape [2, 6], not [1, 6]; choose text encoders that belong to "
    "it.");
  conditions = good;
  conditions.Guidance = at::zeros({ 2, 6 });
  EXPECT_EQ(ForwardMessage(*model, conditions),
    "The network expects a guidance embedding of shape [2, 0], not [2, 6]; choose text encoders "
    "that belong to it.");
}

TEST_F(ChangedUNet2DCondition, OpensWhileNothingIsChanged)
{
  EXPECT_EQ(this->Message(), "no error");
}

TEST_F(ChangedUNet2DCondition, NamesAnUnsupportedOption)
{
  for (const auto& [key, value] :
    std::multimap<std::string, nlohmann::json>{ { "_class_name", "UNet3DConditionModel" },
      { "act_fn", "mish" }, { "addition_embed_type", "text_image" }, { "attention_head_dim", 3 },
      { "attention_head_dim", { 2, 2, 2 } }, { "attention_type", "gated" },
      { "block_out_channels", nlohmann::json::array() }, { "block_out_channels", { 4, 7 } },
      { "class_embed_type", "projection" }, { "class_embeddings_concat", true },
      { "conv_in_kernel", 4 }, { "cross_attention_dim", { 6, 8 } },
      { "down_block_types", { "CrossAttnDownBlock2D", "AttnDownBlock2D" } },
      { "down_block_types", nlohmann::json::array({ "CrossAttnDownBlock2D" }) },
      { "dual_cross_attention", true }, { "encoder_hid_dim", 6 },
      { "encoder_hid_dim_type", "text_proj" }, { "layers_per_block", { 1, 0 } },
      { "layers_per_block", "two" }, { "mid_block_type", "UNetMidBlock2D" },
      { "norm_num_groups", nullptr }, { "num_attention_heads", 2 },
      { "only_cross_attention", nlohmann::json::array({ true }) },
      { "resnet_out_scale_factor", 2.0 }, { "resnet_skip_time_act", true },
      { "resnet_time_scale_shift", "spatial" }, { "sample_size", { 8, 8, 8 } },
      { "time_embedding_act_fn", "silu" }, { "time_embedding_type", "fourier" },
      { "timestep_post_act", "silu" },
      { "transformer_layers_per_block",
        nlohmann::json::array({ nlohmann::json::array({ 1 }), nlohmann::json::array({ 1 }) }) },
      { "up_block_types", { "UpBlock2D", "AttnUpBlock2D" } } })
  {
    this->ExpectRefusal(key, value);
  }
  EXPECT_EQ(this->Message(), "no error");
}

TEST_F(ChangedUNet2DCondition, NamesAMissingSizeOfTheAdditionEmbedding)
{
  this->SetOption("addition_embed_type", "text_time");
  EXPECT_NE(this->Message().find("addition_time_embed_dim = null"), std::string::npos)
    << this->Message();
}

TEST_F(ChangedUNet2DCondition, ListsMissingTensors)
{
  this->SetOption("time_cond_proj_dim", 6);
  EXPECT_NE(this->Message().find("1 missing: time_embedding.cond_proj.weight"), std::string::npos)
    << this->Message();
}

TEST_F(ChangedUNet2DCondition, ListsUnexpectedTensors)
{
  this->SetOption("mid_block_type", nullptr);
  EXPECT_NE(this->Message().find("unexpected: mid_block.attentions.0."), std::string::npos)
    << this->Message();
}

TEST_F(ChangedUNet2DCondition, ListsMisshapenTensors)
{
  this->SetOption("use_linear_projection", true);
  EXPECT_NE(
    this->Message().find("proj_in.weight (expected [4, 4], found [4, 4, 1, 1])"), std::string::npos)
    << this->Message();
}
}
