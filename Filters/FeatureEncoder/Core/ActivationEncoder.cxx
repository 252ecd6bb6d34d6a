// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/FeatureEncoder/Core/ActivationEncoder.h"

#include <algorithm>

namespace tdl
{
void ActivationEncoder::Encode(const EncoderBatch& batch) const
{
  for (std::size_t i = 0; i < batch.Images.size(); ++i)
  {
    std::copy_n(batch.Activations[i], this->Channels, batch.Features + i * this->Channels);
  }
}
}
