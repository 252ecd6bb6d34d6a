// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Foundation/Monitor.h"

#include <Eigen/Core>

#include <cstdint>
#include <vector>

namespace tdl
{
/**
 * Resamples of the sources of noise ("units": seeds, or instances where those share none).
 * Resample 0 has every unit once; the others are bootstrap samples, each with at least two
 * different units of a stratum that has as many.
 * @param strata [U] Units are drawn for those of the same stratum; any integers.
 * @return 1 + count vectors [U]: how often a unit occurs.
 */
std::vector<std::vector<int>> Resample(
  const std::vector<int>& strata, int count, std::uint64_t seed);

/** The elements of an iteration that are compared. Arrays [n] are ordered by label. */
struct ComparedRing
{
  /** n x D, finite. */
  Eigen::MatrixXd Features;
  /** [n] Rank of the label, ascending, in [0, Labels). */
  std::vector<int> Label;
  /** [n] Unit, an index into the resamples' vectors. */
  std::vector<int> Unit;
  int Labels = 0;
};

/** Which pairs of labels are still compared: pairs x (1 + count), a column per resample. */
using ActivePairs = Eigen::Array<bool, Eigen::Dynamic, Eigen::Dynamic>;

/** What the neighborhoods of a ring tell. */
struct RingScores
{
  /** Pairs x (1 + count): separability; NaN where inactive or not defined. */
  Eigen::ArrayXXd Separability;
  /** [n] Label of most of the element's neighbors; -1 where several are equally many and near. */
  std::vector<int> Neighborhood;
  /** Whether the monitor stopped it; what else is here is not complete then. */
  bool Stopped = false;
};

/**
 * Scores a ring as MeasureDivergence documents it.
 * @param monitor Is told fractions of this ring.
 */
RingScores ScoreRing(const ComparedRing& ring, const std::vector<std::vector<int>>& resamples,
  const ActivePairs& active, int neighbors, int threads, const Monitor& monitor);
}
