// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Divergence/Core/MergeTree.h"
#include "Filters/EvolutionaryEmbedding/Core/Layout.h"
#include "Filters/EvolutionaryEmbedding/Core/Points.h"

#include <vector>

namespace tdl
{
/** An embedding that a merge tree is drawn over. Arrays [N]. */
struct LabeledEmbedding
{
  tdl::Layout Layout = tdl::Layout::Radial;
  /** N x 2. */
  Points Position;
  std::vector<int> Iteration;
  /** Rank of the label, or -1 of an element that is not compared. */
  std::vector<int> Label;
  /** [K] Displacement of iteration k; every element's iteration is below K. */
  std::vector<double> RingDisplacement;
};

/** The line of a branch of a merge tree. */
struct BranchLine
{
  /** Index of the branch in the tree. */
  int Node = 0;
  /** n x 2, n >= 2; the first is the last of the branch that it parts from. */
  Points Position;
  /** [n] Ascending. */
  std::vector<int> Iteration;
};

/**
 * Draws each branch through the mean of its elements at each iteration, from the one at which it
 * parts from its parent to the last before it parts itself. Rectilinear: the mean y, in the
 * iteration's column. Radial: the mean direction, on the iteration's ring; where directions
 * scatter around the center and have no mean to speak of (resultant below 0.5), inside of it.
 * A branch that parts where it begins has no line.
 */
std::vector<BranchLine> TraceBranches(const MergeTree& tree, const LabeledEmbedding& embedding);
}
