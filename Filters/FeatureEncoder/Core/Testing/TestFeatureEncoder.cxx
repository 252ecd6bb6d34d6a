// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/FeatureEncoder/Core/FeatureEncoder.h"
#include "Filters/FeatureEncoder/Core/Testing/GoldenFile.h"
#include "Filters/FeatureEncoder/Core/Thumbnails.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Networks/ModelFolder.h"
#include "Filters/Networks/SafetensorsFile.h"
#include "Filters/Networks/Testing/TemporaryFolder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>

namespace
{
const std::filesystem::path Shipped = TDL_MODELS "/FashionEncoder";

/** The images of the golden file: six clothes, then these with noise. */
class Clothes
{
public:
  Clothes()
    : Golden("shipped.safetensors")
    , Images(this->Golden.Get("images"))
  {
    for (std::int64_t i = 0; i < this->Images.size(0); ++i)
    {
      this->Views.push_back({ this->Images[i].data_ptr<std::uint8_t>(), 28, 28, 28, 1 });
    }
  }

  tdl::GoldenFile Golden;
  at::Tensor Images;
  std::vector<tdl::ImageView> Views;
};

tdl::EncoderParameters ShippedModel()
{
  tdl::EncoderParameters parameters;
  parameters.EncoderFolder = Shipped.string();
  parameters.Device = tdl::DeviceKind::CPU;
  return parameters;
}

std::vector<float> Encode(
  const std::vector<tdl::ImageView>& images, const tdl::EncoderParameters& parameters)
{
  return tdl::EncodeImages(images, parameters, {}).Features;
}

double LargestDifference(const std::vector<float>& a, const std::vector<float>& b)
{
  EXPECT_EQ(a.size(), b.size());
  double largest = 0.0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
  {
    largest = std::max(largest, std::abs(double{ a[i] } - b[i]));
  }
  return largest;
}

TEST(FeatureEncoder, GivesTheFeaturesOfTransformers)
{
  const Clothes clothes;
  tdl::EncoderParameters parameters = ShippedModel();
  EXPECT_LT(
    LargestDifference(Encode(clothes.Views, parameters), clothes.Golden.Floats("features")), 1e-4);
  parameters.Output = tdl::FeatureOutput::ClassScores;
  EXPECT_LT(
    LargestDifference(Encode(clothes.Views, parameters), clothes.Golden.Floats("scores")), 1e-4);
}

TEST(FeatureEncoder, GivesTheSameBitsAtAnyBatchSizeAndNumberOfThreads)
{
  const Clothes clothes;
  std::vector<tdl::ImageView> images;
  for (int i = 0; i < 45; ++i)
  {
    images.push_back(clothes.Views[i % clothes.Views.size()]);
  }
  tdl::EncoderParameters parameters = ShippedModel();
  parameters.Threads = 1;
  parameters.BatchSize = 1;
  const std::vector<float> features = Encode(images, parameters);
  parameters.Threads = 3;
  parameters.BatchSize = 20;
  EXPECT_EQ(Encode(images, parameters), features);
}

TEST(FeatureEncoder, EncodesOneImage)
{
  const Clothes clothes;
  const std::vector<float> all = Encode(clothes.Views, ShippedModel());
  const std::vector<float> one = Encode({ clothes.Views[3] }, ShippedModel());
  ASSERT_EQ(one.size(), 128);
  EXPECT_LT(LargestDifference(one, { all.begin() + 3 * 128, all.begin() + 4 * 128 }), 1e-5);
}

TEST(FeatureEncoder, KeepsSmallImagesAsTheirPixels)
{
  const Clothes clothes;
  tdl::EncoderParameters parameters;
  parameters.Encoder = tdl::EncoderKind::Pixels;
  const tdl::EncodedImages encoded = tdl::EncodeImages(clothes.Views, parameters, {});
  ASSERT_EQ(encoded.Dimension, 784);
  EXPECT_FLOAT_EQ(encoded.Features[784 + 400], clothes.Views[1].TopRow[400] / 255.0F);
}

TEST(FeatureEncoder, AveragesLargeImages)
{
  // Bright below, dark above; what is left has the same proportions.
  tdl::Image image{ 120, 60, 3, std::vector<std::uint8_t>(120 * 60 * 3, 0) };
  std::fill(image.Pixels.begin() + image.Pixels.size() / 2, image.Pixels.end(), 255);
  tdl::EncoderParameters parameters;
  parameters.Encoder = tdl::EncoderKind::Pixels;
  const tdl::EncodedImages encoded = tdl::EncodeImages({ image.View() }, parameters, {});
  EXPECT_EQ(encoded.Dimension, 26 * 13 * 3);
  EXPECT_EQ(encoded.Features.front(), 0.0F);
  EXPECT_EQ(encoded.Features.back(), 1.0F);
}

TEST(FeatureEncoder, FindsPrincipalComponents)
{
  const Clothes clothes;
  tdl::EncoderParameters parameters;
  parameters.Encoder = tdl::EncoderKind::PCA;
  parameters.Components = 3;
  const tdl::EncodedImages encoded = tdl::EncodeImages(clothes.Views, parameters, {});
  EXPECT_EQ(encoded.Dimension, 3);
  EXPECT_EQ(encoded.Features.size(), clothes.Views.size() * 3);
  parameters.Components = static_cast<int>(clothes.Views.size());
  EXPECT_THROW(Encode(clothes.Views, parameters), tdl::ParameterError);
}

TEST(FeatureEncoder, KeepsWhatIsFinishedWhenStopped)
{
  const Clothes clothes;
  tdl::EncoderParameters parameters = ShippedModel();
  parameters.BatchSize = 5;
  double last = 0.0;
  const tdl::EncodedImages encoded = tdl::EncodeImages(clothes.Views, parameters,
    [&last](const tdl::Progress& progress)
    {
      EXPECT_GT(progress.Fraction, last);
      last = progress.Fraction;
      return false;
    });
  EXPECT_EQ(encoded.Features.size(), 8 * encoded.Dimension);
}

TEST(FeatureEncoder, TellsWhatTheFeaturesCameFrom)
{
  const Clothes clothes;
  const auto provenance =
    nlohmann::json::parse(tdl::EncodeImages(clothes.Views, ShippedModel(), {}).Provenance);
  EXPECT_EQ(provenance["encoder"], "Model");
  EXPECT_EQ(provenance["output"], "Pooled");
  EXPECT_EQ(provenance["checksum"].get<std::string>().size(), 64);
}

TEST(FeatureEncoder, RefusesWhatItCannotEncode)
{
  const Clothes clothes;
  EXPECT_THROW(Encode({}, ShippedModel()), tdl::DataError);
  tdl::ImageView odd = clothes.Views.front();
  odd.Channels = 2;
  EXPECT_THROW(Encode({ odd }, ShippedModel()), tdl::DataError);
  tdl::EncoderParameters parameters = ShippedModel();
  parameters.Threads = -1;
  EXPECT_THROW(Encode(clothes.Views, parameters), tdl::ParameterError);
  parameters = ShippedModel();
  parameters.BatchSize = -1;
  EXPECT_THROW(Encode(clothes.Views, parameters), tdl::ParameterError);
}

/** A copy of the default encoder that a test spoils. */
class SpoiltEncoder : public ::testing::Test
{
protected:
  void SetUp() override
  {
    for (const char* name : { "config.json", "preprocessor_config.json", "model.safetensors" })
    {
      std::filesystem::copy_file(Shipped / name, this->Folder.Path / name);
    }
  }

