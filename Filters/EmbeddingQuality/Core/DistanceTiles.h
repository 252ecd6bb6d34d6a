// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <vector>

namespace tdl
{
/** What distances of some queries to a tile of rows are measured from and written to. */
struct DistanceTile
{
  /** Queries whose distances to some rows are summed up in registers together. */
  static constexpr int Group = 6;
  /** Doubles in the widest vectors of today's processors, which are as many rows. */
  static constexpr int VectorWidth = 8;
  /** Rows that are made ready together for all queries. */
  static constexpr int Width = 8 * VectorWidth;

  /** A coordinate of as many rows as a vector holds. */
  struct alignas(VectorWidth * sizeof(double)) Lanes
  {
    std::array<double, VectorWidth> Row;
  };

  /** Squared distances of a query to the rows of the tile. */
  using Distances = std::array<double, Width>;
};

/**
 * Sums in the order of the coordinates, so that equal rows are equally far. Squares that no double
 * holds count as the largest one.
 * @param queries D x Group; @param tile Width / VectorWidth x D; @param distances [Group].
 */
void MeasureTile(const double* queries, const DistanceTile::Lanes* tile, int dimension,
  DistanceTile::Distances* distances);

/**
 * Squared distances between rows of a matrix in double precision, a tile of rows at a time, for one
 * thread.
 */
template <typename Rows>
class DistanceTiles : public DistanceTile
{
public:
  /** @param rows N x D; they outlive this. */
  explicit DistanceTiles(const Rows& rows)
    : Coordinates(rows)
    , Dimension(static_cast<int>(rows.cols()))
    , Tile(static_cast<std::size_t>(Width / VectorWidth) * this->Dimension)
  {
  }

  /** @param row Row of the query for a number below `count`. */
  template <typename Row>
  void SetQueries(Row row, int count)
  {
    // Coordinates of the queries of a group side by side.
    const int groups = (count + Group - 1) / Group;
    this->Queries.assign(static_cast<std::size_t>(groups) * Group * this->Dimension, 0.0);
    for (int q = 0; q < count; ++q)
    {
      double* packed =
        &this->Queries[static_cast<std::size_t>(q / Group) * Group * this->Dimension + q % Group];
      const int of = row(q);
      for (int d = 0; d < this->Dimension; ++d)
      {
        packed[static_cast<std::ptrdiff_t>(d) * Group] = this->Coordinates(of, d);
      }
    }
  }

  /** @param row Row for a number below `count`; what is beyond it in the tile is NaN. */
  template <typename Row>
  void SetTile(Row row, int count)
  {
    Lanes* lanes = this->Tile.data();
    for (int first = 0; first < Width; first += VectorWidth)
    {
      const int size = std::clamp(count - first, 0, VectorWidth);
      std::array<int, VectorWidth> rows{};
      for (int i = 0; i < size; ++i)
      {
        rows[i] = row(first + i);
      }
      for (int d = 0; d < this->Dimension; ++d, ++lanes)
      {
        for (int i = 0; i < VectorWidth; ++i)
        {
          lanes->Row[i] =
            i < size ? this->Coordinates(rows[i], d) : std::numeric_limits<double>::quiet_NaN();
        }
      }
    }
  }

  /**
   * Distances of the queries `first`, a multiple of Group, to `first` + Group - 1 from the rows of
   * the tile. Queries that are none are somewhere.
   */
  std::array<Distances, Group>& Measure(std::size_t first)
  {
    MeasureTile(&this->Queries[first * this->Dimension], this->Tile.data(), this->Dimension,
      this->Measured.data());
    return this->Measured;
  }

private:
  const Rows& Coordinates;
  int Dimension;
  std::vector<double> Queries;
  /** Width / VectorWidth x D. */
  std::vector<Lanes> Tile;
  std::array<Distances, Group> Measured{};
};
}
