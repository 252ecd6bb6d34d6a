// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/FeatureEncoder/Core/Preprocessor.h"

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace tdl
{
/** (N, 1, H, W) uint8 -> what the classifier takes, channels last. */
inline at::Tensor ClassifierInput(const Preprocessor& preprocessor, const at::Tensor& images)
{
  const at::Tensor contiguous = images.contiguous();
  const auto height = static_cast<int>(images.size(2));
  const auto width = static_cast<int>(images.size(3));
  std::vector<ImageView> views;
  for (std::int64_t i = 0; i < images.size(0); ++i)
  {
    views.push_back(
      { contiguous.data_ptr<std::uint8_t>() + i * height * width, width, width, height, 1 });
  }
  return preprocessor.Apply(views).contiguous(at::MemoryFormat::ChannelsLast);
}
}
