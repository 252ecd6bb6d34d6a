// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/FeatureEncoder/Core/FeatureEncoder.h"
#include "Filters/FeatureEncoder/Core/GramFeatures.h"
#include "Filters/FeatureEncoder/Core/Testing/GoldenFile.h"
#include "Filters/FeatureEncoder/Core/Thumbnails.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/PrincipalComponents.h"
#include "Filters/Foundation/Testing/TemporaryFolder.h"
#include "Filters/Networks/ModelFolder.h"
#include "Filters/Networks/SafetensorsFile.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/cuda.h>

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
  return tdl::EncodeImages(images, {}, parameters, {}).Features;
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

TEST(FeatureEncoder, GivesTheSameFeaturesOnAGpu)
{
  if (torch::cuda::device_count() == 0)
  {
    GTEST_SKIP() << "there is no CUDA device";
  }
  const Clothes clothes;
  tdl::EncoderParameters parameters = ShippedModel();
  parameters.Device = tdl::DeviceKind::CUDA;
  EXPECT_LT(
    LargestDifference(Encode(clothes.Views, parameters), clothes.Golden.Floats("features")), 1e-4);
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
  const tdl::EncodedImages encoded = tdl::EncodeImages(clothes.Views, {}, parameters, {});
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
  const tdl::EncodedImages encoded = tdl::EncodeImages({ image.View() }, {}, parameters, {});
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
  const tdl::EncodedImages encoded = tdl::EncodeImages(clothes.Views, {}, parameters, {});
  EXPECT_EQ(encoded.Dimension, 3);
  EXPECT_EQ(encoded.Features.size(), clothes.Views.size() * 3);
  parameters.Components = static_cast<int>(clothes.Views.size());
  EXPECT_THROW(Encode(clothes.Views, parameters), tdl::ParameterError);
}

TEST(FeatureEncoder, TakesActivationsForFeatures)
{
  // As many images as several threads share, each of three channels, in an order of their own.
  const Clothes clothes;
  std::vector<tdl::ImageView> images;
  std::vector<float> values;
  for (int i = 0; i < 20; ++i)
  {
    images.push_back(clothes.Views[i % clothes.Views.size()]);
    values.insert(values.end(), { float(i), float(i * i), 7.0F });
  }
  tdl::ImageOrigins origins;
  origins.ActivationChannels = 3;
  std::vector<float> expected;
  for (int i = 19; i >= 0; --i)
  {
    origins.Activations.push_back(values.data() + 3 * i);
    expected.insert(expected.end(), values.begin() + 3 * i, values.begin() + 3 * i + 3);
  }
  tdl::EncoderParameters parameters;
  parameters.Encoder = tdl::EncoderKind::Activations;
  parameters.Threads = 2;
  const tdl::EncodedImages encoded = tdl::EncodeImages(images, origins, parameters, {});
  EXPECT_EQ(encoded.Dimension, 3);
  EXPECT_EQ(encoded.Features, expected);
  EXPECT_EQ(nlohmann::json::parse(encoded.Provenance)["encoder"], "Activations");

  parameters.Normalization = tdl::FeatureNormalization::Standardized;
  const std::vector<float> standardized =
    tdl::EncodeImages(images, origins, parameters, {}).Features;
  EXPECT_NEAR(standardized[0], std::sqrt(3.0 * 19 / 21), 1e-5) << "the largest of 0 to 19";
  EXPECT_EQ(standardized[2], 0.0F);

  EXPECT_THROW(tdl::EncodeImages(images, {}, parameters, {}), tdl::DataError);
  origins.Activations.pop_back();
  EXPECT_THROW(tdl::EncodeImages(images, origins, parameters, {}), tdl::DataError);
}

