// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Filters/Networks/DiTTransformer2DModel.h"
#include "Filters/Networks/SafetensorsFile.h"
#include "Filters/Networks/Testing/GoldenModel.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>

namespace
{
const std::filesystem::path Golden = TDL_TEST_DATA "/DiT";

void CompareWithGolden(const std::string& name)
{
  const c10::InferenceMode inference;
  const auto model = tdl::DiTTransformer2DModel::Open((Golden / name).string());
  const tdl::SafetensorsFile golden((Golden / name / "golden.safetensors").string());
  for (const std::string beginning : { "", "other_" })
  {
    const at::Tensor output = model->Forward(golden.Get(beginning + "sample"),
      golden.Get(beginning + "timestep"), golden.Get(beginning + "class_labels"));
    EXPECT_LT(tdl::RelativeDifference(output, golden.Get(beginning + "output")), 1e-4);
  }
}

class ChangedDiT : public tdl::ChangedModel
{
protected:
  ChangedDiT()
    : ChangedModel(Golden / "DiT", "diffusion_pytorch_model.safetensors")
  {
  }
  void Open() const override { tdl::DiTTransformer2DModel::Open(this->Folder.Path.string()); }
};

TEST(DiTTransformer2DModel, ComputesWhatDiffusersComputes)
{
  CompareWithGolden("DiT");
}

TEST(DiTTransformer2DModel, HonorsEveryOptionAsDiffusers)
{
  CompareWithGolden("Options");
}

TEST(DiTTransformer2DModel, RefusesInputItCannotTake)
{
  const c10::InferenceMode inference;
  const auto model = tdl::DiTTransformer2DModel::Open((Golden / "DiT").string());
  const at::Tensor square = at::zeros({ 2, 4, 8, 8 });
  const at::Tensor wide = at::zeros({ 2, 4, 8, 10 });
  const at::Tensor uneven = at::zeros({ 2, 4, 9, 9 });
  const at::Tensor times = at::zeros({ 2 });
  const at::Tensor labels = at::zeros({ 2 }, at::kLong);
  EXPECT_NO_THROW(model->Forward(square, times, labels));
  EXPECT_THROW(model->Forward(wide, times, labels), tdl::DataError);
  EXPECT_THROW(model->Forward(uneven, times, labels), tdl::DataError);
  EXPECT_THROW(model->Forward(square, times, at::Tensor()), tdl::DataError);
  EXPECT_THROW(model->Forward(square, times, labels.slice(0, 0, 1)), tdl::DataError);
}

TEST_F(ChangedDiT, NamesAnUnsupportedOption)
{
  for (const auto& [key, value] :
    std::multimap<std::string, nlohmann::json>{ { "_class_name", "PixArtTransformer2DModel" },
      { "activation_fn", "geglu" }, { "attention_head_dim", 3 }, { "caption_channels", 8 },
      { "cross_attention_dim", 8 }, { "norm_elementwise_affine", true },
      { "norm_type", "ada_norm_single" }, { "norm_type", nullptr },
      { "num_embeds_ada_norm", nullptr }, { "num_vector_embeds", 8 }, { "sample_size", 1 } })
  {
    this->ExpectRefusal(key, value);
  }
  EXPECT_EQ(this->Message(), "no error");
}

TEST_F(ChangedDiT, ListsMissingTensors)
{
  this->SetOption("num_layers", 3);
  EXPECT_NE(this->Message().find("missing: transformer_blocks.2.attn1."), std::string::npos)
    << this->Message();
}

TEST_F(ChangedDiT, ListsUnexpectedTensors)
{
  this->SetOption("attention_bias", false);
  EXPECT_NE(
    this->Message().find("6 unexpected: transformer_blocks.0.attn1.to_k.bias"), std::string::npos)
    << this->Message();
}

TEST_F(ChangedDiT, ListsMisshapenTensors)
{
  this->SetOption("num_embeds_ada_norm", 6);
  EXPECT_NE(this->Message().find("2 of another shape: "
                                 "transformer_blocks.0.norm1.emb.class_embedder.embedding_table."
                                 "weight (expected [7, 12], found [8, 12])"),
    std::string::npos)
    << this->Message();
}
}
