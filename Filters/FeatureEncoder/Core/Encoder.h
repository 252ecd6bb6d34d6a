// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/FeatureEncoder/Core/Image.h"

#include <nlohmann/json.hpp>

#include <vector>

namespace tdl
{
/** Images that are encoded together, gray or RGB, and where their results go. */
struct EncoderBatch
{
  std::vector<ImageView> Images;
  const float* const* Activations = nullptr; ///< Those of each image; used where these count.
  float* Features = nullptr;                 ///< Dimension() values per image.
  const int* Prompts = nullptr;  ///< The number of each image's prompt; used where these count.
  float* Similarities = nullptr; ///< A value per image, where prompts count.
};

/** Turns an image into a vector of features. Several threads may use one encoder at once. */
class Encoder
{
public:
  virtual ~Encoder() = default;

  /** D, the number of features. */
  virtual int Dimension() const = 0;

  /** Whether it also tells how similar an image is to its prompt. */
  virtual bool ComparesPrompts() const { return false; }

  /** @throws DataError when an image does not suit the encoder. */
  virtual void Encode(const EncoderBatch& batch) const = 0;

  /** What the features came from, for the provenance: a JSON object. */
  virtual nlohmann::json Provenance() const = 0;
};
}
