// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/Neighbors.h"

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
};

/**
 * Trustworthiness and continuity are those of Venna & Kaski (2001). Exact: time grows with n^2.
 * @param features n x D; @param points n x 2; @param labels [n], or empty (LabelHit is NaN then).
 * @param neighbors k >= 1, lowered to (n - 1) / 2, beyond which the measures are not normalized.
 */
NeighborhoodScores ScoreNeighborhoods(const Vectors& features, const Vectors& points,
  const std::vector<int>& labels, int neighbors, int threads);
}
