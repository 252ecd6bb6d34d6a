// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/FeatureEncoder/Core/Image.h"
#include "Filters/Networks/SafetensorsFile.h"

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace tdl
{
/** A file of Testing/Data/FeatureEncoder. */
class GoldenFile : public SafetensorsFile
{
public:
  explicit GoldenFile(const std::string& name)
    : SafetensorsFile(TDL_TEST_DATA "/FeatureEncoder/" + name)
  {
  }

  /** An image (height, width) or (height, width, channels). */
  tdl::Image Image(const std::string& name) const
  {
    const at::Tensor pixels = this->Get(name);
    const auto* values = pixels.data_ptr<std::uint8_t>();
    return { static_cast<int>(pixels.size(1)), static_cast<int>(pixels.size(0)),
      pixels.dim() == 3 ? static_cast<int>(pixels.size(2)) : 1,
      { values, values + pixels.numel() } };
  }

  std::vector<float> Floats(const std::string& name) const
  {
    const at::Tensor values = this->Get(name);
    return { values.data_ptr<float>(), values.data_ptr<float>() + values.numel() };
  }
};
}
