// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/Tiles.h"

#include "Filters/EvolutionaryEmbedding/Core/Simd.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

namespace tdl
{
namespace
{
constexpr int Width = Tiles::Width;
constexpr int Group = Tiles::Group;
/** Floats in the widest vectors of today's processors. */
constexpr int VectorWidth = 16;

/** Scores of a group of queries for a tile's rows: half of how much nearer than the origin. */
using Scores = std::array<std::array<float, Width>, Group>;
/** Per query, a bit for each vector of scores. */
using Hits = std::array<unsigned, Group>;

/**
 * Scores are q.x - |x|^2 / 2, greater the nearer. Sets a bit per vector that has a score
 * above its query's threshold (or at it), and the scores of these queries.
 * @param queries D x Group; @param tile D x Width; @param halfNorms [Width].
 */
TDL_SIMD_CLONES void ScoreTile(const float* queries, const float* tile, const float* halfNorms,
  int dimension, const float* thresholds, Hits& hits, Scores& scores)
{
  // The compilers' own vector types: plain loops over an array of sums are not kept in registers.
  constexpr std::ptrdiff_t width = VectorWidth;
  constexpr int vectors = Width / VectorWidth;
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
  for (int d = 0; d < dimension; ++d, tile += Width, queries += Group)
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

/** Adds those of a tile's scores that are above the threshold; `hits` tells where they are. */
void AddHits(
  Selection& selection, const std::array<float, Width>& scores, unsigned hits, int begin, int self)
{
  for (int first = 0; hits != 0; first += VectorWidth, hits >>= 1)
  {
    const int end = (hits & 1u) != 0 ? first + VectorWidth : first;
    for (int column = first; column < end; ++column)
    {
      if (scores[column] > selection.Threshold && begin + column != self)
      {
        selection.Add({ scores[column], begin + column });
      }
    }
  }
  selection.MakeRoom(Width);
}
}

Selection::Selection(std::size_t size)
  : Size(size)
{
  this->Best.reserve(4 * size);
}

void Selection::MakeRoom(std::size_t more)
{
  if (this->Best.size() + more > 4 * this->Size)
  {
    this->Shrink();
  }
}

void Selection::Shrink()
{
  if (this->Best.size() > this->Size)
  {
    const auto end = this->Best.begin() + static_cast<std::ptrdiff_t>(this->Size);
    std::nth_element(this->Best.begin(), end - 1, this->Best.end());
    this->Best.erase(end, this->Best.end());
    this->Threshold = this->Best.back().Score;
  }
}

Tiles::Tiles(const Vectors& rows, const std::vector<int>& index, Eigen::RowVectorXd center)
  : Count(static_cast<int>(index.size()))
  , Center(std::move(center))
{
  const auto dimension = static_cast<std::size_t>(rows.cols());
  const std::size_t tiles = (index.size() + Width - 1) / Width;
  this->Values.assign(tiles * Width * dimension, 0.0f);
  this->HalfNorms.assign(tiles * Width, std::numeric_limits<float>::infinity());
  for (std::size_t i = 0; i < index.size(); ++i)
  {
    float* tile = &this->Values[i / Width * Width * dimension];
    float square = 0.0f;
    for (std::size_t d = 0; d < dimension; ++d)
    {
      const auto value = static_cast<float>(rows(index[i], d) - this->Center[d]);
      tile[d * Width + i % Width] = value;
      square += value * value;
    }
    this->HalfNorms[i] = 0.5f * square;
  }
}

double Tiles::SquaredNorm(const float* row) const
{
  const Eigen::Map<const Eigen::RowVectorXf> values(row, this->Center.size());
  return (values.cast<double>() - this->Center).squaredNorm();
}

void Tiles::Select(const Vectors& rows, const int* queries, int count,
  const std::vector<Range>& tiles, Selection* selections, int firstSelf) const
{
  const auto dimension = static_cast<int>(rows.cols());
  const std::size_t tileSize = static_cast<std::size_t>(Width) * dimension;
  const int groups = (count + Group - 1) / Group;
  std::vector<float> packed(static_cast<std::size_t>(groups) * Group * dimension, 0.0f);
  for (int q = 0; q < count; ++q)
  {
    float* group = &packed[static_cast<std::size_t>(q / Group) * Group * dimension];
    for (int d = 0; d < dimension; ++d)
    {
      group[d * Group + q % Group] = static_cast<float>(rows(queries[q], d) - this->Center[d]);
    }
  }

  Scores scores;
  Hits hits{};
  std::array<float, Group> thresholds{};
  for (const Range& range : tiles)
  {
    for (int tile = range.Begin; tile < range.End; ++tile)
    {
      const int begin = tile * Width;
      for (int group = 0; group < groups; ++group)
      {
        const int members = std::min(Group, count - group * Group);
        Selection* own = selections + static_cast<std::ptrdiff_t>(group) * Group;
        for (int q = 0; q < members; ++q)
        {
          thresholds[q] = own[q].Threshold;
        }
        ScoreTile(&packed[static_cast<std::size_t>(group) * Group * dimension],
          &this->Values[tile * tileSize], &this->HalfNorms[begin], dimension, thresholds.data(),
          hits, scores);
        for (int q = 0; q < members; ++q)
        {
          if (hits[q] != 0)
          {
            const int self = firstSelf < 0 ? -1 : firstSelf + group * Group + q;
            AddHits(own[q], scores[q], hits[q], begin, self);
          }
        }
      }
    }
  }
}
}
