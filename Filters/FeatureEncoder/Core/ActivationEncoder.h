// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/FeatureEncoder/Core/Encoder.h"

namespace tdl
{
/** Takes for features what the network that made the images had in its middle, as it is. */
class ActivationEncoder : public Encoder
{
public:
  /** @param channels of the activations. */
  explicit ActivationEncoder(int channels)
    : Channels(channels)
  {
  }

  int Dimension() const override { return this->Channels; }
  void Encode(const EncoderBatch& batch) const override;
  nlohmann::json Provenance() const override { return nlohmann::json::object(); }

private:
  int Channels;
};
}
