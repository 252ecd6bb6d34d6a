// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/Elements.h"

#include <array>
#include <limits>
#include <vector>

namespace tdl
{
/** Rows of vectors that distances are taken between, N x D. */
using Vectors = FeatureMatrix;

/** A row that may be among the nearest of a query. */
struct Candidate
{
  /** Greater the nearer: half of the squared distance to the query, subtracted from a constant. */
  float Score;
  int Index;

  /** By score; ties go to the smaller index. */
  bool operator<(const Candidate& other) const
  {
    return this->Score > other.Score || (this->Score == other.Score && this->Index < other.Index);
  }
};

/** The best candidates of one query so far. */
class Selection
{
public:
  /** @param size How many are kept. */
  explicit Selection(std::size_t size);

  /** No score that is not above this one is among the best. */
  float Threshold = -std::numeric_limits<float>::infinity();
  /** The best, in no order; more than `size` until they are shrunk. */
  std::vector<Candidate> Best;

  void Add(Candidate candidate) { this->Best.push_back(candidate); }
  /** Drops what is not among the best when there is no room for `more`. */
  void MakeRoom(std::size_t more);
  /** Drops what is not among the best. */
  void Shrink();

private:
  std::size_t Size;
};

/**
 * Rows in single precision around a center, so arranged that their products with queries are taken
 * at nearly the speed of the vector units: tiles of `Width` rows, transposed and zero-padded.
 */
class Tiles
{
public:
  static constexpr int Width = 64;
  /** Queries that meet a tile together: their products fill the registers. */
  static constexpr int Group = 6;

  Tiles() = default;
  /** @param index [n] Which of the rows. */
  Tiles(const Vectors& rows, const std::vector<int>& index, Eigen::RowVectorXd center, int threads);

  /** Number of rows. */
  int Size() const { return this->Count; }
  /** Squared length of a row [D] around the center. */
  double SquaredNorm(const float* row) const;

  /**
   * Adds the rows of some tiles to the selections of queries, as far as they are among the best.
   * @param queries [count] Rows of `rows`; @param selections [count].
   * @param firstSelf Index of the first query among the tiles' rows, the others following; a query
   * is not its own candidate. Negative where they are no rows of the tiles.
   */
  void Select(const Vectors& rows, const int* queries, int count, const std::vector<Range>& tiles,
    Selection* selections, int firstSelf) const;

private:
  int Count = 0;
  Eigen::RowVectorXd Center;
  std::vector<float> Values;
  /** Half of the squared lengths; infinite in the padding, which is never near. */
  std::vector<float> HalfNorms;
};
}
