// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/Affinities.h"
#include "Filters/EvolutionaryEmbedding/Core/GridRepulsion.h"
#include "Filters/EvolutionaryEmbedding/Core/Points.h"

#include <memory>
#include <vector>

namespace tdl
{
/**
 * t-SNE's KL(P || Q) with Student-t Q, averaged over the ranges; a range's Q is taken of its points
 * times its scale. In a small range every pair repels, in double precision; in a large one, whose
 * pairs would take longer than a grid, repulsion is that of GridRepulsion, with its tolerance, and
 * attraction is summed in single precision. Points are in the order of P's places.
 */
class SemanticLoss
{
public:
  /**
   * Ranges of more elements than this repel by a grid, where that is faster than all pairs: it
   * depends on how far the points are spread. Measured on a core with 512-bit vectors.
   */
  static constexpr int LargestExact = 800;

  /**
   * @param affinities P, whose entries lie within the ranges.
   * @param ranges Disjoint ranges that cover all points, ascending.
   * @param scales One per range: t-SNE units per unit of the layout.
   */
  SemanticLoss(
    Affinities affinities, std::vector<Range> ranges, std::vector<double> scales, int threads);
  ~SemanticLoss();

  /** Other scales, and another number of threads, for the same P. */
  void SetScales(std::vector<double> scales, int threads);

  /**
   * Takes points over and makes them repel each other, which the loss and its gradient have in
   * common: both are of the points set last, since the scales were.
   * @throws ResourceError as GridRepulsion.
   */
  void SetPoints(const Points& points);

  /** Returns the loss, >= 0, and sets each element's part [N]; the parts' mean is the loss. */
  double Evaluate(Eigen::ArrayXd& parts) const;

  /** Sets the loss's gradient, with P times `exaggeration` (t-SNE's early exaggeration). */
  void SetGradient(double exaggeration, Points& gradient) const;

  /** Sets each point's curvature [N x 2], both of its values, to its range's. */
  void SetCurvature(const std::vector<double>& ofRanges, Points& curvature) const;

private:
  /** Sets the gradient of a range whose points were made to repel. */
  template <typename Matrix>
  void AttractInRange(
    int range, const Matrix& scaled, double exaggeration, int threads, Points& gradient) const;
  /** Q's normalization of a range, from its points' sums of similarities to the others. */
  double Normalization(const Range& range) const;

  Affinities P;
  std::vector<Range> Ranges;
  std::vector<double> Scales;
  int Threads = 1;
  /** Pairs in the small ranges. */
  double SmallPairs = 0.0;
  /** Threads that the work of the small ranges is worth. */
  int SmallThreads = 1;
  /** [N] Range of each point. */
  std::vector<int> RangeOf;
  /** One per range; null where it is small. */
  std::vector<std::unique_ptr<GridRepulsion>> Grids;
  /** Ranges whose points repel by their grid this time. */
  std::vector<char> IsOnGrid;
  int NumberOfGrids = 0;

  // Of the points set last.
  Points Scaled;
  Eigen::Array<float, Eigen::Dynamic, 2> Single;
  Eigen::ArrayXd Similarities;
  Points Repulsion;
};
}
