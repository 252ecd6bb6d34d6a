// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/Tiles.h"
#include "Filters/Foundation/Monitor.h"

#include <vector>

namespace tdl
{
/**
 * A partition of the rows of a range into cells of rows that are near each other: those with the
 * same nearest centroid, the centroids being k-means of a sample (Lloyd 1982). The cells are in an
 * order in which cells near each other mostly follow each other. The same at any number of threads.
 */
class Cells
{
public:
  /** @param tick Called from this thread several times a second with the share that is done. */
  Cells(const Vectors& rows, Range range, int threads, const Tick& tick);

  int Count() const { return static_cast<int>(this->Begin.size()) - 1; }
  /** [n] Rows, counted from the range's begin, cell by cell. */
  const std::vector<int>& GetOrder() const { return this->Order; }
  /** Places in the order that belong to a cell. */
  Range Places(int cell) const { return { this->Begin[cell], this->Begin[cell + 1] }; }
  /** The cell that a place belongs to. */
  int CellOf(int place) const;
  /** A cell and those nearest to it, nearest first, that have `rows` rows together at least. */
  std::vector<int> Around(int cell, int rows) const;

private:
  void MakeCentroids(const Vectors& rows, Range range, int threads, const Tick& tick);
  void SortCentroids();
  void Fill(const std::vector<int>& nearest);

  /** C x D, then one per cell. */
  Vectors Centroids;
  Eigen::RowVectorXd Center;
  std::vector<int> Order;
  std::vector<int> Begin;
};
}
