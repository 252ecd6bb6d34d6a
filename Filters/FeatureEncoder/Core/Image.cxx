// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/FeatureEncoder/Core/Image.h"

#include "Filters/Foundation/Pi.h"

#include <algorithm>
#include <cmath>

namespace tdl
{
namespace
{
/** Weights are fixed-point numbers: 8 bits are left for the pixel and 2 for overshoot. */
constexpr int WeightBits = 32 - 8 - 2;

double Sinc(double x)
{
  return x == 0.0 ? 1.0 : std::sin(Pi * x) / (Pi * x);
}

/** Half of the filter's extent in source pixels, when enlarging. */
double Support(ResizeFilter filter)
{
  switch (filter)
  {
    case ResizeFilter::Lanczos:
      return 3.0;
    case ResizeFilter::Bicubic:
      return 2.0;
    case ResizeFilter::Box:
      return 0.5;
    default:
      return 1.0;
  }
}

double Weight(ResizeFilter filter, double x)
{
  const double distance = std::abs(x);
  switch (filter)
  {
    case ResizeFilter::Lanczos:
      return distance < 3.0 ? Sinc(x) * Sinc(x / 3.0) : 0.0;
    case ResizeFilter::Bicubic:
    {
      constexpr double slope = -0.5; // at distance 1
      if (distance < 1.0)
      {
        return ((slope + 2.0) * distance - (slope + 3.0)) * distance * distance + 1.0;
      }
      return distance < 2.0 ? (((distance - 5.0) * distance + 8.0) * distance - 4.0) * slope : 0.0;
    }
    case ResizeFilter::Box:
      return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
    case ResizeFilter::Hamming:
      return distance < 1.0 ? Sinc(x) * (0.54 + 0.46 * std::cos(Pi * x)) : 0.0;
    default:
      return distance < 1.0 ? 1.0 - distance : 0.0;
  }
}

/** The source pixels that make one pixel of the result, along one axis. */
struct Window
{
  int Begin;
  std::vector<std::int32_t> Weights;
};

std::vector<Window> Windows(int from, int to, ResizeFilter filter)
{
  const double scale = static_cast<double>(from) / to;
  const double reduction = std::max(scale, 1.0);
  const double support = Support(filter) * reduction;
  std::vector<Window> windows(to);
  std::vector<double> weights;
  for (int i = 0; i < to; ++i)
  {
    const double center = (i + 0.5) * scale;
    const int begin = std::max(static_cast<int>(std::lround(center - support)), 0);
    const int end = std::min(static_cast<int>(std::lround(center + support)), from);
    weights.clear();
    double sum = 0.0;
    for (int j = begin; j < end; ++j)
    {
      weights.push_back(Weight(filter, (j - center + 0.5) * (1.0 / reduction)));
      sum += weights.back();
    }
    windows[i].Begin = begin;
    for (const double weight : weights)
    {
      windows[i].Weights.push_back(
        static_cast<std::int32_t>(std::lround(weight / sum * (1 << WeightBits))));
    }
  }
  return windows;
}

/** Weighted sum of pixels that stand `stride` bytes apart. */
std::uint8_t Filter(const std::uint8_t* pixels, std::ptrdiff_t stride, const Window& window)
{
  std::int32_t sum = 1 << (WeightBits - 1); // rounds
  for (const std::int32_t weight : window.Weights)
  {
    sum += *pixels * weight;
    pixels += stride;
  }
  return static_cast<std::uint8_t>(std::clamp(sum >> WeightBits, 0, 255));
}

Image Blank(int width, int height, int channels)
{
  return { width, height, channels,
    std::vector<std::uint8_t>(static_cast<std::size_t>(width) * height * channels) };
}

Image Nearest(const ImageView& image, int width, int height)
{
  Image result = Blank(width, height, image.Channels);
  const double scaleX = static_cast<double>(image.Width) / width;
  const double scaleY = static_cast<double>(image.Height) / height;
  std::uint8_t* target = result.Pixels.data();
  for (int y = 0; y < height; ++y)
  {
    const int row = static_cast<int>((y + 0.5) * scaleY);
    for (int x = 0; x < width; ++x)
    {
      const int column = static_cast<int>((x + 0.5) * scaleX);
      target = std::copy_n(image.Pixel(column, row), image.Channels, target);
    }
  }
  return result;
}

Image ResizeHorizontally(const ImageView& image, int width, ResizeFilter filter)
{
  Image result = Blank(width, image.Height, image.Channels);
  const std::vector<Window> windows = Windows(image.Width, width, filter);
  std::uint8_t* target = result.Pixels.data();
  for (int y = 0; y < image.Height; ++y)
  {
    for (const Window& window : windows)
    {
      const std::uint8_t* source = image.Pixel(window.Begin, y);
      for (int channel = 0; channel < image.Channels; ++channel)
      {
        *target++ = Filter(source + channel, image.Channels, window);
      }
    }
  }
  return result;
}

Image ResizeVertically(const ImageView& image, int height, ResizeFilter filter)
{
  Image result = Blank(image.Width, height, image.Channels);
  std::uint8_t* target = result.Pixels.data();
  for (const Window& window : Windows(image.Height, height, filter))
  {
    for (int i = 0; i < image.Width * image.Channels; ++i)
    {
      *target++ = Filter(image.Pixel(0, window.Begin) + i, image.RowStride, window);
    }
  }
  return result;
}
}

Image Resize(const ImageView& image, int width, int height, ResizeFilter filter)
{
  if (filter == ResizeFilter::Nearest)
  {
    return Nearest(image, width, height);
  }
  // A pass that changes nothing is left out, as in Pillow.
  if (width == image.Width)
  {
    return height == image.Height ? ConvertChannels(image, image.Channels)
                                  : ResizeVertically(image, height, filter);
  }
  Image result = ResizeHorizontally(image, width, filter);
  return height == image.Height ? result : ResizeVertically(result.View(), height, filter);
}

Image CropCenter(const ImageView& image, int width, int height)
{
  Image result = Blank(width, height, image.Channels);
  // Where the sizes differ by an odd number, transformers rounds a cut and a border alike
  // downwards.
  const auto offset = [](int from, int to)
  { return static_cast<int>(std::floor((from - to) / 2.0)); };
  const int left = offset(image.Width, width);
  const int top = offset(image.Height, height);
  const int begin = std::max(0, -left);
  const int end = std::min(width, image.Width - left);
  for (int y = std::max(0, -top); y < std::min(height, image.Height - top); ++y)
  {
    for (int x = begin; x < end; ++x)
    {
      std::copy_n(image.Pixel(x + left, y + top), image.Channels, result.Pixel(x, y));
    }
  }
  return result;
}

Image ConvertChannels(const ImageView& image, int channels)
{
  Image result = Blank(image.Width, image.Height, channels);
  std::uint8_t* target = result.Pixels.data();
  for (int y = 0; y < image.Height; ++y)
  {
    const std::uint8_t* pixel = image.Pixel(0, y);
    if (channels == image.Channels)
    {
      target = std::copy_n(pixel, image.Width * channels, target);
      continue;
    }
    for (int x = 0; x < image.Width; ++x, pixel += image.Channels)
    {
      if (channels == 1)
      {
        *target++ = static_cast<std::uint8_t>(
          (19595 * pixel[0] + 38470 * pixel[1] + 7471 * pixel[2] + 0x8000) >> 16);
      }
      else
      {
        target = std::fill_n(target, channels, *pixel);
      }
    }
  }
  return result;
}
}
