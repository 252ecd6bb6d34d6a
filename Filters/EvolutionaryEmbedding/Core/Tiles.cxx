// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/Tiles.h"

#include "Filters/EvolutionaryEmbedding/Core/Simd.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace tdl
{
namespace
{
constexpr int Width = Tiles::Width;
constexpr int Group = Tiles::Group;
/** Scores that are looked at together. */
constexpr int ChunkWidth = 16;

/** Scores of a group of queries for a tile's rows: half of how much nearer than the origin. */
using Scores = std::array<std::array<float, Width>, Group>;
/** Per query, a bit for each chunk of scores. */
using Hits = std::array<unsigned, Group>;

/** The compilers' own vector types: plain loops over an array of sums are not kept in registers. */
using Vector16 [[gnu::vector_size(16)]] = float;
using Vector32 [[gnu::vector_size(32)]] = float;
using Vector64 [[gnu::vector_size(64)]] = float;

/**
 * Scores are q.x - |x|^2 / 2, greater the nearer. Sets a bit per chunk that has a score above its
 * query's threshold, and the scores.
 * @tparam Vector As wide as the processor's; Group x Count of them, and a few more, are registers.
 * @param queries D x Group; @param tile D x Width; @param halfNorms [Width].
 */
template <typename Vector, int Count>
inline __attribute__((always_inline)) void ScoreTileBy(const float* queries, const float* tile,
  const float* halfNorms, int dimension, const float* thresholds, Hits& hits, Scores& scores)
{
  constexpr std::ptrdiff_t floats = sizeof(Vector) / sizeof(float);
  for (std::ptrdiff_t first = 0; first < Width; first += Count * floats)
  {
    Vector sums[Group][Count];
    for (int v = 0; v < Count; ++v)
    {
      Vector start;
      std::memcpy(&start, halfNorms + first + v * floats, sizeof(Vector));
      for (auto& sum : sums)
      {
        sum[v] = -start;
      }
    }
    for (std::ptrdiff_t d = 0; d < dimension; ++d)
    {
      Vector values[Count];
      for (int v = 0; v < Count; ++v)
      {
        std::memcpy(&values[v], tile + d * Width + first + v * floats, sizeof(Vector));
      }
      for (int q = 0; q < Group; ++q)
      {
        const float factor = queries[d * Group + q];
        for (int v = 0; v < Count; ++v)
        {
          sums[q][v] += factor * values[v];
        }
      }
    }
    for (int q = 0; q < Group; ++q)
    {
      for (int v = 0; v < Count; ++v)
      {
        std::memcpy(scores[q].data() + first + v * floats, &sums[q][v], sizeof(Vector));
      }
    }
  }
  for (int q = 0; q < Group; ++q)
  {
    hits[q] = 0;
    for (int chunk = 0; chunk < Width / ChunkWidth; ++chunk)
    {
      int above = 0;
      for (int column = 0; column < ChunkWidth; ++column)
      {
        above |= scores[q][chunk * ChunkWidth + column] > thresholds[q] ? 1 : 0;
      }
      hits[q] |= static_cast<unsigned>(above) << chunk;
    }
  }
}

// One per processor, of which the loader takes the best that there is.
#ifdef TDL_SIMD_VERSIONS
__attribute__((target("arch=x86-64-v4"))) void ScoreTile(const float* queries, const float* tile,
  const float* halfNorms, int dimension, const float* thresholds, Hits& hits, Scores& scores)
{
  ScoreTileBy<Vector64, 4>(queries, tile, halfNorms, dimension, thresholds, hits, scores);
}

__attribute__((target("arch=x86-64-v3"))) void ScoreTile(const float* queries, const float* tile,
  const float* halfNorms, int dimension, const float* thresholds, Hits& hits, Scores& scores)
{
  ScoreTileBy<Vector32, 2>(queries, tile, halfNorms, dimension, thresholds, hits, scores);
}

__attribute__((target("default")))
#endif
void ScoreTile(const float* queries, const float* tile, const float* halfNorms, int dimension,
  const float* thresholds, Hits& hits, Scores& scores)
{
  ScoreTileBy<Vector16, 2>(queries, tile, halfNorms, dimension, thresholds, hits, scores);
}

/** Adds those of a tile's scores that are above the threshold; `hits` tells where they are. */
void AddHits(
  Selection& selection, const std::array<float, Width>& scores, unsigned hits, int begin, int self)
{
  for (int first = 0; hits != 0; first += ChunkWidth, hits >>= 1)
  {
    const int end = (hits & 1u) != 0 ? first + ChunkWidth : first;
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

Tiles::Tiles(
  const Vectors& rows, const std::vector<int>& index, Eigen::RowVectorXd center, int threads)
  : Count(static_cast<int>(index.size()))
  , Center(std::move(center))
{
  const auto dimension = static_cast<std::size_t>(rows.cols());
  const std::size_t tiles = (index.size() + Width - 1) / Width;
  this->Values.assign(tiles * Width * dimension, 0.0f);
  this->HalfNorms.assign(tiles * Width, std::numeric_limits<float>::infinity());
#pragma omp parallel for num_threads(threads)
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
