// SPDX-License-Identifier: BSD-3-Clause
#pragma once

namespace tdl
{
/** Which of a network's results are the features. */
enum class FeatureOutput
{
  Pooled,     ///< The last stage's activations, averaged over the image.
  ClassScores ///< The classification head's scores before softmax.
};
}
