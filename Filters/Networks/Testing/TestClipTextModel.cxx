// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Filters/Networks/ClipTextModel.h"
#include "Filters/Networks/SafetensorsFile.h"
#include "Filters/Networks/Testing/GoldenModel.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace
{
const std::filesystem::path Golden = TDL_TEST_DATA "/ClipText";

class ClipTextModelGolden : public ::testing::TestWithParam<const char*>
{
};

TEST_P(ClipTextModelGolden, ComputesWhatTransformersComputes)
{
  const c10::InferenceMode inference;
  const std::filesystem::path folder = Golden / this->GetParam();
  const auto model = tdl::ClipTextModel::Open(folder.string());
  const tdl::SafetensorsFile golden((folder / "golden.safetensors").string());
  const auto output = model->Forward(golden.Get("ids"));

  ASSERT_EQ(output.HiddenStates.size(), 4U);
  for (std::size_t i = 0; i < output.HiddenStates.size(); ++i)
  {
    const at::Tensor expected = golden.Get("hidden_states." + std::to_string(i));
    EXPECT_LT(tdl::RelativeDifference(output.HiddenStates[i], expected), 1e-5) << i;
  }
  const at::Tensor last = golden.Get("last_hidden_state");
  EXPECT_LT(tdl::RelativeDifference(output.LastHiddenState, last), 1e-5);
  EXPECT_TRUE(at::equal(model->FinalNorm(output.HiddenStates.back()), output.LastHiddenState));
  if (golden.Entries().count("text_embeds") > 0)
  {
    EXPECT_LT(tdl::RelativeDifference(output.TextEmbeds, golden.Get("text_embeds")), 1e-5);
  }
  else
  {
    EXPECT_LT(tdl::RelativeDifference(output.Pooled, golden.Get("pooled")), 1e-5);
    EXPECT_FALSE(output.TextEmbeds.defined());
  }
}

INSTANTIATE_TEST_SUITE_P(Folders, ClipTextModelGolden,
  ::testing::Values("Stale", "Projection", "Half", "BrainFloat"),
  [](const auto& suite) { return std::string(suite.param); });

class ChangedClipText : public tdl::ChangedModel
{
protected:
  ChangedClipText()
    : ChangedModel(Golden / "Projection", "model.safetensors")
  {
  }
  void Open() const override { tdl::ClipTextModel::Open(this->Folder.Path.string()); }

  /** The message with which encoding ids fails. */
  std::string EncodingMessage(const at::Tensor& ids) const
  {
    try
    {
      tdl::ClipTextModel::Open(this->Folder.Path.string())->Forward(ids);
    }
    catch (const tdl::DataError& error)
    {
      return error.what();
    }
    return "no error";
  }
};

TEST_F(ChangedClipText, NamesAnUnsupportedOption)
{
  this->ExpectRefusal("model_type", "t5");
  this->ExpectRefusal("use_attention_mask", true);
  this->ExpectRefusal("architectures", { "CLIPModel" });
  this->ExpectRefusal("hidden_act", "mish");
  this->ExpectRefusal("num_attention_heads", 5);
  this->ExpectRefusal("num_hidden_layers", 0);
  this->ExpectRefusal("vocab_size", "many");
  this->ExpectRefusal("layer_norm_eps", 0.0);
  this->ExpectRefusal("eos_token_id", { 1, 2 });
  this->ExpectRefusal("projection_dim", -7);
  EXPECT_EQ(this->Message(), "no error");
}

TEST_F(ChangedClipText, LeavesAProjectionThatTheClassDoesNotHave)
{
  this->SetOption("architectures", { "CLIPTextModel" });
  EXPECT_EQ(this->Message(), "no error");
}

TEST_F(ChangedClipText, NamesWeightsThatDoNotFit)
{
  this->SetOption("num_hidden_layers", 4);
  EXPECT_NE(this->Message().find("16 missing: encoder.layers.3."), std::string::npos)
    << this->Message();
  this->SetOption("num_hidden_layers", 2);
  EXPECT_NE(this->Message().find("16 unexpected: text_model.encoder.layers.2."), std::string::npos)
    << this->Message();
  this->SetOption("num_hidden_layers", 3);
  this->SetOption("vocab_size", 51);
  EXPECT_NE(this->Message().find("expected [51, 12], found [50, 12]"), std::string::npos)
    << this->Message();
}

TEST_F(ChangedClipText, RefusesTooManyTokens)
{
  EXPECT_EQ(this->EncodingMessage(at::zeros({ 1, 9 }, at::kLong)), "no error");
  EXPECT_NE(this->EncodingMessage(at::zeros({ 1, 10 }, at::kLong)).find("text of 10 tokens"),
    std::string::npos);
}

TEST_F(ChangedClipText, RefusesUnknownTokens)
{
  EXPECT_EQ(this->EncodingMessage(at::full({ 1, 9 }, 49, at::kLong)), "no error");
  for (const std::int64_t id : { -1, 50 })
  {
    EXPECT_NE(this->EncodingMessage(at::full({ 1, 9 }, id, at::kLong))
                .find("token id " + std::to_string(id) + " is not"),
      std::string::npos);
  }
}
}
