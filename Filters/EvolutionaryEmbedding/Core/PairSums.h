// SPDX-License-Identifier: BSD-3-Clause
#pragma once

namespace tdl
{
/** Sums over points of their similarity 1 / (1 + d^2) to a place, and of the force it repels with.
 */
struct PairSums
{
  double Similarity = 0.0;
  /** Similarity squared times the offset from the points to the place. */
  double X = 0.0;
  double Y = 0.0;
};

/** Sums over the points [begin, end) of coordinates x and y; one at the place itself counts 1. */
void SumPairs(
  double atX, double atY, const double* x, const double* y, int begin, int end, PairSums& sums);
}
