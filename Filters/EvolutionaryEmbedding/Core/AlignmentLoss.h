// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/Layout.h"
#include "Filters/EvolutionaryEmbedding/Core/Points.h"

#include <vector>

namespace tdl
{
/**
 * How straight the instances' trajectories run, 1/N times the sum over consecutive captured
 * iterations of an instance. Rectilinear: the squared difference in y. Radial: 2 r r' (1 -
 * cos(angle between)), the squared arc between the rays, smooth across the seam at +-pi.
 */
class AlignmentLoss
{
public:
  /** @param next [N] Position of the next iteration of the same instance, or -1. */
  AlignmentLoss(Layout layout, std::vector<int> next, int threads = 1);

  /** Returns the loss, sets each element's part [N] (half of each pair's); their mean is it. */
  double Evaluate(const Points& points, Eigen::ArrayXd& parts) const;

  /** Adds the gradient of the loss times `weight`. */
  void AddGradient(const Points& points, double weight, Points& gradient) const;

  /** Adds bounds of the second derivatives along and across the displacement, times `weight`. */
  void AddCurvature(const Points& points, double weight, Points& curvature) const;

private:
  Layout Kind;
  /** [N] Position of the same instance's next and previous iteration, or -1. */
  std::vector<int> Next, Previous;
  int Threads;
};
}
