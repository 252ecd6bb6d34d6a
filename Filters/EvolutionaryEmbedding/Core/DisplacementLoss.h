// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/Layout.h"
#include "Filters/EvolutionaryEmbedding/Core/Points.h"

namespace tdl
{
/** The mean of (d(y_e) - delta_e)^2: how far the points are from their iterations' displacement. */
class DisplacementLoss
{
public:
  /** @param targets [N] Displacement delta_e that each point should have. */
  DisplacementLoss(Layout layout, Eigen::ArrayXd targets, int threads = 1);

  /** Returns the loss and sets each element's part [N]; the parts' mean is the loss. */
  double Evaluate(const Points& points, Eigen::ArrayXd& parts) const;

  /** Adds the gradient of the loss times `weight`. */
  void AddGradient(const Points& points, double weight, Points& gradient) const;

  /** Adds bounds of the second derivatives along and across the displacement, times `weight`. */
  void AddCurvature(const Points& points, double weight, Points& curvature) const;

private:
  Layout Kind;
  Eigen::ArrayXd Targets;
  int Threads;
};
}
