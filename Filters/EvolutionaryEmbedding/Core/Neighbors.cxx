// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/Neighbors.h"

#include "Filters/EvolutionaryEmbedding/Core/Simd.h"
#include "Filters/Foundation/ForEach.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace tdl
{
namespace
{
/** Queries that one thread works on while a tile is in its cache. */
constexpr int Block = 32 * Tiles::Group;
/** Candidates beyond the neighbors asked for, so that rounding rarely leaves a doubt. */
constexpr int Spare = 16;
/** Queries that the recall of an approximate search is measured with. */
constexpr int SampleSize = 256;

TDL_SIMD_CLONES double SquaredDistance(const float* a, const float* b, Eigen::Index dimension)
{
  double sum = 0.0;
#pragma omp simd reduction(+ : sum)
  for (Eigen::Index d = 0; d < dimension; ++d)
  {
    const double offset = static_cast<double>(a[d]) - static_cast<double>(b[d]);
    sum += offset * offset;
  }
  return sum;
}

std::vector<Range> AllTiles(const Tiles& tiles)
{
  return { { 0, (tiles.Size() + Tiles::Width - 1) / Tiles::Width } };
}
}

Vectors PrepareFeatures(const Elements& elements, const Arrangement& arrangement, Metric metric)
{
  const auto features = elements.FeatureRows();
  Vectors rows(features.rows(), features.cols());
  for (int position = 0; position < arrangement.Size(); ++position)
  {
    rows.row(position) = features.row(arrangement.Element[position]);
  }
  if (metric == Metric::Cosine)
  {
    rows.rowwise().normalize();
  }
  return rows;
}

NeighborSearch::NeighborSearch(
  const Vectors& rows, Range range, int count, int threads, const Tick& tick, int largestExact)
  : Rows(rows)
  , Part(range)
  , Neighbors(std::max(0, std::min(count, range.Size() - 1)))
  , Order(range.Size())
{
  std::iota(this->Order.begin(), this->Order.end(), 0);
  if (range.Size() > largestExact)
  {
    this->Partition =
      std::make_unique<Cells>(rows, range, threads, [&tick](double done) { tick(0.8 * done); });
    this->Order = this->Partition->GetOrder();
  }
  std::vector<int> taken = this->Order;
  for (int& row : taken)
  {
    row += range.Begin;
  }
  const double share = this->Partition ? 0.8 : 0.0;
  tick(share);
  const Eigen::RowVectorXd center =
    rows.middleRows(range.Begin, range.Size()).cast<double>().colwise().mean();
  tick(share);
  this->Base = Tiles(rows, taken, center, threads);
  if (this->Partition)
  {
    this->ChooseReach(threads, [&tick](double done) { tick(0.8 + 0.2 * done); });
  }
}

std::vector<Range> NeighborSearch::TilesAround(int cell, int reach) const
{
  // The nearest first, so that most of what follows is soon found to be too far.
  std::vector<Range> ranges;
  std::vector<bool> taken((this->Base.Size() + Tiles::Width - 1) / Tiles::Width, false);
  for (const int near : this->Partition->Around(cell, reach))
  {
    const Range places = this->Partition->Places(near);
    for (int tile = places.Begin / Tiles::Width; tile * Tiles::Width < places.End; ++tile)
    {
      if (!taken[tile]) // it may be at the border of two cells
      {
        taken[tile] = true;
        ranges.push_back({ tile, tile + 1 });
      }
    }
  }
  return ranges;
}

std::vector<std::pair<double, int>> NeighborSearch::Nearest(
  const float* query, int self, int count, Selection& selection, bool exact) const
{
  using Entry = std::pair<double, int>;
  const auto measured = [&](int place)
  {
    const Eigen::Index other = this->Part.Begin + this->Order[place];
    return Entry(SquaredDistance(query, &this->Rows(other, 0), this->Rows.cols()), place);
  };
  selection.Shrink();
  std::vector<Entry> nearest;
  nearest.reserve(selection.Best.size());
  for (const Candidate& candidate : selection.Best)
  {
    nearest.push_back(measured(candidate.Index));
  }
  std::sort(nearest.begin(), nearest.end());

  const auto found = static_cast<int>(nearest.size());
  const int others = this->Part.Size() - (self < 0 ? 0 : 1);
  bool enough = found >= count;
  if (exact && enough && found < others)
  {
    // Those left out are farther than the selection's last by its score, whose rounding error
    // grows with the lengths of the vectors; four standard deviations of it decide.
    const double length = this->Base.SquaredNorm(query);
    const double beyond = length - 2.0 * selection.Threshold;
    const double rounding =
      4.0 * std::sqrt(static_cast<double>(this->Rows.cols())) * std::ldexp(1.0, -24);
    enough = nearest[count - 1].first < beyond - rounding * (4.0 * length + 2.0 * beyond);
  }
  if (!enough)
  {
    nearest.clear();
    for (int other = 0; other < this->Part.Size(); ++other)
    {
      if (other != self)
      {
        nearest.push_back(measured(other));
      }
    }
    std::partial_sort(nearest.begin(), nearest.begin() + count, nearest.end());
  }
  nearest.resize(count);
  return nearest;
}

void NeighborSearch::ChooseReach(int threads, const Tick& tick)
{
  const int size = this->Part.Size();
  const int samples = std::min(SampleSize, size);
  std::vector<std::vector<std::pair<double, int>>> exact(samples);
  const auto placeOf = [&](int sample)
  { return static_cast<int>(static_cast<std::int64_t>(sample) * size / samples); };
  const auto search = [&](int sample, const std::vector<Range>& tiles, bool all)
  {
    const int place = placeOf(sample);
    const int row = this->Part.Begin + this->Order[place];
    Selection selection(this->Neighbors + Spare);
    this->Base.Select(this->Rows, &row, 1, tiles, &selection, place);
    return this->Nearest(&this->Rows(row, 0), place, this->Neighbors, selection, all);
  };
  const double work = static_cast<double>(size) * static_cast<double>(this->Rows.cols());
  ForBlocks(samples, 1, Tiles::Group * work, threads, tick,
    [&](int begin, int) { exact[begin] = search(begin, AllTiles(this->Base), true); });

  for (this->Reach = std::max(2048, 8 * this->Neighbors);; this->Reach *= 2)
  {
    tick(1.0);
    std::vector<int> found(samples);
    ForEach(samples, threads,
      [&](int sample)
      {
        // Distances decide, not places: of duplicates any will do.
        const double farthest = exact[sample].back().first;
        const int cell = this->Partition->CellOf(placeOf(sample));
        const auto nearest = search(sample, this->TilesAround(cell, this->Reach), false);
        found[sample] = static_cast<int>(std::count_if(nearest.begin(), nearest.end(),
          [farthest](const auto& entry) { return entry.first <= farthest; }));
      });
    this->FoundShare = std::accumulate(found.begin(), found.end(), 0.0) /
      (static_cast<double>(samples) * this->Neighbors);
    if (this->FoundShare >= LeastRecall || this->Reach >= size / 2)
    {
      return;
    }
  }
}

NeighborTable NeighborSearch::Find(Range places, int threads, const Tick& tick) const
{
  NeighborTable table;
  table.Count = this->Neighbors;
  table.Index.resize(static_cast<std::size_t>(places.Size()) * table.Count);
  table.SquaredDistance.resize(table.Index.size());
  if (table.Count == 0)
  {
    return table;
  }
  // Blocks of queries with the same candidates.
  std::vector<Range> blocks;
  for (int begin = places.Begin; begin < places.End; begin = blocks.back().End)
  {
    const int end =
      this->Partition ? this->Partition->Places(this->Partition->CellOf(begin)).End : places.End;
    blocks.push_back({ begin, std::min({ begin + Block, end, places.End }) });
  }
  const double compared = this->Partition ? this->Reach : this->Part.Size();
  ForBlocks(static_cast<int>(blocks.size()), 1,
    Block * compared * static_cast<double>(this->Rows.cols()), threads, tick,
    [&](int block, int)
    {
      const Range queries = blocks[block];
      std::vector<int> rows;
      for (int place = queries.Begin; place < queries.End; ++place)
      {
        rows.push_back(this->Part.Begin + this->Order[place]);
      }
      std::vector<Selection> selections(queries.Size(), Selection(table.Count + Spare));
      const std::vector<Range> tiles = this->Partition
        ? this->TilesAround(this->Partition->CellOf(queries.Begin), this->Reach)
        : AllTiles(this->Base);
      this->Base.Select(
        this->Rows, rows.data(), queries.Size(), tiles, selections.data(), queries.Begin);
      for (int q = 0; q < queries.Size(); ++q)
      {
        std::size_t at = static_cast<std::size_t>(queries.Begin - places.Begin + q) * table.Count;
        for (const auto& [distance, place] : this->Nearest(&this->Rows(rows[q], 0),
               queries.Begin + q, table.Count, selections[q], !this->Partition))
        {
          table.SquaredDistance[at] = distance;
          table.Index[at++] = place;
        }
      }
    });
  return table;
}

NeighborTable NeighborSearch::FindOf(
  const Vectors& queries, Range range, int count, int threads, const Tick& tick) const
{
  NeighborTable table;
  table.Count = std::min(count, this->Part.Size());
  table.Index.resize(static_cast<std::size_t>(range.Size()) * table.Count);
  table.SquaredDistance.resize(table.Index.size());
  ForBlocks(range.Size(), Block,
    static_cast<double>(this->Part.Size()) * static_cast<double>(this->Rows.cols()), threads, tick,
    [&](int begin, int end)
    {
      std::vector<int> rows(end - begin);
      std::iota(rows.begin(), rows.end(), range.Begin + begin);
      std::vector<Selection> selections(rows.size(), Selection(table.Count + Spare));
      this->Base.Select(
        queries, rows.data(), end - begin, AllTiles(this->Base), selections.data(), -1);
      for (int q = begin; q < end; ++q)
      {
        std::size_t at = static_cast<std::size_t>(q) * table.Count;
        for (const auto& [distance, place] :
          this->Nearest(&queries(range.Begin + q, 0), -1, table.Count, selections[q - begin], true))
        {
          table.SquaredDistance[at] = distance;
          table.Index[at++] = place;
        }
      }
    });
  return table;
}
}
