// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Filters/Networks/AutoencoderKL.h"
#include "Filters/Networks/Memory.h"
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
const std::filesystem::path Golden = TDL_TEST_DATA "/Autoencoder";

void CompareWithGolden(const std::string& name)
{
  const c10::InferenceMode inference;
  const auto model = tdl::AutoencoderKL::Open((Golden / name).string());
  const tdl::SafetensorsFile golden((Golden / name / "golden.safetensors").string());
  for (const std::string beginning : { "", "large_" })
  {
    const auto expect = [&](const char* output, const at::Tensor& value)
    { EXPECT_LT(tdl::RelativeDifference(value, golden.Get(beginning + output)), 1e-4) << output; };
    const bool tiled = !beginning.empty();
    const at::Tensor scaled = golden.Get(beginning + "scaled");
    const at::Tensor latents = golden.Get(beginning + "latents");
    expect("latents", model->Unscale(scaled));
    expect("scaled", model->Scale(latents));
    expect("decoded", model->Decode(latents, tiled));
    const tdl::LatentDistribution encoded = model->Encode(golden.Get(beginning + "images"), tiled);
    expect("mean", encoded.Mean);
    expect("log_variance", encoded.LogVariance);
  }
}

class ChangedAutoencoderKL : public tdl::ChangedModel
{
protected:
  ChangedAutoencoderKL()
    : ChangedModel(Golden / "KL", "diffusion_pytorch_model.safetensors")
  {
  }
  void Open() const override { tdl::AutoencoderKL::Open(this->Folder.Path.string()); }
};

TEST(AutoencoderKL, ComputesWhatDiffusersComputesFromFormerNames)
{
  CompareWithGolden("KL");
}

TEST(AutoencoderKL, HonorsEveryOptionAsDiffusers)
{
  CompareWithGolden("KLOptions");
}

TEST(AutoencoderKL, LeavesARestOutThatGivesNoLatents)
{
  const c10::InferenceMode inference;
  const auto model = tdl::AutoencoderKL::Open((Golden / "KL").string());
  // The fourth tile would have one row of pixels, of which four make a row of latents.
  EXPECT_EQ(
    model->Encode(at::zeros({ 1, 3, 37, 8 }), true).Mean.sizes(), at::IntArrayRef({ 1, 4, 9, 2 }));
}

TEST(AutoencoderKL, NeedsMemoryOfOneTile)
{
  const auto model = tdl::AutoencoderKL::Open((Golden / "KL").string());
  const auto peak = [&](std::int64_t images, std::int64_t size, bool tiled)
  {
    const c10::InferenceMode inference;
    const at::Tensor latents = at::zeros({ images, 4, size, size });
    return tdl::PeakTensorMemory([&] { model->Decode(latents, tiled); });
  };
  const std::uint64_t tile = peak(1, 4, false);
  const std::uint64_t image = std::uint64_t(3) * 128 * 128 * sizeof(float);
  // Beside one tile's decoding only the image remains: its tiles' rows, joined into the result.
  EXPECT_LT(peak(1, 32, true), tile + 3 * image);
  EXPECT_GT(peak(1, 32, false), tile + 3 * image);
  // One image at a time: another costs what its pixels take.
  EXPECT_LT(peak(4, 32, false), peak(1, 32, false) + 8 * image);
}

TEST_F(ChangedAutoencoderKL, RefusesTilesThatCannotOverlap)
{
  this->SetOption("sample_size", 7);
  const auto model = tdl::AutoencoderKL::Open(this->Folder.Path.string());
  const c10::InferenceMode inference;
  EXPECT_THROW(model->Decode(at::zeros({ 1, 4, 8, 8 }), true), tdl::ParameterError);
  EXPECT_THROW(model->Encode(at::zeros({ 1, 3, 32, 32 }), true), tdl::ParameterError);
  EXPECT_NO_THROW(model->Decode(at::zeros({ 1, 4, 8, 8 }), false));
}

TEST_F(ChangedAutoencoderKL, AppliesTheShift)
{
  this->SetOption("shift_factor", 0.25);
  this->SetOption("scaling_factor", 0.5);
  const auto model = tdl::AutoencoderKL::Open(this->Folder.Path.string());
  const at::Tensor ones = at::ones({ 1, 4, 1, 1 });
  EXPECT_TRUE(at::allclose(model->Unscale(ones), ones * 2.25));
  EXPECT_TRUE(at::allclose(model->Scale(ones * 2.25), ones));
}

TEST_F(ChangedAutoencoderKL, NamesAnUnsupportedOption)
{
  for (const auto& [key, value] : std::multimap<std::string, nlohmann::json>{
         { "_class_name", "AutoencoderTiny" }, { "act_fn", "mish" },
         { "block_out_channels", nlohmann::json::array() }, { "block_out_channels", { 4, 4, 7 } },
         { "down_block_types", { "DownEncoderBlock2D", "DownEncoderBlock2D" } },
         { "down_block_types", { "DownEncoderBlock2D", "DownEncoderBlock2D", "DownBlock2D" } },
         { "latent_channels", 0 }, { "latents_mean", { 0.5, 0.5 } },
         { "latents_std", { 1.0, 1.0, 0.0, 1.0 } }, { "layers_per_block", { 1, 1, 1 } },
         { "sample_size", 0 }, { "sample_size", { 8, 8, 8 } }, { "scaling_factor", 0.0 },
         { "up_block_types", { "UpDecoderBlock2D", "UpDecoderBlock2D", "UpBlock2D" } } })
  {
    this->ExpectRefusal(key, value);
  }
  EXPECT_EQ(this->Message(), "no error");
}

TEST_F(ChangedAutoencoderKL, AcceptsASampleSizePerDirection)
{
  this->SetOption("sample_size", { 16, 16 });
  EXPECT_EQ(this->Message(), "no error");
}

TEST_F(ChangedAutoencoderKL, ListsMissingTensors)
{
  this->SetOption("layers_per_block", 2);
  EXPECT_NE(this->Message().find("missing: decoder.up_blocks.0.resnets.2."), std::string::npos)
    << this->Message();
}

TEST_F(ChangedAutoencoderKL, ListsUnexpectedTensors)
{
  this->SetOption("mid_block_add_attention", false);
  EXPECT_NE(
    this->Message().find("20 unexpected: decoder.mid_block.attentions.0."), std::string::npos)
    << this->Message();
}

TEST_F(ChangedAutoencoderKL, ListsMisshapenTensors)
{
  this->SetOption("out_channels", 1);
  EXPECT_NE(this->Message().find("decoder.conv_out.weight (expected [1, 4, 3, 3], found [3, 4, 3, "
                                 "3])"),
    std::string::npos)
    << this->Message();
}

TEST_F(ChangedAutoencoderKL, NamesAMissingFile)
{
  std::filesystem::remove(this->Folder.Path / this->Weights);
  EXPECT_NE(this->Message().find("has no diffusion_pytorch_model.safetensors"), std::string::npos)
    << this->Message();
}
}
