// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/Layout.h"
#include "Filters/EvolutionaryEmbedding/Core/Points.h"

namespace tdl
{
/**
 * Gradient descent with momentum and the gains of t-SNE (Jacobs 1988), in the layout's own frame:
 * along the displacement and across it, because the two directions have very different curvature.
 */
class Optimizer
{
public:
  /** @param longestStep No point moves farther at once. */
  Optimizer(Layout layout, Eigen::Index count, double longestStep, int threads);

  /**
   * Moves the points one step down the gradient.
   * @param curvature N x 2, > 0: second derivatives along and across the displacement. A step is
   * the gradient's component over it.
   * @return Whether the gradient was finite; else points have gone astray.
   */
  bool Step(Points& points, const Points& gradient, const Points& curvature, double momentum);

private:
  Layout Kind;
  double LongestStep;
  int Threads;
  Points Velocity;
  /** N x 2: along, across. */
  Eigen::Array<float, Eigen::Dynamic, 2> Gains;
};
}
