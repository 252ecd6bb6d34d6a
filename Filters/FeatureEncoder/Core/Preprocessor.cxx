// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/FeatureEncoder/Core/Preprocessor.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Networks/ModelFolder.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <map>
#include <string>

namespace tdl
{
namespace
{
/** In which ways an image processor differs where its file leaves something open. */
struct ProcessorTraits
{
  bool SquareSize;   ///< A single number as size means both sides, not the shorter one.
  bool CropsUnasked; ///< Crops unless do_center_crop says otherwise.
};

const std::map<std::string, ProcessorTraits> Processors{
  { "CLIP", { false, true } },
  { "ViT", { true, false } },
  { "Bit", { false, true } },
  { "ConvNext", { false, false } },
};

constexpr char ConvNext[] = "ConvNext";

/** "CLIPImageProcessorFast" or, before 2023, "CLIPFeatureExtractor" -> "CLIP". */
std::string ReadProcessor(const Configuration& file)
{
  const char* key =
    file.Has("image_processor_type") ? "image_processor_type" : "feature_extractor_type";
  const auto type = file.Get<std::string>(key, "");
  for (const char* suffix : { "ImageProcessor", "FeatureExtractor" })
  {
    std::string processor = type.substr(0, type.find(suffix));
    if (Processors.count(processor) > 0)
    {
      return processor;
    }
  }
  file.Refuse(key);
}

std::string SizeText(int width, int height)
{
  return std::to_string(width) + " x " + std::to_string(height);
}

std::vector<double> ReadPerChannel(const Configuration& file, const char* key, int channels)
{
  if (!file.Has(key))
  {
    file.Refuse(key);
  }
  auto values = file.Get<std::vector<double>>(key, {});
  if (values.size() != static_cast<std::size_t>(channels))
  {
    file.Refuse(key);
  }
  return values;
}
}

Preprocessor::Size Preprocessor::ReadSize(const Configuration& file, const char* key, bool square)
{
  const auto value = file.Get<nlohmann::json>(key, {});
  const auto length = [&file, key](const nlohmann::json& number)
  {
    constexpr int longest = 1 << 14;
    if (!number.is_number_integer() || number < 1 || number > longest)
    {
      file.Refuse(key);
    }
    return number.get<int>();
  };
  if (!value.is_object())
  {
    return square ? Size{ 0, length(value), length(value) } : Size{ length(value), 0, 0 };
  }
  if (value.contains("height") && value.contains("width"))
  {
    return { 0, length(value["height"]), length(value["width"]) };
  }
  return { length(value.value("shortest_edge", nlohmann::json())), 0, 0 };
}

Preprocessor::Preprocessor(const Configuration& file, int channels)
  : Channels(channels)
  , Mean(channels, 0.0)
  , Deviation(channels, 1.0)
{
  const std::string processor = ReadProcessor(file);
  const ProcessorTraits& traits = Processors.at(processor);
  if (file.Get("do_resize", true))
  {
    this->ResizeTo = ReadSize(file, "size", traits.SquareSize);
    const auto filter = file.GetCount("resample", -1, 0);
    if (filter > static_cast<int>(ResizeFilter::Hamming))
    {
      file.Refuse("resample");
    }
    this->Filter = static_cast<ResizeFilter>(filter);
  }
  if (file.Get("do_center_crop", traits.CropsUnasked))
  {
    this->CropTo = ReadSize(file, "crop_size", true);
    if (this->CropTo.ShortestEdge > 0)
    {
      file.Refuse("crop_size");
    }
  }
  if (processor == ConvNext && this->ResizeTo.ShortestEdge > 0)
  {
    // Small sizes are cut from a somewhat larger image, large ones are stretched.
    constexpr int large = 384;
    const int edge = this->ResizeTo.ShortestEdge;
    const auto share = file.Get("crop_pct", 224.0 / 256.0);
    if (share <= 0.0 || share > 1.0)
    {
      file.Refuse("crop_pct");
    }
    const Size square{ 0, edge, edge };
    this->ResizeTo = edge < large ? Size{ static_cast<int>(edge / share), 0, 0 } : square;
    this->CropTo = square;
  }
  if (file.Get("do_rescale", true))
  {
    this->RescaleFactor = file.Get("rescale_factor", 1.0 / 255.0);
  }
  if (file.Get("do_normalize", true))
  {
    this->Mean = ReadPerChannel(file, "image_mean", channels);
    this->Deviation = ReadPerChannel(file, "image_std", channels);
    if (std::count(this->Deviation.begin(), this->Deviation.end(), 0.0) > 0)
    {
      file.Refuse("image_std");
    }
  }
}

Image Preprocessor::ResizeAndCrop(const ImageView& image) const
{
  Image result = ConvertChannels(image, this->Channels);
  if (const int edge = this->ResizeTo.ShortestEdge)
  {
    const auto longer = [edge](int length, int other)
    { return static_cast<int>(static_cast<std::int64_t>(edge) * length / other); };
    result = image.Width <= image.Height
      ? Resize(result.View(), edge, longer(image.Height, image.Width), this->Filter)
      : Resize(result.View(), longer(image.Width, image.Height), edge, this->Filter);
  }
  else if (this->ResizeTo.Height > 0)
  {
    result = Resize(result.View(), this->ResizeTo.Width, this->ResizeTo.Height, this->Filter);
  }
  return this->CropTo.Height > 0
    ? CropCenter(result.View(), this->CropTo.Width, this->CropTo.Height)
    : result;
}

at::Tensor Preprocessor::Apply(const std::vector<ImageView>& images) const
{
  std::vector<Image> resized(images.size());
  at::parallel_for(0, static_cast<std::int64_t>(images.size()), 1,
    [&](std::int64_t begin, std::int64_t end)
    {
      std::transform(images.begin() + begin, images.begin() + end, resized.begin() + begin,
        [this](const ImageView& image) { return this->ResizeAndCrop(image); });
    });

  const int height = resized.front().Height;
  const int width = resized.front().Width;
  at::Tensor pixels = at::empty(
    { static_cast<std::int64_t>(images.size()), this->Channels, height, width }, at::kFloat);
  auto* target = pixels.data_ptr<float>();
  for (const Image& image : resized)
  {
    if (image.Height != height || image.Width != width)
    {
      throw DataError("Images come to the encoder in different sizes (" + SizeText(width, height) +
        " and " + SizeText(image.Width, image.Height) +
        "); give it images of one size, or an encoder that resizes.");
    }
    for (int channel = 0; channel < this->Channels; ++channel)
    {
      const double mean = this->Mean[channel];
      const double deviation = this->Deviation[channel];
      for (std::size_t i = channel; i < image.Pixels.size(); i += this->Channels)
      {
        *target++ = static_cast<float>((image.Pixels[i] * this->RescaleFactor - mean) / deviation);
      }
    }
  }
  return pixels;
}
}
