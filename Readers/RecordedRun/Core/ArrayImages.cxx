// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/RecordedRun/Core/ArrayImages.h"

#include "Filters/Foundation/Error.h"

#include <algorithm>
#include <cmath>

namespace tdl
{
ArrayImageReader::ArrayImageReader(SharedArray array, const ArrayLayout& layout, ValueRange range,
  const std::vector<ArrayPlace>& finals)
  : Array(std::move(array))
  , Layout(layout)
{
  const auto extent = [this](int dimension)
  {
    return dimension < 0
      ? 1
      : static_cast<int>(this->Array->Shape[static_cast<std::size_t>(dimension)]);
  };
  this->Height = extent(layout.Height);
  this->Width = extent(layout.Width);
  this->Channels = extent(layout.Channel);
  std::size_t stride = 1;
  for (int i = static_cast<int>(this->Array->Shape.size()) - 1; i >= 0; --i)
  {
    std::size_t* place = i == layout.Height ? &this->RowStride
      : i == layout.Width                   ? &this->ColumnStride
      : i == layout.Channel                 ? &this->ChannelStride
                                            : nullptr;
    if (place != nullptr)
    {
      *place = stride;
      stride *= static_cast<std::size_t>(extent(i));
    }
  }

  const NumberType type = this->Array->Type;
  if (IsFloat(type) && this->Channels == 4)
  {
    throw FileError(this->Array->Describe() +
      " holds floating point numbers in 4 channels, which are latents rather than images; decode "
      "them first.");
  }
  if (type == NumberType::Bool)
  {
    range = ValueRange::UnitInterval;
  }
  else if (!IsFloat(type))
  {
    range = ValueRange::Bytes;
  }
  if (range == ValueRange::Automatic)
  {
    float least = 0;
    float most = 0;
    for (const ArrayPlace& place : finals)
    {
      const std::vector<std::byte> numbers = this->ReadNumbers(place);
      std::vector<float> values(numbers.size() / ByteSize(type));
      ToFloats(type, numbers.data(), values.size(), values.data());
      least = std::min(least, *std::min_element(values.begin(), values.end()));
      most = std::max(most, *std::max_element(values.begin(), values.end()));
    }
    range = least < -0.05F ? ValueRange::MinusOneToOne
      : most > 2           ? ValueRange::Bytes
                           : ValueRange::UnitInterval;
  }
  this->Black = range == ValueRange::MinusOneToOne ? -1.0 : 0.0;
  this->White = range == ValueRange::Bytes ? 255.0 : 1.0;
}

ImageSize ArrayImageReader::Size() const
{
  return { this->Width, this->Height, this->Channels == 1 ? 1 : 3 };
}

std::vector<std::byte> ArrayImageReader::ReadNumbers(const ArrayPlace& place) const
{
  std::vector<ArrayRange> box;
  for (int i = 0; i < static_cast<int>(this->Array->Shape.size()); ++i)
  {
    const std::uint64_t extent = this->Array->Shape[static_cast<std::size_t>(i)];
    box.push_back(i == this->Layout.Element ? ArrayRange{ place.Element, 1 }
        : i == this->Layout.Instance        ? ArrayRange{ place.Instance, 1 }
        : i == this->Layout.Iteration       ? ArrayRange{ place.Iteration, 1 }
                                            : ArrayRange{ 0, extent });
  }
  std::vector<std::byte> numbers(static_cast<std::size_t>(this->Width) * this->Height *
    this->Channels * ByteSize(this->Array->Type));
  this->Array->Read(box, numbers.data());
  return numbers;
}

void ArrayImageReader::Read(const ArrayPlace& place, std::uint8_t* pixels) const
{
  const std::vector<std::byte> numbers = this->ReadNumbers(place);
  const std::size_t count = numbers.size() / ByteSize(this->Array->Type);
  std::vector<std::uint8_t> converted;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(numbers.data());
  if (this->Array->Type != NumberType::UInt8)
  {
    std::vector<float> values(count);
    ToFloats(this->Array->Type, numbers.data(), count, values.data());
    converted.resize(count);
    const double scale = 255.0 / (this->White - this->Black);
    for (std::size_t i = 0; i < count; ++i)
    {
      if (std::isnan(values[i]))
      {
        throw FileError(this->Array->Describe() +
          " holds NaN in an image; list the elements that are there in the manifest.");
      }
      converted[i] = static_cast<std::uint8_t>(
        std::lround(std::clamp((values[i] - this->Black) * scale, 0.0, 255.0)));
    }
    bytes = converted.data();
  }
  std::vector<std::uint8_t> row(this->Channels == 4 ? 4ul * this->Width : 0);
  for (int y = this->Height - 1; y >= 0; --y)
  {
    const std::uint8_t* line = bytes + static_cast<std::size_t>(y) * this->RowStride;
    std::uint8_t* target = row.empty() ? pixels : row.data();
    for (int x = 0; x < this->Width; ++x, line += this->ColumnStride)
    {
      for (int c = 0; c < this->Channels; ++c)
      {
        *target++ = line[static_cast<std::size_t>(c) * this->ChannelStride];
      }
    }
    if (!row.empty())
    {
      LayOverWhite(row.data(), static_cast<std::size_t>(this->Width), pixels);
    }
    pixels += static_cast<std::size_t>(this->Width) * (this->Channels == 1 ? 1 : 3);
  }
}

ImageSize LimitSize(ImageSize size, int side)
{
  const int longer = std::max(size.Width, size.Height);
  if (side > 0 && longer > side)
  {
    const auto scaled = [&](int extent) {
      return std::max(
        1, static_cast<int>(std::lround(static_cast<double>(extent) * side / longer)));
    };
    size.Width = scaled(size.Width);
    size.Height = scaled(size.Height);
  }
  return size;
}

void ShrinkImage(
  const ImageSize& size, const std::uint8_t* from, const ImageSize& smaller, std::uint8_t* to)
{
  const auto components = static_cast<std::size_t>(size.Components);
  // One direction after the other; a pixel of the result covers `step` of the source.
  std::vector<float> rows(static_cast<std::size_t>(smaller.Width) * size.Height * components);
  const auto shrink = [](const auto* line, int count, std::size_t stride, auto emit, int target)
  {
    const double step = static_cast<double>(count) / target;
    for (int i = 0; i < target; ++i)
    {
      const double begin = i * step;
      const double end = std::min(static_cast<double>(count), begin + step);
      double sum = 0.0;
      for (int j = static_cast<int>(begin); j < end; ++j)
      {
        const double share = std::min(end, j + 1.0) - std::max(begin, static_cast<double>(j));
        sum += share * line[static_cast<std::size_t>(j) * stride];
      }
      emit(i, sum / (end - begin));
    }
  };
  for (int y = 0; y < size.Height; ++y)
  {
    for (std::size_t c = 0; c < components; ++c)
    {
      float* row = rows.data() + static_cast<std::size_t>(y) * smaller.Width * components + c;
      shrink(
        from + static_cast<std::size_t>(y) * size.Width * components + c, size.Width, components,
        [&](int i, double value)
        { row[static_cast<std::size_t>(i) * components] = static_cast<float>(value); },
        smaller.Width);
    }
  }
  const std::size_t stride = static_cast<std::size_t>(smaller.Width) * components;
  for (std::size_t x = 0; x < stride; ++x)
  {
    shrink(
      rows.data() + x, size.Height, stride,
      [&](int i, double value) {
        to[static_cast<std::size_t>(i) * stride + x] =
          static_cast<std::uint8_t>(std::lround(value));
      },
      smaller.Height);
  }
}
}
