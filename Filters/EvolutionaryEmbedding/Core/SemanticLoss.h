// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/Affinities.h"
#include "Filters/EvolutionaryEmbedding/Core/Points.h"

#include <vector>

namespace tdl
{
/**
 * t-SNE's KL(P || Q) with Student-t Q, averaged over the ranges; a range's Q is taken of its points
 * times its scale. Exact: every pair of a range repels.
 */
class SemanticLoss
{
public:
  /**
   * @param affinities P, whose entries lie within the ranges.
   * @param ranges Disjoint ranges that cover all points, ascending.
   * @param scales One per range: t-SNE units per unit of the layout.
   */
  SemanticLoss(
    Affinities affinities, std::vector<Range> ranges, std::vector<double> scales, int threads);

  /** Returns the loss, >= 0, and sets each element's part [N]; the parts' mean is the loss. */
  double Evaluate(const Points& points, Eigen::ArrayXd& parts) const;

  /** Adds the loss's gradient, with P times `exaggeration` (t-SNE's early exaggeration). */
  void AddGradient(const Points& points, double exaggeration, Points& gradient) const;

private:
  Points Scaled(const Points& points) const;
  /** Q's normalization of each range, from each point's sum of similarities to the others. */
  std::vector<double> Normalizations(const Eigen::ArrayXd& similarities) const;

  Affinities P;
  std::vector<Range> Ranges;
  std::vector<double> Scales;
  int Threads = 1;
  /** [N] Range of each point. */
  std::vector<int> RangeOf;
};
}
