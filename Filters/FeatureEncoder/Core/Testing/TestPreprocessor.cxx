// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/FeatureEncoder/Core/Preprocessor.h"
#include "Filters/FeatureEncoder/Core/Testing/GoldenFile.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Testing/TemporaryFolder.h"
#include "Filters/Networks/ModelFolder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

namespace
{
const nlohmann::json Unchanged = nlohmann::json::object();
const std::string Data = TDL_TEST_DATA "/FeatureEncoder/";

class GoldenPreprocessor : public ::testing::TestWithParam<const char*>
{
protected:
  /** What one of an image's 255 levels becomes at most. */
  static double Level(const std::string& name)
  {
    const tdl::Configuration file(Data + name + "/preprocessor_config.json");
    const double scale = file.Get("do_rescale", true) ? 1.0 / 255.0 : 1.0;
    const auto deviations = file.Get("image_std", std::vector<double>{ 1.0 });
    return file.Get("do_normalize", true)
      ? scale / *std::min_element(deviations.begin(), deviations.end())
      : scale;
  }
};

TEST_P(GoldenPreprocessor, GivesThePixelsOfTransformers)
{
  const std::string name = this->GetParam();
  const tdl::Preprocessor preprocessor(
    tdl::Configuration(Data + name + "/preprocessor_config.json"), 3);
  const tdl::GoldenFile golden(name + "/golden.safetensors");
  const tdl::Image image = golden.Image("image");
  at::Tensor pixels = preprocessor.Apply({ image.View() });
  if (pixels.numel() > 10000) // as the golden file
  {
    pixels = pixels.slice(2, 0, {}, 7).slice(3, 0, {}, 7);
  }
  const at::Tensor expected = golden.Get("pixel_values");
  ASSERT_EQ(pixels.sizes(), expected.sizes());
  EXPECT_LT(
    (pixels - expected).abs().max().item<float>(), 1e-5 * expected.abs().max().item<float>());

  // torchvision rounds otherwise here and there: by a level, with Lanczos by two. A border's odd
  // pixel it puts on the other side.
  if (name != "Border")
  {
    const at::Tensor faster = golden.Get("torchvision");
    ASSERT_EQ(pixels.sizes(), faster.sizes());
    const double levels = name == "ViTEnlarged" ? 2.001 : 1.001;
    EXPECT_LT((pixels - faster).abs().max().item<double>(), levels * this->Level(name));
  }
}

INSTANTIATE_TEST_SUITE_P(Transformers, GoldenPreprocessor,
  ::testing::Values("CLIP", "ViT", "ViTEnlarged", "Bit", "Border", "ConvNext", "ConvNextStretched"),
  [](const auto& info) { return info.param; });

/** preprocessor_config.json of a ViT with some values of a test's own. */
class ChangedPreprocessor : public ::testing::Test
{
protected:
  tdl::Preprocessor Make(const nlohmann::json& changes, int channels = 3) const
  {
    nlohmann::json config = tdl::ReadJsonObject(Data + "ViT/preprocessor_config.json");
    config.update(changes);
    const std::string path = (this->Folder.Path / "preprocessor_config.json").string();
    std::ofstream(path) << config;
    return { tdl::Configuration(path), channels };
  }

  /** The message with which the changed file is refused. */
  std::string Message(const nlohmann::json& changes, int channels = 3) const
  {
    try
    {
      this->Make(changes, channels);
    }
    catch (const tdl::FileError& error)
    {
      return error.what();
    }
    return "no error";
  }

  tdl::TemporaryFolder Folder;
};

TEST_F(ChangedPreprocessor, UnderstandsOldFiles)
{
  // Before 2023: the class under another key and one number as size.
  const tdl::Image image{ 20, 10, 3, std::vector<std::uint8_t>(600, 100) };
  const nlohmann::json old{ { "image_processor_type", nullptr }, { "crop_size", 7 } };
  nlohmann::json changes = old;
  changes.update({ { "feature_extractor_type", "ViTFeatureExtractor" }, { "size", 12 } });
  EXPECT_EQ(this->Make(changes).Apply({ image.View() }).sizes(), (at::IntArrayRef{ 1, 3, 12, 12 }));
  changes.update({ { "feature_extractor_type", "CLIPFeatureExtractor" }, { "size", 8 } });
  EXPECT_EQ(this->Make(changes).Apply({ image.View() }).sizes(), (at::IntArrayRef{ 1, 3, 7, 7 }));
}

TEST_F(ChangedPreprocessor, GivesGrayToAGrayNetwork)
{
  const tdl::Preprocessor preprocessor =
    this->Make({ { "image_mean", { 0.5 } }, { "image_std", { 0.25 } }, { "do_resize", false } }, 1);
  const tdl::Image image{ 1, 1, 3, { 51, 51, 51 } };
  const at::Tensor pixels = preprocessor.Apply({ image.View() });
  ASSERT_EQ(pixels.sizes(), (at::IntArrayRef{ 1, 1, 1, 1 }));
  EXPECT_FLOAT_EQ(pixels.item<float>(), (0.2F - 0.5F) / 0.25F);
}

TEST_F(ChangedPreprocessor, RefusesImagesOfDifferentSizes)
{
  const tdl::Preprocessor preprocessor = this->Make({ { "do_resize", false } });
  const tdl::Image small{ 2, 1, 3, std::vector<std::uint8_t>(6) };
  const tdl::Image large{ 2, 3, 3, std::vector<std::uint8_t>(18) };
  EXPECT_THROW(preprocessor.Apply({ small.View(), large.View() }), tdl::DataError);
}

TEST_F(ChangedPreprocessor, NamesTheKeyThatIsWrong)
{
  EXPECT_EQ(this->Message(Unchanged), "no error");
  const nlohmann::json wrong{ { "image_processor_type", "FuyuImageProcessor" },
    { "size", { { "width", 3 } } }, { "resample", 9 }, { "image_mean", { 0.5 } },
    { "image_std", { 1.0, 0.0, 1.0 } }, { "rescale_factor", "small" } };
  for (const auto& [key, value] : wrong.items())
  {
    EXPECT_NE(this->Message({ { key, value } }).find(key + " = " + value.dump()), std::string::npos)
      << this->Message({ { key, value } });
  }
  EXPECT_NE(this->Message({ { "image_mean", nullptr } }).find("image_mean"), std::string::npos);
  EXPECT_NE(this->Message({ { "size", 0 } }).find("size = 0"), std::string::npos);
  // Three means for one channel.
  EXPECT_NE(this->Message(Unchanged, 1).find("image_mean"), std::string::npos);
}
}
