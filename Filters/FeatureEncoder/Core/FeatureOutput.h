// SPDX-License-Identifier: BSD-3-Clause
#pragma once

namespace tdl
{
/** Which of a network's results are the features. A patch of a convolutional network is a pixel. */
enum class FeatureOutput
{
  Pooled,        ///< What the network itself gives for the whole image, see its class.
  ClassScores,   ///< The classification head's scores before softmax.
  ClassToken,    ///< The last layer's class token.
  MeanOfPatches, ///< The last layer's patches, averaged.
  HiddenLayer,   ///< A layer's patches, averaged.
  GramMatrix     ///< How a layer's channels go together, see GramFeatures.
};
}
