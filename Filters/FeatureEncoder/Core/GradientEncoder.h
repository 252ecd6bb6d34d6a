// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/FeatureEncoder/Core/Encoder.h"

namespace tdl
{
/**
 * A baseline without a network that sees shapes rather than intensities: histograms of oriented
 * gradients (Dalal, Triggs, "Histograms of Oriented Gradients for Human Detection", 2005) at
 * several scales.
 *
 * The gray image is brought to 64 x 64, 32 x 32 and 16 x 16 pixels. At each scale, cells of 8 x 8
 * pixels count 9 orientations, in 0 to 180 degrees, by the gradient's magnitude; blocks of 2 x 2
 * cells, one at every cell, are normalized (L2, clipped at 0.2, L2 again).
 */
class GradientEncoder : public Encoder
{
public:
  int Dimension() const override;
  void Encode(const EncoderBatch& batch) const override;
  nlohmann::json Provenance() const override;
};
}
