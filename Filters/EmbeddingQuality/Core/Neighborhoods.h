// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/Elements.h"
#include "Filters/EvolutionaryEmbedding/Core/Points.h"
#include "Filters/Foundation/Monitor.h"

#include <vector>

namespace tdl
{
/** How well an embedding keeps the neighborhoods of n elements; arrays [n], whose means count. */
struct NeighborhoodScores
{
  /** Size of the neighborhoods; 0 where n < 3 has none to speak of, and arrays are NaN. */
  int Neighbors = 0;
  /** Share of the k nearest in feature space that are among the k nearest in the embedding. */
  Eigen::ArrayXd Recall;
  /** 1 minus the normalized ranks, in feature space, of intruders among the k nearest there. */
  Eigen::ArrayXd Trustworthiness;
  /** 1 minus the normalized ranks, in the embedding, of those missing among the k nearest. */
  Eigen::ArrayXd Continuity;
  /** Share of the k nearest in the embedding that have the element's label. */
  Eigen::ArrayXd LabelHit;
  /** Whether the monitor stopped it. All arrays are NaN then: the mean of some is not that of all.
   */
  bool Stopped = false;
};

/**
 * Trustworthiness and continuity are those of Venna & Kaski (2001). Exact, in double precision; of
 * equally near elements the one that is listed first is the nearer. Time grows with n^2 (D + k).
 * @param features N x D, finite; @param points N x 2, finite.
 * @param elements [n] Rows of features and points that are compared.
 * @param labels [N], or empty (LabelHit is NaN then).
 * @param neighbors k >= 1, lowered to (n - 1) / 2, beyond which the measures are not normalized.
 * @param monitor Hears of this computation's share, several times per second.
 */
NeighborhoodScores ScoreNeighborhoods(const Eigen::Ref<const FeatureMatrix>& features,
  const Points& points, const std::vector<int>& elements, const std::vector<int>& labels,
  int neighbors, int threads, const Monitor& monitor = {});
}
