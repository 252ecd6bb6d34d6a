// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Filters/Networks/GlideText2ImUNet.h"
#include "Filters/Networks/SafetensorsFile.h"
#include "Filters/Networks/Testing/GoldenModel.h"
#include "Filters/Networks/Testing/SeededWeights.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace
{
const std::filesystem::path Golden = TDL_TEST_DATA "/Glide";
const std::string WeightsName = "diffusion_pytorch_model.safetensors";

/** A golden folder's network with the weights of the seed that its golden data has. */
class GlideNetwork : public ::testing::TestWithParam<std::pair<const char*, int>>
{
protected:
  GlideNetwork()
    : Data((this->Source() / "golden.safetensors").string())
  {
    std::filesystem::copy_file(this->Source() / "config.json", this->Folder.Path / "config.json");
    tdl::GlideText2ImUNet network(
      tdl::GlideText2ImConfig::Read(tdl::Configuration((this->Source() / "config.json").string())));
    tdl::WriteSafetensors((this->Folder.Path / WeightsName).string(),
      tdl::SeedWeights(network, static_cast<std::uint64_t>(this->GetParam().second)));
    this->Network = tdl::GlideText2ImUNet::Open(this->Folder.Path.string());
  }

  std::filesystem::path Source() const { return Golden / this->GetParam().first; }

  at::Tensor Smaller() const
  {
    return this->Network->Config().SuperRes ? this->Data.Get("smaller") : at::Tensor();
  }

  /** What the network makes of the golden texts. */
  tdl::GlideText2ImUNet::Text Encode() const
  {
    return this->Network->EncodeText(this->Data.Get("ids"), this->Data.Get("mask").to(at::kBool));
  }

  const c10::InferenceMode Inference;
  tdl::TemporaryFolder Folder;
  tdl::SafetensorsFile Data;
  std::shared_ptr<tdl::GlideText2ImUNet> Network;
};

TEST_P(GlideNetwork, ComputesWhatThePublishedImplementationComputes)
{
  const auto text = this->Encode();
  EXPECT_LT(tdl::RelativeDifference(text.Summary, this->Data.Get("summary")), 1e-4);
  EXPECT_LT(tdl::RelativeDifference(text.Tokens, this->Data.Get("tokens")), 1e-4);
  at::Tensor activations;
  const at::Tensor output = this->Network->Forward(
    this->Data.Get("sample"), this->Data.Get("timesteps"), text, this->Smaller(), &activations);
  EXPECT_LT(tdl::RelativeDifference(output, this->Data.Get("output")), 1e-4);
  EXPECT_LT(tdl::RelativeDifference(activations, this->Data.Get("activations")), 1e-4);
}

TEST_P(GlideNetwork, RefusesInputItCannotTake)
{
  const at::Tensor ids = this->Data.Get("ids");
  const at::Tensor mask = this->Data.Get("mask").to(at::kBool);
  const std::int64_t known = this->Network->Config().VocabSize;
  EXPECT_THROW(this->Network->EncodeText(ids.slice(1, 1), mask), tdl::DataError);
  EXPECT_THROW(this->Network->EncodeText(ids.slice(1, 1), mask.slice(1, 1)), tdl::DataError);
  EXPECT_THROW(this->Network->EncodeText(ids + known, mask), tdl::DataError);
  EXPECT_THROW(this->Network->EncodeText(ids - known, mask), tdl::DataError);

  const auto text = this->Encode();
  const at::Tensor sample = this->Data.Get("sample");
  const at::Tensor times = this->Data.Get("timesteps");
  const at::Tensor smaller = this->Smaller();
  EXPECT_NO_THROW(this->Network->Forward(sample, times, text, smaller));
  const at::Tensor fewer = smaller.defined() ? smaller.slice(0, 1) : smaller;
  EXPECT_THROW(
    this->Network->Forward(sample.slice(0, 1), times.slice(0, 1), text, fewer), tdl::DataError);
  EXPECT_THROW(this->Network->Forward(sample.slice(1, 1), times, text, smaller), tdl::DataError);
  EXPECT_THROW(this->Network->Forward(sample.slice(2, 1), times, text, smaller), tdl::DataError);
  EXPECT_THROW(
    this->Network->Forward(sample, times, text, smaller.defined() ? at::Tensor() : sample),
    tdl::DataError);
}

INSTANTIATE_TEST_SUITE_P(Folders, GlideNetwork,
  ::testing::Values(std::pair{ "base", 3 }, std::pair{ "upsampler", 4 }),
  [](const auto& suite) { return std::string(suite.param.first); });

/** A folder whose configuration or weights a test changes. */
class ChangedGlide : public ::testing::Test
{
protected:
  /** Reads the base network's configuration, an option of which is another. */
  std::string Message(const std::string& key, const nlohmann::json& value) const
  {
    nlohmann::json json = tdl::ReadJsonObject((Golden / "base" / "config.json").string());
    json[key] = value;
    std::ofstream(this->Folder.Path / "config.json") << json;
    try
    {
      tdl::GlideText2ImUNet::Open(this->Folder.Path.string());
    }
    catch (const tdl::FileError& error)
    {
      return error.what();
    }
    return "no error";
  }

  tdl::TemporaryFolder Folder;
};

TEST_F(ChangedGlide, NamesAnUnsupportedOption)
{
  for (const auto& [key, value] : std::multimap<std::string, nlohmann::json>{
         { "_class_name", "UNet2DModel" }, { "_class_name", "Text2ImUNet" }, { "sample_size", 0 },
         { "sample_size", 15 }, { "out_channels", 3 }, { "super_res", 1 }, { "model_channels", 48 },
         { "channel_mult", nlohmann::json::array() }, { "channel_mult", { 1, 0 } },
         { "num_res_blocks", 0 }, { "num_head_channels", 96 }, { "n_vocab", "many" },
         { "text_ctx", -1 }, { "xf_heads", 7 } })
  {
    const std::string message = this->Message(key, value);
    EXPECT_NE(message.find(key + " = " + value.dump()), std::string::npos) << key << message;
  }
}

TEST_F(ChangedGlide, ListsTensorsThatDoNotFit)
{
  tdl::GlideText2ImUNet network(
    tdl::GlideText2ImConfig::Read(tdl::Configuration((Golden / "base" / "config.json").string())));
  auto weights = tdl::SeedWeights(network, 3);
  const auto message = [&]
  {
    tdl::WriteSafetensors((this->Folder.Path / WeightsName).string(), weights);
    return this->Message("xf_layers", 2);
  };
  EXPECT_EQ(message(), "no error");
  weights["transformer.resblocks.2.ln_1.bias"] = at::zeros({ 64 });
  weights["middle_block.1.encoder_kv.weight"] = at::zeros({ 256, 32, 1 });
  weights.erase("out.2.bias");
  const std::string text = message();
  for (const char* part :
    { "1 missing: out.2.bias", "1 unexpected: transformer.resblocks.2.ln_1.bias",
      "1 of another shape: middle_block.1.encoder_kv.weight (expected [256, 64, 1]" })
  {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}
}