TEST(FeatureEncoder, KeepsWhatIsFinishedWhenStopped)
{
  const Clothes clothes;
  tdl::EncoderParameters parameters = ShippedModel();
  parameters.BatchSize = 5;
  double last = 0.0;
  const tdl::EncodedImages encoded = tdl::EncodeImages(clothes.Views, {}, parameters,
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
    nlohmann::json::parse(tdl::EncodeImages(clothes.Views, {}, ShippedModel(), {}).Provenance);
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

TEST(FeatureEncoder, FindsPrincipalComponentsOfAnyFeatures)
{
  const Clothes clothes;
  tdl::EncoderParameters parameters = ShippedModel();
  const tdl::EncodedImages plain = tdl::EncodeImages(clothes.Views, {}, parameters, {});
  parameters.Normalization = tdl::FeatureNormalization::PCA;
  parameters.Components = 4;
  const tdl::EncodedImages encoded = tdl::EncodeImages(clothes.Views, {}, parameters, {});
  EXPECT_EQ(encoded.Dimension, 4);
  EXPECT_EQ(encoded.Features,
    tdl::PrincipalComponents(
      plain.Features.data(), clothes.Views.size(), plain.Dimension, 4, /*threads=*/1));
  EXPECT_EQ(nlohmann::json::parse(encoded.Provenance)["components"], 4);
  // Components of some of the images would not be those of all.
  parameters.BatchSize = 5;
  EXPECT_EQ(tdl::EncodeImages(clothes.Views, {}, parameters, [](const auto&) { return false; })
              .Features.size(),
    0U);
}

/** What transformers' models give for images, see make_vision_models.py. */
class GoldenEncoder : public ::testing::TestWithParam<const char*>
{
protected:
  GoldenEncoder()
    : Folder(TDL_TEST_DATA "/VisionModels/" + std::string(this->GetParam()))
    , Golden((std::filesystem::path(Folder) / "golden.safetensors").string())
    , Images(this->Golden.Get("images"))
  {
    for (std::int64_t i = 0; i < this->Images.size(0); ++i)
    {
      this->Views.push_back({ this->Images[i].data_ptr<std::uint8_t>(), 3 * this->Images.size(2),
        static_cast<int>(this->Images.size(2)), static_cast<int>(this->Images.size(1)), 3 });
    }
    this->Parameters.EncoderFolder = this->Folder;
    this->Parameters.Device = tdl::DeviceKind::CPU;
  }

  bool Has(const std::string& name) const { return this->Golden.Entries().count(name) > 0; }

  at::Tensor Patches(const std::string& name) const
  {
    const at::Tensor state = this->Golden.Get(name);
    return state.dim() == 4 ? state.flatten(2).transpose(1, 2) : state.slice(1, 1);
  }

  /** Largest difference of an output from what it shall be, relative to the largest value. */
  double Difference(tdl::FeatureOutput output, const at::Tensor& expected)
  {
    this->Parameters.Output = output;
    const std::vector<float> features = Encode(this->Views, this->Parameters);
    const at::Tensor flat = expected.contiguous();
    const auto* values = flat.data_ptr<float>();
    return LargestDifference(features, { values, values + flat.numel() }) /
      flat.abs().max().item<float>();
  }

  /** The message with which an output is refused. */
  std::string Message(tdl::FeatureOutput output)
  {
    this->Parameters.Output = output;
    try
    {
      Encode(this->Views, this->Parameters);
    }
    catch (const tdl::Error& error)
    {
      return error.what();
    }
    return "no error";
  }

  std::string Folder;
  tdl::SafetensorsFile Golden;
  at::Tensor Images;
  std::vector<tdl::ImageView> Views;
  tdl::EncoderParameters Parameters;
};

TEST_P(GoldenEncoder, GivesTheFeaturesOfTransformers)
{
  using tdl::FeatureOutput;
  constexpr double tolerance = 1e-4;
  const at::Tensor last = this->Golden.Get("last_hidden_state");
  const at::Tensor token = last.select(1, 0);
  const bool clip = std::string(this->GetParam()).rfind("Clip", 0) == 0;
  const at::Tensor pooled = this->Has("image_embeds") ? this->Golden.Get("image_embeds")
    : this->Has("pooler_output")                      ? this->Golden.Get("pooler_output")
                                                      : token;
  EXPECT_LT(this->Difference(FeatureOutput::Pooled, pooled), tolerance);
  EXPECT_LT(
    this->Difference(FeatureOutput::MeanOfPatches, this->Patches("last_hidden_state").mean(1)),
    tolerance);
  if (last.dim() == 3)
  {
    const at::Tensor classToken = clip ? this->Golden.Get("pooler_output") : token;
    EXPECT_LT(this->Difference(FeatureOutput::ClassToken, classToken), tolerance);
  }
  else
  {
    EXPECT_NE(
      this->Message(FeatureOutput::ClassToken).find("has no class token"), std::string::npos);
  }
  if (this->Has("logits"))
  {
    EXPECT_LT(this->Difference(FeatureOutput::ClassScores, this->Golden.Get("logits")), tolerance);
  }
  else
  {
    EXPECT_NE(this->Message(FeatureOutput::ClassScores).find("has no classification head"),
      std::string::npos);
  }
}

TEST_P(GoldenEncoder, LooksIntoLayers)
{
  using tdl::FeatureOutput;
  constexpr double tolerance = 1e-4;
  int layers = 0;
  for (; this->Has("hidden_states." + std::to_string(layers)); ++layers)
  {
    const at::Tensor patches = this->Patches("hidden_states." + std::to_string(layers));
    const at::Tensor gram =
      at::matmul(patches.transpose(1, 2), patches) / static_cast<double>(patches.size(1));
    std::vector<at::Tensor> triangle;
    for (std::int64_t i = 0; i < gram.size(1); ++i)
    {
      for (std::int64_t j = i; j < gram.size(1); ++j)
      {
        triangle.push_back(gram.select(1, i).select(1, j) * (i == j ? 1.0 : std::sqrt(2.0)));
      }
    }
    this->Parameters.Layer = layers;
    EXPECT_LT(this->Difference(FeatureOutput::HiddenLayer, patches.mean(1)), tolerance);
    EXPECT_LT(this->Difference(FeatureOutput::GramMatrix, at::stack(triangle, 1)), tolerance);
  }
  this->Parameters.Layer = layers;
  const std::string count = std::to_string(layers);
  EXPECT_NE(this->Message(FeatureOutput::HiddenLayer).find("Layer is " + count), std::string::npos);
  this->Parameters.Layer = layers - 1;
  const std::vector<float> last = Encode(this->Views, this->Parameters);
  this->Parameters.Layer = -1;
  EXPECT_EQ(Encode(this->Views, this->Parameters), last);
  this->Parameters.Layer = -layers - 1;
  EXPECT_NE(
    this->Message(FeatureOutput::GramMatrix).find("Layer is -" + std::to_string(layers + 1)),
    std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Folders, GoldenEncoder,
  ::testing::Values("ClipVision", "ClipProjection", "Clip", "ViT", "ViTClassifier", "Dinov2",
    "Dinov2Classifier", "ConvNext", "ConvNextClassifier", "ResNet"),
  [](const auto& suite) { return std::string(suite.param); });

/** A whole CLIP model with its tokenizer. */
using GoldenClip = GoldenEncoder;

TEST_P(GoldenClip, ComparesImagesWithTheirPrompts)
{
  const auto texts = nlohmann::json::parse(std::ifstream(this->Folder + "/prompts.json"))
                       .get<std::vector<std::string>>();
  const at::Tensor expected = this->Golden.Get("similarities");
  for (int prompt = 0; prompt < static_cast<int>(texts.size()); ++prompt)
  {
    const tdl::ImageOrigins origins{ texts, { prompt, (prompt + 1) % 4 }, {}, 0 };
    for (const auto output : { tdl::FeatureOutput::Pooled, tdl::FeatureOutput::HiddenLayer })
    {
      this->Parameters.Output = output;
      const auto encoded = tdl::EncodeImages(this->Views, origins, this->Parameters, {});
      ASSERT_EQ(encoded.PromptSimilarities.size(), 2U);
      for (int i = 0; i < 2; ++i)
      {
        EXPECT_NEAR(encoded.PromptSimilarities[i],
          expected[origins.PromptOfImages[i]][i].item<float>(), 1e-4);
      }
    }
  }
  EXPECT_TRUE(tdl::EncodeImages(this->Views, {}, this->Parameters, {}).PromptSimilarities.empty());
}

TEST_P(GoldenClip, RefusesPromptsThatAreNotThere)
{
  for (const std::vector<int>& ofImages : { std::vector<int>{ 0, 1 }, { -1, 0 }, { 0 } })
  {
    EXPECT_THROW(
      tdl::EncodeImages(this->Views, { { "cat" }, ofImages, {}, 0 }, this->Parameters, {}),
      tdl::DataError);
  }
}

INSTANTIATE_TEST_SUITE_P(
  Folders, GoldenClip, ::testing::Values("Clip"), [](const auto&) { return std::string("Clip"); });

TEST(FeatureEncoder, RunsNetworksStoredAsTorchScript)
{
  const std::string folder = TDL_TEST_DATA "/TorchScriptEncoder/Encoder";
  const tdl::SafetensorsFile golden(folder + "/golden.safetensors");
  const at::Tensor images = golden.Get("images");
  std::vector<tdl::ImageView> views;
  for (int i = 0; i < 2; ++i)
  {
    views.push_back({ images[i].data_ptr<std::uint8_t>(), 3 * images.size(2),
      static_cast<int>(images.size(2)), static_cast<int>(images.size(1)), 3 });
  }
  tdl::EncoderParameters parameters;
  parameters.EncoderFolder = folder;
  parameters.Device = tdl::DeviceKind::CPU;
  for (const auto& [output, name] : { std::pair(tdl::FeatureOutput::Pooled, "pooled"),
         std::pair(tdl::FeatureOutput::MeanOfPatches, "patches") })
  {
    parameters.Output = output;
    const at::Tensor expected = golden.Get(name);
    const auto* values = expected.data_ptr<float>();
    EXPECT_LT(LargestDifference(Encode(views, parameters), { values, values + 18 }), 1e-5) << name;
  }
  parameters.Output = tdl::FeatureOutput::HiddenLayer;
  try
  {
    Encode(views, parameters);
    FAIL() << "no error";
  }
  catch (const tdl::FileError& error)
  {
    EXPECT_NE(std::string(error.what()).find("has no layers to look into"), std::string::npos);
  }
}

TEST(GramFeatures, ProjectManyChannels)
{
  const tdl::SafetensorsFile golden(TDL_TEST_DATA "/VisionModels/gram.safetensors");
  const at::Tensor features = tdl::GramFeatures(golden.Get("patches"));
  EXPECT_EQ(features.sizes(), (at::IntArrayRef{ 2, 128 * 129 / 2 }));
  const at::Tensor expected = golden.Get("gram");
  EXPECT_LT((features.slice(1, 0, {}, 29) - expected).abs().max().item<float>(), 1e-4);
}

TEST(GradientEncoder, GivesTheHistogramsOfScikitImage)
{
  const tdl::GoldenFile golden("gradients.safetensors");
  tdl::EncoderParameters parameters;
  parameters.Encoder = tdl::EncoderKind::Gradients;
  for (const char* name : { "color", "gray" })
  {
    const tdl::Image image = golden.Image(name);
    const std::vector<float> features = Encode({ image.View() }, parameters);
    EXPECT_LT(LargestDifference(features, golden.Floats(std::string(name) + " features")), 1e-6);
  }
}

TEST(GradientEncoder, SeesNothingInAPlainImage)
{
  const tdl::Image image{ 5, 3, 3, std::vector<std::uint8_t>(45, 100) };
  tdl::EncoderParameters parameters;
  parameters.Encoder = tdl::EncoderKind::Gradients;
  EXPECT_EQ(Encode({ image.View() }, parameters), std::vector<float>(2124, 0.0F));
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
