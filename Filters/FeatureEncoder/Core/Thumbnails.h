// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/FeatureEncoder/Core/Image.h"

#include <cstdint>
#include <vector>

namespace tdl
{
/** Small versions of images, all of one size. */
struct Thumbnails
{
  int Width = 0;
  int Height = 0;
  int Channels = 0;
  /** Width * Height * Channels values per image, in the order of its view's rows. */
  std::vector<std::uint8_t> Pixels;
};

/**
 * @param images at least one; the first decides proportions and channels.
 * @param longestSide of a thumbnail, positive; smaller images keep their size.
 */
Thumbnails MakeThumbnails(const std::vector<ImageView>& images, int longestSide, int threads);
}
