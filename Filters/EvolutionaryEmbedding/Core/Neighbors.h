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

/** The nearest other rows of each query, nearest first. */
struct NeighborTable
{
  /** Neighbors per query. */
  int Count = 0;
  /** [queries x Count] Row indices, counted from the range's begin. */
  std::vector<int> Index;
  /** [queries x Count] Squared distances. */
  std::vector<double> SquaredDistance;
};

/** Rows of vectors that distances are taken between, N x D. */
using Vectors = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/** The features in the arrangement's order, as vectors whose distances are the metric's. */
Vectors PrepareFeatures(const Elements& elements, const Arrangement& arrangement, Metric metric);

/**
 * Exact nearest neighbors among the rows of a range, each among the range's others; ties go to the
 * smaller index. Time grows with the product of queries, rows and dimension, at nearly the speed of
 * a matrix product in single precision: the product selects candidates, whose distances are then
 * taken in double precision; where it cannot tell for sure, all distances are.
 */
class NeighborSearch
{
public:
  /** @param rows Outlive the search. */
  NeighborSearch(const Vectors& rows, Range range);

  /**
   * @param queries Rows whose neighbors are sought, within the range.
   * @param count Neighbors per query, clamped to the range's size - 1.
   */
  NeighborTable Find(Range queries, int count, int threads) const;

private:
  struct Candidate;
  class Selection;
  void Select(Range queries, std::vector<Selection>& selections) const;
  void Refine(
    int query, Selection& selection, int count, int* index, double* squaredDistance) const;

  const Vectors& Rows;
  Range Part;
  /** Rows in single precision around their mean, TileWidth at a time, transposed; zero-padded. */
  std::vector<float> Tiles;
  /** Half of their squared lengths; infinite in the padding, which is never near. */
  std::vector<float> HalfNorms;
};
}
