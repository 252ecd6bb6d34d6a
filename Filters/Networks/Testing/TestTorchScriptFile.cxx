// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Filters/Networks/SafetensorsFile.h"
#include "Filters/Networks/Testing/GoldenModel.h"
#include "Filters/Networks/TorchScriptFile.h"
#include "Filters/Networks/VisionModel.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>
#include <torch/script.h>
#include <torch/version.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace
{
const std::filesystem::path Data = TDL_TEST_DATA "/TorchScriptEncoder";

/** The message with which a file is refused. */
std::string Message(const std::filesystem::path& path)
{
  try
  {
    tdl::OpenTorchScript(path.string(), at::kCPU);
  }
  catch (const tdl::FileError& error)
  {
    return error.what();
  }
  return "no error";
}

TEST(TorchScriptFile, OpensANetwork)
{
  EXPECT_EQ(Message(Data / "Encoder" / "model.pt"), "no error");
}

TEST(TorchScriptFile, NamesBothVersionsOfAFileOfTheFuture)
{
  const std::string message = Message(Data / "future.pt");
  EXPECT_NE(message.find("version 999"), std::string::npos) << message;
  EXPECT_NE(message.find("LibTorch " TORCH_VERSION " reads up to version "), std::string::npos)
    << message;
}

TEST(TorchScriptFile, NamesAnOperatorOfTheFuture)
{
  if (TORCH_VERSION_MAJOR >= 2)
  {
    GTEST_SKIP() << "this LibTorch knows the operator";
  }
  const std::string message = Message(Data / "attention.pt");
  EXPECT_NE(message.find("scaled_dot_product_attention"), std::string::npos) << message;
  EXPECT_NE(message.find("LibTorch " TORCH_VERSION), std::string::npos) << message;
}

TEST(TorchScriptFile, NamesAFileThatHoldsWeightsOnly)
{
  EXPECT_NE(Message(Data / "weights.pt").find("weights without their network"), std::string::npos)
    << Message(Data / "weights.pt");
}

TEST(TorchScriptFile, NamesAFileThatIsBrokenOrMissing)
{
  EXPECT_NE(Message(Data / "nothing.pt").find("Cannot open"), std::string::npos);
  const tdl::TemporaryFolder folder;
  const auto path = folder.Path / "model.pt";
  std::filesystem::copy_file(Data / "Encoder" / "model.pt", path);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  EXPECT_NE(Message(path).find("broken"), std::string::npos) << Message(path);
  std::ofstream(path, std::ios::trunc) << "weights";
  EXPECT_NE(Message(path).find("no TorchScript file"), std::string::npos) << Message(path);
}

TEST(ScriptedVisionModel, GivesWhatTheNetworkGives)
{
  const c10::InferenceMode inference;
  const auto model = tdl::VisionModel::Open((Data / "Encoder").string(), at::kCPU);
  const auto output = model->Forward(at::zeros({ 3, 3, 20, 20 }), {});
  EXPECT_EQ(output.Pooled.sizes(), (at::IntArrayRef{ 3, 9 }));
  EXPECT_EQ(output.Patches.sizes(), (at::IntArrayRef{ 3, 9, 9 }));
  EXPECT_FALSE(output.ClassToken.defined());
}

TEST(ScriptedVisionModel, TellsInOneLineWhyImagesDoNotSuit)
{
  const c10::InferenceMode inference;
  const auto model = tdl::VisionModel::Open((Data / "Encoder").string(), at::kCPU);
  try
  {
    model->Forward(at::zeros({ 1, 1, 20, 20 }), {});
    FAIL() << "no error";
  }
  catch (const tdl::DataError& error)
  {
    const std::string message = error.what();
    EXPECT_NE(message.find("1 x 20 x 20"), std::string::npos) << message;
    EXPECT_NE(message.find("channels"), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}
}
