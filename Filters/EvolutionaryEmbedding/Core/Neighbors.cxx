// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/Neighbors.h"

#include "Filters/EvolutionaryEmbedding/Core/Simd.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

namespace tdl
{
namespace
{
/** Rows per tile, and queries that meet a tile together: their products fill the registers. */
constexpr int TileWidth = 64;
constexpr int Group = 6;
/** Floats in the widest vectors of today's processors. */
constexpr int VectorWidth = 16;
/** Queries that one thread works on while a tile is in its cache. */
constexpr int Block = 32 * Group;
/** Candidates beyond the neighbors asked for, so that rounding rarely leaves a doubt. */
constexpr int Spare = 16;

/** Scores of a group of queries for a tile's rows: half of how much nearer than the origin. */
using Scores = std::array<std::array<float, TileWidth>, Group>;
/** Per query, a bit for each vector of scores. */
using Hits = std::array<unsigned, Group>;

/**
 * Scores are q.x - |x|^2 / 2, greater the nearer. Sets a bit per vector that has a score
 * above its query's threshold (or at it), and the scores of these queries.
 * @param queries D x Group; @param tile D x TileWidth; @param halfNorms [TileWidth].
 */
TDL_SIMD_CLONES void ScoreTile(const float* queries, const float* tile, const float* halfNorms,
  int dimension, const float* thresholds, Hits& hits, Scores& scores)
{
  // The compilers' own vector types: plain loops over an array of sums are not kept in registers.
  constexpr std::ptrdiff_t width = VectorWidth;
  constexpr int vectors = TileWidth / VectorWidth;
  using Vector [[gnu::vector_size(64)]] = float;
  using Unaligned [[gnu::vector_size(64), gnu::aligned(4), gnu::may_alias]] = float;
  using Bits [[gnu::vector_size(64)]] = std::uint64_t;
  const auto at = [](const float* values) -> const Unaligned&
  { return *reinterpret_cast<const Unaligned*>(values); };

  Vector sums[Group][vectors];
  for (int v = 0; v < vectors; ++v)
  {
    const Vector start = -at(halfNorms + v * width);
    for (auto& sum : sums)
    {
      sum[v] = start;
    }
  }
  for (int d = 0; d < dimension; ++d, tile += TileWidth, queries += Group)
  {
    const Vector values[vectors] = { at(tile), at(tile + width), at(tile + 2 * width),
      at(tile + 3 * width) };
    for (int q = 0; q < Group; ++q)
    {
      for (int v = 0; v < vectors; ++v)
      {
        sums[q][v] += queries[q] * values[v];
      }
    }
  }

  // Compilers take comparisons of vectors apart, but not subtractions: the sign bits of the
  // differences tell whether all scores are below.
  const auto allBelow = [](const Bits& differences)
  {
    std::array<std::uint64_t, 8> lanes;
    std::memcpy(lanes.data(), &differences, sizeof(lanes));
    constexpr std::uint64_t signs = 0x8000000080000000;
    return (((lanes[0] & lanes[1]) & (lanes[2] & lanes[3])) &
             ((lanes[4] & lanes[5]) & (lanes[6] & lanes[7])) & signs) == signs;
  };
  for (int q = 0; q < Group; ++q)
  {
    Bits differences[vectors];
    for (int v = 0; v < vectors; ++v)
    {
      differences[v] = reinterpret_cast<Bits>(sums[q][v] - thresholds[q]);
    }
    hits[q] = 0;
    if (allBelow((differences[0] & differences[1]) & (differences[2] & differences[3])))
    {
      continue;
    }
    for (int v = 0; v < vectors; ++v)
    {
      hits[q] |= allBelow(differences[v]) ? 0u : 1u << v;
      *reinterpret_cast<Unaligned*>(scores[q].data() + v * width) = sums[q][v];
    }
  }
}
}

struct NeighborSearch::Candidate
{
  float Score;
  int Index;

