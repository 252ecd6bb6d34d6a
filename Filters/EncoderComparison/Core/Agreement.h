// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/Neighbors.h"
#include "Filters/Foundation/Monitor.h"

#include <vector>

namespace tdl
{
/**
 * How alike encoders see n elements, for each pair of E encoders, in the order of PairIndex; NaN
 * where an encoder has the same features for all elements.
 */
struct Agreement
{
  /** [E (E - 1) / 2] Linear centered kernel alignment, in [0, 1]. */
  std::vector<double> CKA;
  /** [E (E - 1) / 2] In [0, 1]; 0 is independent, in the limit of many elements. */
  std::vector<double> DistanceCorrelation;
};

/** Whether all rows, n >= 1, are the same. */
bool IsConstant(const Vectors& rows);

/**
 * Compares encoders by the distances between their features, in double precision.
 *
 * Linear CKA is that of Kornblith, Norouzi, Lee, Hinton: "Similarity of Neural Network
 * Representations Revisited" (2019), section 3. Centered, its linear kernel is the doubly centered
 * matrix of squared distances, times -1/2. Distance correlation is the empirical one of Szekely,
 * Rizzo, Bakirov: "Measuring and testing dependence by correlation of distances" (2007), a square
 * root taken. So both come from correlations of doubly centered matrices, which are summed up
 * without being stored.
 *
 * Time grows with n^2 times the sum of the dimensions. The same bits at any number of threads.
 * @param encodings [E] n x D features of the same elements, n >= 1, finite.
 */
Agreement MeasureAgreement(
  const std::vector<Vectors>& encodings, int threads, const Tick& tick = [](double) {});
}