  void SetOption(const std::string& key, const nlohmann::json& value) const
  {
    const std::string path = (this->Folder.Path / "config.json").string();
    nlohmann::json config = tdl::ReadJsonObject(path);
    config[key] = value;
    std::ofstream(path) << config;
  }

  /** The message with which encoding fails. */
  std::string Message(tdl::FeatureOutput output = tdl::FeatureOutput::Pooled) const
  {
    tdl::EncoderParameters parameters = ShippedModel();
    parameters.EncoderFolder = this->Folder.Path.string();
    parameters.Output = output;
    try
    {
      Encode(Clothes().Views, parameters);
    }
    catch (const tdl::FileError& error)
    {
      return error.what();
    }
    return "no error";
  }

  tdl::TemporaryFolder Folder;
};

TEST_F(SpoiltEncoder, WorksWhileNothingIsSpoilt)
{
  EXPECT_EQ(this->Message(), "no error");
}

TEST_F(SpoiltEncoder, NamesAnArchitectureThatIsNotSupported)
{
  this->SetOption("model_type", "swin");
  EXPECT_NE(this->Message().find("model_type 'swin'"), std::string::npos) << this->Message();
}

TEST_F(SpoiltEncoder, NamesAMissingHead)
{
  this->SetOption("architectures", { "ResNetModel" });
  EXPECT_EQ(this->Message(), "no error");
  EXPECT_NE(this->Message(tdl::FeatureOutput::ClassScores).find("no classification head"),
    std::string::npos);
}

TEST_F(SpoiltEncoder, NamesAMissingPreprocessor)
{
  std::filesystem::remove(this->Folder.Path / "preprocessor_config.json");
  EXPECT_NE(this->Message().find("preprocessor_config.json"), std::string::npos);
}

TEST_F(SpoiltEncoder, NoticesWeightsThatAreNotNumbers)
{
  const std::string path = (this->Folder.Path / "model.safetensors").string();
  std::map<std::string, at::Tensor> tensors;
  {
    const tdl::SafetensorsFile file(path);
    for (const auto& item : file.Entries())
    {
      tensors[item.first] = file.Get(item.first).clone();
    }
  }
  tensors.at("resnet.embedder.embedder.convolution.weight")
    .fill_(std::numeric_limits<double>::quiet_NaN());
  tdl::WriteSafetensors(path, tensors);
  EXPECT_NE(this->Message().find("not finite"), std::string::npos) << this->Message();
}

TEST(Normalize, GivesUnitLength)
{
  std::vector<float> features{ 3, 4, 0, 0, -2, 0 };
  tdl::Normalize(features, 2, tdl::FeatureNormalization::L2);
  EXPECT_EQ(features, (std::vector<float>{ 0.6F, 0.8F, 0, 0, -1, 0 }));
}

TEST(Normalize, GivesUnitVariance)
{
  // The second feature does not vary, though it has no exact float.
  std::vector<float> features{ 1, 0.1F, 3, 0.1F, 5, 0.1F };
  tdl::Normalize(features, 2, tdl::FeatureNormalization::Standardized);
  const float edge = std::sqrt(1.5F);
  const std::vector<float> expected{ -edge, 0, 0, 0, edge, 0 };
  EXPECT_LT(LargestDifference(features, expected), 1e-6);
}

TEST(Thumbnails, KeepProportions)
{
  const tdl::Image image{ 80, 40, 3, std::vector<std::uint8_t>(80 * 40 * 3, 9) };
  const tdl::Thumbnails thumbnails = tdl::MakeThumbnails({ image.View(), image.View() }, 32, 2);
  EXPECT_EQ(thumbnails.Width, 32);
  EXPECT_EQ(thumbnails.Height, 16);
  EXPECT_EQ(thumbnails.Pixels, std::vector<std::uint8_t>(2 * 32 * 16 * 3, 9));
}

TEST(Thumbnails, LeaveSmallImagesAsTheyAre)
{
  const Clothes clothes;
  const tdl::Thumbnails thumbnails = tdl::MakeThumbnails(clothes.Views, 32, 1);
  EXPECT_EQ(thumbnails.Width, 28);
  const auto* pixels = clothes.Images.data_ptr<std::uint8_t>();
  EXPECT_EQ(thumbnails.Pixels, std::vector<std::uint8_t>(pixels, pixels + clothes.Images.numel()));
}
}
