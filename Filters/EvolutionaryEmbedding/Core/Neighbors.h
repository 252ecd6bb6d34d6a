// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/Cells.h"
#include "Filters/EvolutionaryEmbedding/Core/Elements.h"
#include "Filters/EvolutionaryEmbedding/Core/Tiles.h"
#include "Filters/Foundation/Monitor.h"

#include <memory>
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
  /** [queries x Count] Places of the neighbors. */
  std::vector<int> Index;
  /** [queries x Count] Squared distances. */
  std::vector<double> SquaredDistance;
};

/** The features in the arrangement's order, as vectors whose distances are the metric's. */
Vectors PrepareFeatures(const Elements& elements, const Arrangement& arrangement, Metric metric);

/**
 * Nearest neighbors among the rows of a range, each among the range's others; ties go to the
 * smaller place. Queries and neighbors are named by their places in an order of the search's own.
 * The same bits at any number of threads.
 *
 * Up to `largestExact` rows, the neighbors are exact and a place is a row, counted from the range's
 * begin. Time grows with the product of rows, rows and dimension, at nearly the speed of a matrix
 * product in single precision: the product selects candidates, whose distances are then taken in
 * double precision; where it cannot tell for sure, all distances are.
 *
 * Of more rows, the candidates are those of the cells around the query's own (an inverted file, as
 * in Jegou, Douze, Schmid 2011), so many that a sample of queries finds the share `LeastRecall` of
 * its exact neighbors. Rows near each other then have places near each other, mostly.
 */
class NeighborSearch
{
public:
  /** Rows from which on the approximate search is the faster by far. */
  static constexpr int LargestExact = 100000;
  static constexpr double LeastRecall = 0.99;

  /**
   * @param rows Outlive the search.
   * @param count Neighbors per query, clamped to the range's size - 1.
   */
  NeighborSearch(
    const Vectors& rows, Range range, int count, int threads, const Tick& tick = [](double) {},
    int largestExact = LargestExact);

  /** Neighbors per query. */
  int Count() const { return this->Neighbors; }
  /** Row at a place, counted from the range's begin. */
  int RowAt(int place) const { return this->Order[place]; }
  /** Share of the exact neighbors found, by the sample; 1 where the search is exact. */
  double Recall() const { return this->FoundShare; }

  /** @param places Queries. */
  NeighborTable Find(
    Range places, int threads, const Tick& tick = [](double) {}) const;

  /**
   * Of other vectors, the exact neighbors, `count` of them (all rows, where there are fewer).
   * @param queries M x D; @param range Those of them that are queries.
   */
  NeighborTable FindOf(
    const Vectors& queries, Range range, int count, int threads,
    const Tick& tick = [](double) {}) const;

private:
  void ChooseReach(int threads, const Tick& tick);
  std::vector<Range> TilesAround(int cell, int reach) const;
  /** @param self Place of the query, negative for another vector. */
  std::vector<std::pair<double, int>> Nearest(
    const float* query, int self, int count, Selection& selection, bool exact) const;

  const Vectors& Rows;
  Range Part;
  int Neighbors;
  /** Null where the search is exact. */
  std::unique_ptr<Cells> Partition;
  std::vector<int> Order;
  Tiles Base;
  /** Rows that a query is compared with at least. */
  int Reach = 0;
  double FoundShare = 1.0;
};
}
