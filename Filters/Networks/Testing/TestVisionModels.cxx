// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Filters/Networks/ClipTextModel.h"
#include "Filters/Networks/SafetensorsFile.h"
#include "Filters/Networks/Testing/GoldenModel.h"
#include "Filters/Networks/VisionModel.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace
{
const std::filesystem::path Golden = TDL_TEST_DATA "/VisionModels";

class VisionModelGolden : public ::testing::TestWithParam<const char*>
{
protected:
  VisionModelGolden()
    : Folder((Golden / this->GetParam()).string())
    , File(this->Folder + "/golden.safetensors")
  {
  }

  bool Has(const std::string& name) const { return this->File.Entries().count(name) > 0; }

  /** A hidden state as patches, whatever the family keeps it as. */
  at::Tensor Patches(const std::string& name) const
  {
    const at::Tensor state = this->File.Get(name);
    return state.dim() == 4 ? state.flatten(2).transpose(1, 2) : state.slice(1, 1);
  }

  std::string Folder;
  tdl::SafetensorsFile File;
};

TEST_P(VisionModelGolden, ComputesWhatTransformersComputes)
{
  constexpr double tolerance = 1e-5;
  const c10::InferenceMode inference;
  const auto model = tdl::VisionModel::Open(this->Folder, at::kCPU);
  const at::Tensor pixels = this->File.Get("pixel_values");
  EXPECT_EQ(model->Channels(), 3);
  const auto output = model->Forward(pixels, {});
  EXPECT_FALSE(output.HiddenState.defined());

  const at::Tensor last = this->File.Get("last_hidden_state");
  EXPECT_LT(tdl::RelativeDifference(output.Patches, this->Patches("last_hidden_state")), tolerance);
  // The class token of a classifier's ViT is all that it has for the whole image.
  const bool clip = std::string(this->GetParam()).rfind("Clip", 0) == 0;
  const at::Tensor classToken = clip ? this->File.Get("pooler_output") : last.select(1, 0);
  ASSERT_EQ(output.ClassToken.defined(), last.dim() == 3);
  if (last.dim() == 3)
  {
    EXPECT_LT(tdl::RelativeDifference(output.ClassToken, classToken), tolerance);
  }
  ASSERT_EQ(output.Embedding.defined(), this->Has("image_embeds"));
  const at::Tensor pooled = this->Has("image_embeds") ? this->File.Get("image_embeds")
    : this->Has("pooler_output")                      ? this->File.Get("pooler_output")
                                                      : classToken;
  EXPECT_LT(tdl::RelativeDifference(output.Pooled, pooled), tolerance);
  ASSERT_EQ(output.ClassScores.defined(), this->Has("logits"));
  if (this->Has("logits"))
  {
    EXPECT_LT(tdl::RelativeDifference(output.ClassScores, this->File.Get("logits")), tolerance);
  }

  ASSERT_TRUE(this->Has("hidden_states." + std::to_string(model->HiddenLayers() - 1)));
  ASSERT_FALSE(this->Has("hidden_states." + std::to_string(model->HiddenLayers())));
  for (std::int64_t layer = 0; layer < model->HiddenLayers(); ++layer)
  {
    const at::Tensor expected = this->Patches("hidden_states." + std::to_string(layer));
    const auto only = model->Forward(pixels, { false, layer });
    EXPECT_FALSE(only.Pooled.defined());
    EXPECT_LT(tdl::RelativeDifference(only.HiddenState, expected), tolerance) << layer;
    const auto both = model->Forward(pixels, { true, layer });
    EXPECT_TRUE(at::equal(both.HiddenState, only.HiddenState));
    EXPECT_TRUE(at::equal(both.Pooled, output.Pooled));
  }
}

INSTANTIATE_TEST_SUITE_P(Folders, VisionModelGolden,
  ::testing::Values("ClipVision", "ClipProjection", "Clip", "ViT", "ViTClassifier", "Dinov2",
    "Dinov2Classifier", "ConvNext", "ConvNextClassifier", "ResNet"),
  [](const auto& suite) { return std::string(suite.param); });

TEST(VisionModel, LeavesTheTextHalfToItsOwnClass)
{
  const c10::InferenceMode inference;
  const auto text = tdl::ClipTextModel::Open((Golden / "Clip").string());
  EXPECT_EQ(text->Config().ProjectionDim, 6);
}

class ChangedVisionModel : public tdl::ChangedModel
{
protected:
  explicit ChangedVisionModel(const char* model)
    : ChangedModel(Golden / model, "model.safetensors")
  {
  }
  void Open() const override { this->OpenModel(); }
  std::shared_ptr<tdl::VisionModel> OpenModel() const
  {
    return tdl::VisionModel::Open(this->Folder.Path.string(), at::kCPU);
  }

  /** The message with which images of a size are refused. */
  std::string SizeMessage(std::int64_t height, std::int64_t width) const
  {
    const c10::InferenceMode inference;
    try
    {
      this->OpenModel()->Forward(at::zeros({ 1, 3, height, width }), {});
    }
    catch (const tdl::DataError& error)
    {
      return error.what();
    }
    return "no error";
  }
};

struct ChangedClip : ChangedVisionModel
{
  ChangedClip()
    : ChangedVisionModel("ClipProjection")
  {
  }
};

TEST_F(ChangedClip, NamesAnUnsupportedOption)
{
  this->ExpectRefusal("architectures", { "CLIPForImageClassification" });
  this->ExpectRefusal("hidden_act", "mish");
  this->ExpectRefusal("num_attention_heads", 5);
  this->ExpectRefusal("num_hidden_layers", 0);
  this->ExpectRefusal("patch_size", { 8, 8 });
  this->ExpectRefusal("patch_size", 25);
  this->ExpectRefusal("layer_norm_eps", 0.0);
  this->ExpectRefusal("projection_dim", -7);
  EXPECT_EQ(this->Message(), "no error");
}

TEST_F(ChangedClip, NamesAFamilyThatIsNotSupported)
{
  this->SetOption("model_type", "swin");
  EXPECT_NE(this->Message().find("model_type 'swin'"), std::string::npos) << this->Message();
  EXPECT_NE(this->Message().find("choose one of clip,"), std::string::npos) << this->Message();
}

TEST_F(ChangedClip, LeavesAProjectionThatTheClassDoesNotHave)
{
  this->SetOption("architectures", { "CLIPVisionModel" });
  EXPECT_EQ(this->Message(), "no error");
}

TEST_F(ChangedClip, RefusesImagesOfAnotherSize)
{
  EXPECT_EQ(this->SizeMessage(24, 24), "no error");
  EXPECT_NE(
    this->SizeMessage(24, 32).find("32 x 24 pixels, but it takes 24 x 24"), std::string::npos)
    << this->SizeMessage(24, 32);
}

struct ChangedWholeClip : ChangedVisionModel
{
  ChangedWholeClip()
    : ChangedVisionModel("Clip")
  {
  }
};

TEST_F(ChangedWholeClip, NamesTheOptionOfAPart)
{
  nlohmann::json config = this->ReadConfig();
  config["vision_config"]["hidden_act"] = "mish";
  this->WriteConfig(config);
  EXPECT_NE(this->Message().find("vision_config.hidden_act = \"mish\""), std::string::npos)
    << this->Message();
  this->SetOption("vision_config", "large");
  EXPECT_NE(this->Message().find("vision_config = \"large\""), std::string::npos)
    << this->Message();
}

TEST_F(ChangedWholeClip, TakesOptionsThatEarlyVersionsWrote)
{
  nlohmann::json config = this->ReadConfig();
  config["vision_config_dict"] = { { "num_hidden_layers", 3 } };
  config["vision_config"]["num_hidden_layers"] = 12;
  this->WriteConfig(config);
  EXPECT_EQ(this->Message(), "no error");
}

struct ChangedViT : ChangedVisionModel
{
  ChangedViT()
    : ChangedVisionModel("ViT")
  {
  }
};

TEST_F(ChangedViT, NamesAnUnsupportedOption)
{
  this->ExpectRefusal("hidden_act", "mish");
  this->ExpectRefusal("pooler_act", "mish");
  this->ExpectRefusal("num_attention_heads", 5);
  this->ExpectRefusal("layer_norm_eps", "small");
  this->ExpectRefusal("qkv_bias", 3);
  this->ExpectRefusal("image_size", { 24, 24 });
  EXPECT_EQ(this->Message(), "no error");
}

TEST_F(ChangedViT, NamesWeightsThatDoNotFit)
{
  this->SetOption("image_size", 32);
  EXPECT_NE(this->Message().find("embeddings.position_embeddings (expected [1, 17, 12], found [1, "
                                 "10, 12])"),
    std::string::npos)
    << this->Message();
}

struct ChangedDinov2 : ChangedVisionModel
{
  ChangedDinov2()
    : ChangedVisionModel("Dinov2")
  {
  }
};

TEST_F(ChangedDinov2, NamesAnUnsupportedOption)
{
  this->ExpectRefusal("hidden_act", "mish");
  this->ExpectRefusal("num_attention_heads", 5);
  this->ExpectRefusal("mlp_ratio", 0.0);
  this->ExpectRefusal("use_swiglu_ffn", "yes");
  EXPECT_EQ(this->Message(), "no error");
}

TEST_F(ChangedDinov2, TakesImagesOfAnySizeDownToAPatch)
{
  EXPECT_EQ(this->SizeMessage(7, 50), "no error");
  EXPECT_NE(this->SizeMessage(6, 50).find("less than a patch of 7 x 7"), std::string::npos);
}

struct ChangedConvNext : ChangedVisionModel
{
  ChangedConvNext()
    : ChangedVisionModel("ConvNext")
  {
  }
};

TEST_F(ChangedConvNext, NamesAnUnsupportedOption)
{
  this->ExpectRefusal("hidden_act", "mish");
  this->ExpectRefusal("depths", { 1 });
  this->ExpectRefusal("hidden_sizes", nlohmann::json::array());
  this->ExpectRefusal("num_stages", 3);
  this->ExpectRefusal("layer_norm_eps", -1.0);
  EXPECT_EQ(this->Message(), "no error");
}

TEST_F(ChangedConvNext, RefusesImagesThatAreTooSmall)
{
  EXPECT_EQ(this->SizeMessage(8, 8), "no error");
  EXPECT_NE(this->SizeMessage(7, 8).find("too small for its stages"), std::string::npos);
  EXPECT_NE(this->SizeMessage(3, 8).find("smaller than a patch of 4"), std::string::npos);
}
}
