// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/FeatureEncoder/Core/GradientEncoder.h"

#include "Filters/Foundation/Pi.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

namespace tdl
{
namespace
{
constexpr std::array<int, 3> Scales{ 64, 32, 16 }; ///< Width and height in pixels.
constexpr int CellPixels = 8;
constexpr int Orientations = 9;
constexpr int BlockCells = 2;
constexpr int BlockValues = BlockCells * BlockCells * Orientations;

int BlocksPerSide(int size)
{
  return size / CellPixels - BlockCells + 1;
}

/** Sums of gradient magnitudes by orientation, cell by cell, row by row. */
std::vector<double> CellHistograms(const Image& image)
{
  const int size = image.Width;
  const int cells = size / CellPixels;
  std::vector<double> histograms(static_cast<std::size_t>(cells) * cells * Orientations, 0.0);
  const auto pixel = [&image, size](int x, int y)
  { return static_cast<double>(image.Pixels[static_cast<std::size_t>(y) * size + x]); };
  for (int y = 0; y < size; ++y)
  {
    for (int x = 0; x < size; ++x)
    {
      // There is no gradient across the border.
      const double dx = x > 0 && x < size - 1 ? pixel(x + 1, y) - pixel(x - 1, y) : 0.0;
      const double dy = y > 0 && y < size - 1 ? pixel(x, y + 1) - pixel(x, y - 1) : 0.0;
      const double angle = std::atan2(dy, dx) / Pi;
      const double unsigned01 = angle < 0.0 ? angle + 1.0 : angle;
      // 180 degrees are 0 degrees.
      const int bin = static_cast<int>(unsigned01 * Orientations) % Orientations;
      const int cell = y / CellPixels * cells + x / CellPixels;
      histograms[static_cast<std::size_t>(cell) * Orientations + bin] += std::hypot(dx, dy);
    }
  }
  return histograms;
}

void Normalize(std::array<double, BlockValues>& block)
{
  // Keeps blocks without gradients at zero.
  constexpr double least = 1e-5;
  constexpr double clip = 0.2;
  const auto scale = [&block]
  {
    const double square =
      std::inner_product(block.begin(), block.end(), block.begin(), least * least);
    for (double& value : block)
    {
      value /= std::sqrt(square);
    }
  };
  scale();
  for (double& value : block)
  {
    value = std::min(value, clip);
  }
  scale();
}

float* Describe(const Image& image, float* features)
{
  const std::vector<double> histograms = CellHistograms(image);
  const int cells = image.Width / CellPixels;
  const int blocks = BlocksPerSide(image.Width);
  std::array<double, BlockValues> block{};
  for (int row = 0; row < blocks; ++row)
  {
    for (int column = 0; column < blocks; ++column)
    {
      auto target = block.begin();
      for (int y = row; y < row + BlockCells; ++y)
      {
        const std::ptrdiff_t cell = y * cells + column;
        const auto first = histograms.begin() + cell * Orientations;
        target = std::copy_n(first, BlockCells * Orientations, target);
      }
      Normalize(block);
      features = std::transform(block.begin(), block.end(), features,
        [](double value) { return static_cast<float>(value); });
    }
  }
  return features;
}
}

int GradientEncoder::Dimension() const
{
  return std::accumulate(Scales.begin(), Scales.end(), 0,
    [](int sum, int size)
    { return sum + BlocksPerSide(size) * BlocksPerSide(size) * BlockValues; });
}

void GradientEncoder::Encode(const EncoderBatch& batch) const
{
  float* features = batch.Features;
  for (const ImageView& image : batch.Images)
  {
    const Image gray = ConvertChannels(image, 1);
    for (const int size : Scales)
    {
      features = Describe(Resize(gray.View(), size, size, ResizeFilter::Bilinear), features);
    }
  }
}

nlohmann::json GradientEncoder::Provenance() const
{
  return { { "scales", Scales }, { "cell_pixels", CellPixels }, { "block_cells", BlockCells },
    { "orientations", Orientations } };
}
}
