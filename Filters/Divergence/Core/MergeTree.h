// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Foundation/Monitor.h"

#include <Eigen/Core>

#include <vector>

namespace tdl
{
/** A branch: a label, or labels that are one until they part. */
struct MergeNode
{
  /** The branches that it parts into; -1 of a leaf. Left has the smallest label of the two. */
  int Left = -1;
  int Right = -1;
  /** The branch that it parts from; -1 of the root. */
  int Parent = -1;
  /**
   * Iteration at which it parts: the mean of the separations of the labels on the left from those
   * on the right. That of a leaf is the number of iterations. Never less than the parent's.
   */
  double Height = 0.0;
  /** Bounds of the height by the bootstrap; they contain it. */
  double Low = 0.0;
  double High = 0.0;
  /** Share of the resamples whose tree has a branch of the same labels. */
  double Support = 1.0;
  /** Ranks of its labels, ascending. */
  std::vector<int> Members;
};

/** Branches of L labels: the leaves [0, L) in their order, then merges; the last is the root. */
using MergeTree = std::vector<MergeNode>;

/**
 * Merges labels that part late first, by average linkage; of separations that are equal, those of
 * lower separability.
 * @param separations L x L, symmetric: iteration at which two labels part; L >= 1.
 * @param separabilities L x L, symmetric: mean separability.
 * @param end Height of the leaves; not below any separation.
 */
MergeTree BuildMergeTree(
  const Eigen::MatrixXd& separations, const Eigen::MatrixXd& separabilities, double end);

/** Column of the pair of labels a and b, a < b, where pairs are ordered by a, then by b. */
inline int PairIndex(int a, int b, int labels)
{
  return a * (2 * labels - a - 1) / 2 + b - a - 1;
}

/** The symmetric L x L matrix of values that are given per pair [L (L - 1) / 2]; 0 in the diagonal.
 */
Eigen::MatrixXd PairMatrix(const Eigen::Ref<const Eigen::VectorXd>& values, int labels);

/**
 * Sets the bounds and the support of a tree's merges.
 * @param resamples L (L - 1) / 2 x R: separations of the pairs in R >= 1 resamples.
 * @param separabilities As the tree was built with.
 * @param confidence Share of the resamples within the bounds, in (0, 1).
 * @return Whether the monitor let it go on to the end; otherwise the tree is as it was.
 */
bool SetConfidence(MergeTree& tree, const Eigen::MatrixXi& resamples,
  const Eigen::MatrixXd& separabilities, double confidence, const Monitor& monitor = {});

/** Lower and upper bound of an estimate. */
struct Bounds
{
  double Low = 0.0;
  double High = 0.0;
};

/** The middle `confidence` of the values [>= 1], widened to contain the estimate. */
Bounds PercentileBounds(std::vector<double> values, double confidence, double estimate);
}
