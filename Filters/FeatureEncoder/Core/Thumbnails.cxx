// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/FeatureEncoder/Core/Thumbnails.h"

#include "Filters/Foundation/ForEach.h"

#include <algorithm>
#include <cmath>

namespace tdl
{
Thumbnails MakeThumbnails(const std::vector<ImageView>& images, int longestSide, int threads)
{
  const ImageView& first = images.front();
  const double scale =
    std::min(1.0, static_cast<double>(longestSide) / std::max(first.Width, first.Height));
  const auto scaled = [scale](int length)
  { return std::max(1, static_cast<int>(std::lround(length * scale))); };
  Thumbnails thumbnails{ scaled(first.Width), scaled(first.Height), first.Channels, {} };
  const std::size_t size =
    static_cast<std::size_t>(thumbnails.Width) * thumbnails.Height * thumbnails.Channels;
  thumbnails.Pixels.resize(images.size() * size);
  ForEach(static_cast<int>(images.size()), threads,
    [&](int i)
    {
      const Image small = Resize(ConvertChannels(images[i], thumbnails.Channels).View(),
        thumbnails.Width, thumbnails.Height, ResizeFilter::Box);
      std::copy(small.Pixels.begin(), small.Pixels.end(), thumbnails.Pixels.begin() + i * size);
    });
  return thumbnails;
}
}
