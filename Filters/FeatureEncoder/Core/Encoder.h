// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/FeatureEncoder/Core/Image.h"

#include <nlohmann/json.hpp>

#include <vector>

namespace tdl
{
/** Turns an image into a vector of features. Several threads may use one encoder at once. */
class Encoder
{
public:
  virtual ~Encoder() = default;

  /** D, the number of features. */
  virtual int Dimension() const = 0;

  /**
   * @param images what to encode, gray or RGB.
   * @param features where D values for each image go.
   * @throws DataError when an image does not suit the encoder.
   */
  virtual void Encode(const std::vector<ImageView>& images, float* features) const = 0;

  /** What the features came from, for the provenance: a JSON object. */
  virtual nlohmann::json Provenance() const = 0;
};
}