  /** By score; ties go to the smaller index. */
  bool operator<(const Candidate& other) const
  {
    return this->Score > other.Score || (this->Score == other.Score && this->Index < other.Index);
  }
};

/** The best candidates of one query so far. */
class NeighborSearch::Selection
{
public:
  explicit Selection(std::size_t size)
    : Size(size)
  {
    this->Best.reserve(4 * size);
  }

  /** No score that is not above this one is among the best. */
  float Threshold = -std::numeric_limits<float>::infinity();
  std::vector<Candidate> Best;

  /** Adds those of a tile's scores that are above the threshold; `hits` tells where they are. */
  void Add(const std::array<float, TileWidth>& scores, unsigned hits, int begin, int self)
  {
    for (int first = 0; hits != 0; first += VectorWidth, hits >>= 1)
    {
      const int end = (hits & 1u) != 0 ? first + VectorWidth : first;
      for (int column = first; column < end; ++column)
      {
        if (scores[column] > this->Threshold && begin + column != self)
        {
          this->Best.push_back({ scores[column], begin + column });
        }
      }
    }
    if (this->Best.size() + TileWidth > 4 * this->Size)
    {
      this->Shrink();
    }
  }

  void Shrink()
  {
    if (this->Best.size() > this->Size)
    {
      const auto end = this->Best.begin() + static_cast<std::ptrdiff_t>(this->Size);
      std::nth_element(this->Best.begin(), end - 1, this->Best.end());
      this->Best.erase(end, this->Best.end());
      this->Threshold = this->Best.back().Score;
    }
  }

private:
  std::size_t Size;
};

Vectors PrepareFeatures(const Elements& elements, const Arrangement& arrangement, Metric metric)
{
  const auto features = elements.FeatureRows();
  Vectors rows(features.rows(), features.cols());
  for (int position = 0; position < arrangement.Size(); ++position)
  {
    rows.row(position) = features.row(arrangement.Element[position]).template cast<double>();
  }
  if (metric == Metric::Cosine)
  {
    rows.rowwise().normalize();
  }
  return rows;
}

NeighborSearch::NeighborSearch(const Vectors& rows, Range range)
  : Rows(rows)
  , Part(range)
{
  const int size = range.Size();
  const auto dimension = static_cast<int>(rows.cols());
  const int tiles = (size + TileWidth - 1) / TileWidth;
  this->Tiles.assign(static_cast<std::size_t>(tiles) * TileWidth * dimension, 0.0f);
  this->HalfNorms.assign(
    static_cast<std::size_t>(tiles) * TileWidth, std::numeric_limits<float>::infinity());
  const Eigen::RowVectorXd center = rows.middleRows(range.Begin, size).colwise().mean();
  for (int row = 0; row < size; ++row)
  {
    const Eigen::RowVectorXf centered = (rows.row(range.Begin + row) - center).cast<float>();
    float* tile = &this->Tiles[static_cast<std::size_t>(row / TileWidth) * TileWidth * dimension];
    for (int d = 0; d < dimension; ++d)
    {
      tile[d * TileWidth + row % TileWidth] = centered[d];
    }
    this->HalfNorms[row] = 0.5f * centered.squaredNorm();
  }
}

void NeighborSearch::Select(Range queries, std::vector<Selection>& selections) const
{
  const auto dimension = static_cast<int>(this->Rows.cols());
  const std::size_t tileSize = static_cast<std::size_t>(TileWidth) * dimension;
  const int groups = (queries.Size() + Group - 1) / Group;
  std::vector<float> packed(static_cast<std::size_t>(groups) * Group * dimension, 0.0f);
  for (int q = 0; q < queries.Size(); ++q)
  {
    const int row = queries.Begin + q;
    const float* tile = &this->Tiles[row / TileWidth * tileSize];
    for (int d = 0; d < dimension; ++d)
    {
      packed[(static_cast<std::size_t>(q / Group) * dimension + d) * Group + q % Group] =
        tile[d * TileWidth + row % TileWidth];
    }
  }

  Scores scores;
  Hits hits{};
  std::array<float, Group> thresholds{};
  for (int begin = 0; begin < this->Part.Size(); begin += TileWidth)
  {
    const float* tile = &this->Tiles[begin / TileWidth * tileSize];
    for (int group = 0; group < groups; ++group)
    {
      const int count = std::min(Group, queries.Size() - group * Group);
      for (int q = 0; q < count; ++q)
      {
        thresholds[q] = selections[group * Group + q].Threshold;
      }
      ScoreTile(&packed[static_cast<std::size_t>(group) * Group * dimension], tile,
        &this->HalfNorms[begin], dimension, thresholds.data(), hits, scores);
      for (int q = 0; q < count; ++q)
      {
        if (hits[q] != 0)
        {
          const int at = group * Group + q;
          selections[at].Add(scores[q], hits[q], begin, queries.Begin + at);
        }
      }
    }
  }
}

void NeighborSearch::Refine(
  int query, Selection& selection, int count, int* index, double* squaredDistance) const
{
  using Entry = std::pair<double, int>;
  const auto exact = [&](int other)
  {
    return Entry(
      (this->Rows.row(this->Part.Begin + query) - this->Rows.row(this->Part.Begin + other))
        .squaredNorm(),
      other);
  };
  selection.Shrink();
  std::vector<Entry> nearest;
  nearest.reserve(selection.Best.size());
  for (const Candidate& candidate : selection.Best)
  {
    nearest.push_back(exact(candidate.Index));
  }
  std::sort(nearest.begin(), nearest.end());

  // Those left out are farther than the selection's last by its score, whose rounding error grows
  // with the lengths of the vectors; four standard deviations of it decide.
  const auto found = static_cast<int>(nearest.size());
  const double length = 2.0 * this->HalfNorms[query];
  const double beyond = length - 2.0 * selection.Threshold;
  const double rounding =
    4.0 * std::sqrt(static_cast<double>(this->Rows.cols())) * std::ldexp(1.0, -24);
  const bool sure = found == this->Part.Size() - 1 ||
    (found >= count &&
      nearest[count - 1].first < beyond - rounding * (4.0 * length + 2.0 * beyond));
  if (!sure)
  {
    nearest.clear();
    for (int other = 0; other < this->Part.Size(); ++other)
    {
      if (other != query)
      {
        nearest.push_back(exact(other));
      }
    }
    std::partial_sort(nearest.begin(), nearest.begin() + count, nearest.end());
  }
  for (int n = 0; n < count; ++n)
  {
    squaredDistance[n] = nearest[n].first;
    index[n] = nearest[n].second;
  }
}

NeighborTable NeighborSearch::Find(Range queries, int count, int threads) const
{
  NeighborTable table;
  table.Count = std::max(0, std::min(count, this->Part.Size() - 1));
  table.Index.resize(static_cast<std::size_t>(queries.Size()) * table.Count);
  table.SquaredDistance.resize(table.Index.size());
  if (table.Count == 0)
  {
    return table;
  }
  const int blocks = (queries.Size() + Block - 1) / Block;
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (int block = 0; block < blocks; ++block)
  {
    const int first = block * Block;
    const int size = std::min(Block, queries.Size() - first);
    const int begin = queries.Begin - this->Part.Begin + first;
    std::vector<Selection> selections(size, Selection(table.Count + Spare));
    this->Select({ begin, begin + size }, selections);
    for (int q = 0; q < size; ++q)
    {
      const std::size_t offset = static_cast<std::size_t>(first + q) * table.Count;
      this->Refine(begin + q, selections[q], table.Count, &table.Index[offset],
        &table.SquaredDistance[offset]);
    }
  }
  return table;
}
}
