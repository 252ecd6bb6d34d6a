// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/FeatureEncoder/Core/Encoder.h"

namespace tdl
{
/**
 * The baseline without a network: intensities in [0, 1] of the image, averaged down where it has
 * more than MaximumDimension values.
 */
class PixelEncoder : public Encoder
{
public:
  static constexpr int MaximumDimension = 1024;

  /** @param example an image of the size and channels that all shall be brought to. */
  explicit PixelEncoder(const ImageView& example);

  int Dimension() const override { return this->Width * this->Height * this->Channels; }
  void Encode(const EncoderBatch& batch) const override;
  nlohmann::json Provenance() const override;

private:
  int Width;
  int Height;
  int Channels;
};
}
