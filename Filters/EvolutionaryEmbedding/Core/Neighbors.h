// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/Elements.h"

#include <vector>

namespace tdl
{
/** How features are compared. */
enum class Metric
{
  /** Length of the difference. */
  Euclidean,
  /** Length of the difference after each vector is scaled to length 1; a zero vector stays zero. */
  Cosine
};

/** The nearest other rows of each row, nearest first. */
struct NeighborTable
{
  /** Neighbors per row. */
  int Count = 0;
  /** [rows x Count] Row indices, counted from the range's begin. */
  std::vector<int> Index;
  /** [rows x Count] Squared distances. */
  std::vector<double> SquaredDistance;
};

/** Rows of vectors that distances are taken between, N x D. */
using Vectors = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/** The features in the arrangement's order, as vectors whose distances are the metric's. */
Vectors PrepareFeatures(const Elements& elements, const Arrangement& arrangement, Metric metric);

/**
 * Exact nearest neighbors of `rows` within the range, each among the range's others; ties go to
 * the smaller index. `count` is clamped to the range's size - 1.
 */
NeighborTable FindNeighbors(const Vectors& rows, Range range, int count, int threads);
}
