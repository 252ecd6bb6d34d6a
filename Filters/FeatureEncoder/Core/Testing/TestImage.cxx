// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/FeatureEncoder/Core/Image.h"
#include "Filters/FeatureEncoder/Core/Testing/GoldenFile.h"

#include <gtest/gtest.h>

#include <cstdio>

namespace
{
TEST(Image, ResizesToTheBitAsPillow)
{
  const tdl::GoldenFile golden("resize.safetensors");
  const tdl::Image image = golden.Image("image");
  int compared = 0;
  for (const auto& item : golden.Entries())
  {
    int filter = 0;
    int width = 0;
    int height = 0;
    if (std::sscanf(item.first.c_str(), "%d %dx%d", &filter, &width, &height) == 3)
    {
      const tdl::Image resized =
        tdl::Resize(image.View(), width, height, static_cast<tdl::ResizeFilter>(filter));
      EXPECT_EQ(resized.Pixels, golden.Image(item.first).Pixels) << item.first;
      ++compared;
    }
  }
  EXPECT_EQ(compared, 6 * 4);
}

TEST(Image, ReadsRowsFromTheBottom)
{
  const tdl::GoldenFile golden("resize.safetensors");
  const tdl::Image image = golden.Image("image");
  const std::ptrdiff_t stride = image.View().RowStride;
  std::vector<std::uint8_t> flipped;
  for (int y = image.Height - 1; y >= 0; --y)
  {
    flipped.insert(flipped.end(), image.View().Pixel(0, y), image.View().Pixel(0, y) + stride);
  }
  const tdl::ImageView view{ flipped.data() + (image.Height - 1) * stride, -stride, image.Width,
    image.Height, 3 };
  EXPECT_EQ(
    tdl::Resize(view, 9, 7, tdl::ResizeFilter::Bicubic).Pixels, golden.Image("3 9x7").Pixels);
}

TEST(Image, BecomesGrayAsInPillow)
{
  const tdl::GoldenFile golden("resize.safetensors");
  EXPECT_EQ(
    tdl::ConvertChannels(golden.Image("image").View(), 1).Pixels, golden.Image("gray").Pixels);
}

TEST(Image, RepeatsGray)
{
  const tdl::Image gray{ 2, 1, 1, { 7, 9 } };
  EXPECT_EQ(
    tdl::ConvertChannels(gray.View(), 3).Pixels, (std::vector<std::uint8_t>{ 7, 7, 7, 9, 9, 9 }));
}
}
