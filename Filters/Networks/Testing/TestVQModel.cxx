// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Filters/Networks/SafetensorsFile.h"
#include "Filters/Networks/Testing/GoldenModel.h"
#include "Filters/Networks/VQModel.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>

namespace
{
const std::filesystem::path Golden = TDL_TEST_DATA "/Autoencoder";

void CompareWithGolden(const std::string& name)
{
  const c10::InferenceMode inference;
  const auto model = tdl::VQModel::Open((Golden / name).string());
  const tdl::SafetensorsFile golden((Golden / name / "golden.safetensors").string());
  const at::Tensor latents = model->Unscale(golden.Get("scaled"));
  EXPECT_LT(tdl::RelativeDifference(latents, golden.Get("latents")), 1e-4);
  EXPECT_LT(tdl::RelativeDifference(model->Decode(latents), golden.Get("decoded")), 1e-4);
}

class ChangedVQModel : public tdl::ChangedModel
{
protected:
  ChangedVQModel()
    : ChangedModel(Golden / "VQ", "diffusion_pytorch_model.safetensors")
  {
  }
  void Open() const override { tdl::VQModel::Open(this->Folder.Path.string()); }
};

TEST(VQModel, ComputesWhatDiffusersComputes)
{
  CompareWithGolden("VQ");
}

TEST(VQModel, HonorsEveryOptionAsDiffusers)
{
  CompareWithGolden("VQOptions");
}

TEST_F(ChangedVQModel, NamesAnUnsupportedOption)
{
  for (const auto& [key, value] : std::map<std::string, nlohmann::json>{
         { "_class_name", "AutoencoderKL" }, { "act_fn", "mish" }, { "norm_type", "spatial" },
         { "num_vq_embeddings", 0 }, { "scaling_factor", 0.0 }, { "vq_embed_dim", 0 } })
  {
    this->ExpectRefusal(key, value);
  }
  EXPECT_EQ(this->Message(), "no error");
}

TEST_F(ChangedVQModel, ListsMisshapenTensors)
{
  this->SetOption("num_vq_embeddings", 41);
  EXPECT_NE(this->Message().find(
              "1 of another shape: quantize.embedding.weight (expected [41, 3], found [40, 3])"),
    std::string::npos)
    << this->Message();
}

TEST_F(ChangedVQModel, ListsMissingTensors)
{
  this->SetOption("layers_per_block", 2);
  EXPECT_NE(this->Message().find("missing: decoder.up_blocks.0.resnets.2."), std::string::npos)
    << this->Message();
}
}
