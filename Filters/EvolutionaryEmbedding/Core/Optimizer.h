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
  Optimizer(Layout layout, Eigen::Index count);

  /**
   * Moves the points one step down the gradient.
   * @param along, across [N] Length of the step per unit of the gradient's two components.
   */
  void Step(Points& points, const Points& gradient, const Eigen::ArrayXd& along,
    const Eigen::ArrayXd& across, double momentum);

private:
  Layout Kind;
  Points Velocity;
  /** N x 2: along, across. */
  Points Gains;
};
}
