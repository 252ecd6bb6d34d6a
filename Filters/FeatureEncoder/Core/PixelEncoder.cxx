// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/FeatureEncoder/Core/PixelEncoder.h"

#include <algorithm>
#include <cmath>

namespace tdl
{
PixelEncoder::PixelEncoder(const ImageView& example)
  : Channels(example.Channels)
{
  const double values = static_cast<double>(example.Width) * example.Height * example.Channels;
  const double scale = std::min(1.0, std::sqrt(MaximumDimension / values));
  const auto limit = [scale](int length) { return std::max(1, static_cast<int>(length * scale)); };
  this->Width = limit(example.Width);
  this->Height = limit(example.Height);
}

void PixelEncoder::Encode(const EncoderBatch& batch) const
{
  float* features = batch.Features;
  for (const ImageView& image : batch.Images)
  {
    const Image small = Resize(
      ConvertChannels(image, this->Channels).View(), this->Width, this->Height, ResizeFilter::Box);
    features = std::transform(small.Pixels.begin(), small.Pixels.end(), features,
      [](std::uint8_t value) { return static_cast<float>(value) / 255.0F; });
  }
}

nlohmann::json PixelEncoder::Provenance() const
{
  return { { "width", this->Width }, { "height", this->Height }, { "channels", this->Channels } };
}
}
