// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EmbeddingQuality/Core/Neighborhoods.h"

#include "Filters/EmbeddingQuality/Core/DistanceTiles.h"
#include "Filters/EvolutionaryEmbedding/Core/Simd.h"

#include <omp.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <exception>
#include <limits>
#include <utility>

namespace tdl
{
namespace
{
constexpr double NotANumber = std::numeric_limits<double>::quiet_NaN();

constexpr int Group = DistanceTile::Group;
constexpr int TileWidth = DistanceTile::Width;
/** Queries of a block, which one thread works on. */
constexpr int BlockSize = 8 * Group;
/** Differences of coordinates between two reports: some hundredths of a second. */
constexpr std::int64_t ReportEvery = std::int64_t(1) << 27;

/** Number of distances below the bound, or at it in the first few rows; NaN is neither. */
TDL_SIMD_CLONES int CountNearer(const DistanceTile::Distances& distances, double bound, int ties)
{
  std::int64_t count = 0; // as wide as what is compared, so that both fit the same vectors
  for (int row = 0; row < ties; ++row)
  {
    count += distances[row] <= bound ? 1 : 0;
  }
  for (int row = ties; row < TileWidth; ++row)
  {
    count += distances[row] < bound ? 1 : 0;
  }
  return static_cast<int>(count);
}

/** The nearest of the elements that come by, tile after tile. */
class Selection
{
public:
  explicit Selection(int size)
    : Size(size)
    , Bound(size > 0 ? std::numeric_limits<double>::infinity() : 0.0)
  {
  }

  void Add(const DistanceTile::Distances& distances, int begin)
  {
    if (CountNearer(distances, this->Bound, 0) == 0)
    {
      return;
    }
    for (int row = 0; row < TileWidth; ++row)
    {
      if (distances[row] < this->Bound)
      {
        this->Best.emplace_back(distances[row], begin + row);
      }
    }
    if (this->Best.size() > 2 * static_cast<std::size_t>(this->Size) + TileWidth)
    {
      this->Shrink();
    }
  }

  /** In no order. */
  std::vector<int> GetIndices()
  {
    this->Shrink();
    std::vector<int> nearest;
    for (const auto& [distance, element] : this->Best)
    {
      nearest.push_back(element);
    }
    return nearest;
  }

private:
  void Shrink()
  {
    if (this->Best.size() > static_cast<std::size_t>(this->Size))
    {
      const auto end = this->Best.begin() + this->Size;
      std::nth_element(this->Best.begin(), end - 1, this->Best.end());
      this->Best.erase(end, this->Best.end());
      this->Bound = this->Best.back().first;
    }
  }

  int Size;
  /** Elements to come have greater indices, so that one at this distance is not among the best. */
  double Bound;
  /** Squared distance and index; ties go to the smaller index. */
  std::vector<std::pair<double, int>> Best;
};

/** Takes what all threads report to the monitor, which only the calling thread speaks to. */
class Watch
{
public:
  Watch(const Monitor& monitor, int count)
    : Listener(monitor)
    , Count(count)
  {
    this->Report();
  }

  /** @param work Differences of coordinates that come next. @return Whether to go on. */
  bool GoesOn(std::int64_t work)
  {
    if (omp_get_thread_num() == 0)
    {
      this->Unreported += work;
      if (this->Unreported > ReportEvery)
      {
        this->Report();
      }
    }
    return !this->Stopped;
  }

  void Finish(int elements) { this->Done += elements; }

  /** Throws what the monitor threw. */
  bool WasStopped() const
  {
    if (this->Error)
    {
      std::rethrow_exception(this->Error);
    }
    return this->Stopped;
  }

private:
  void Report()
  {
    this->Unreported = 0;
    try
    {
      if (!Continue(this->Listener, "Neighborhoods", static_cast<double>(this->Done) / this->Count))
      {
        this->Stopped = true;
      }
    }
    catch (...) // nothing may leave a parallel region
    {
      this->Error = std::current_exception();
      this->Stopped = true;
    }
  }

  const Monitor& Listener;
  int Count;
  std::int64_t Unreported = 0;
  std::exception_ptr Error;
  std::atomic<int> Done{ 0 };
  std::atomic<bool> Stopped{ false };
};

/** What is asked about an element in one space: its nearest, and the ranks of some others. */
struct Query
{
  Query(int element, int neighbors, std::vector<int> others)
    : Element(element)
    , Nearest(neighbors)
    , Others(std::move(others))
    , Ranks(this->Others.size(), 1)
  {
  }

  int Element;
  Selection Nearest;
  /** Each an element, its squared distance, and its rank: 1 for the nearest. */
  std::vector<int> Others;
  std::vector<double> Distances;
  std::vector<int> Ranks;

  /** Regards a tile of elements. */
  void Regard(DistanceTile::Distances& distances, int begin)
  {
    if (begin <= this->Element && this->Element < begin + TileWidth)
    {
      distances[this->Element - begin] = NotANumber; // no neighbor of itself
    }
    this->Nearest.Add(distances, begin);
    for (std::size_t i = 0; i < this->Others.size(); ++i)
    {
      const int ties = std::clamp(this->Others[i] - begin, 0, TileWidth);
      this->Ranks[i] += CountNearer(distances, this->Distances[i], ties);
    }
  }
};

/** Compares some elements with all, in feature space or in the embedding, for one thread. */
template <typename Rows>
class Comparison
{
public:
  Comparison(const Rows& rows, const std::vector<int>& elements)
    : Tiles(rows)
    , Elements(elements)
    , Dimension(static_cast<int>(rows.cols()))
  {
  }

  /** @return Whether all queries are answered; not when stopped. */
  bool Answer(std::vector<Query>& queries, Watch& watch)
  {
    this->Tiles.SetQueries(
      [&](int q) { return this->Elements[queries[q].Element]; }, static_cast<int>(queries.size()));
    for (std::size_t first = 0; first < queries.size(); first += Group)
    {
      this->MeasureOthers(queries, first);
    }
    std::int64_t work = 0;
    for (const Query& query : queries)
    {
      work += TileWidth * static_cast<std::int64_t>(this->Dimension + query.Others.size());
    }
    const auto count = static_cast<int>(this->Elements.size());
    for (int begin = 0; begin < count; begin += TileWidth)
    {
      if (!watch.GoesOn(work))
      {
        return false;
      }
      this->Tiles.SetTile(
        [this, begin](int row) { return this->Elements[begin + row]; }, count - begin);
      for (std::size_t first = 0; first < queries.size(); first += Group)
      {
        auto& distances = this->Tiles.Measure(first);
        const std::size_t size = std::min<std::size_t>(Group, queries.size() - first);
        for (std::size_t q = 0; q < size; ++q)
        {
          queries[first + q].Regard(distances[q], begin);
        }
      }
    }
    return true;
  }

private:
  /** Distances of a group to its others, by the same code as all, so that ties are ties. */
  void MeasureOthers(std::vector<Query>& queries, std::size_t first)
  {
    const std::size_t size = std::min<std::size_t>(Group, queries.size() - first);
    std::vector<std::pair<int, int>> pairs; // place of the query in its group, other
    for (std::size_t q = 0; q < size; ++q)
    {
      for (int other : queries[first + q].Others)
      {
        pairs.emplace_back(static_cast<int>(q), other);
      }
    }
    for (std::size_t begin = 0; begin < pairs.size(); begin += TileWidth)
    {
      const auto count = static_cast<int>(std::min<std::size_t>(TileWidth, pairs.size() - begin));
      this->Tiles.SetTile(
        [&](int row) { return this->Elements[pairs[begin + row].second]; }, count);
      const auto& distances = this->Tiles.Measure(first);
      for (int row = 0; row < count; ++row)
      {
        const int q = pairs[begin + row].first;
        queries[first + q].Distances.push_back(distances[q][row]);
      }
    }
  }

  DistanceTiles<Rows> Tiles;
  const std::vector<int>& Elements;
  int Dimension;
};

/** Asks for the nearest of elements, and for the ranks of those that `found` has as nearest. */
std::vector<Query> Ask(Range block, int neighbors, std::vector<Query> found)
{
  std::vector<Query> queries;
  queries.reserve(block.Size());
  for (int q = 0; q < block.Size(); ++q)
  {
    queries.emplace_back(block.Begin + q, neighbors,
      found.empty() ? std::vector<int>() : found[q].Nearest.GetIndices());
  }
  return queries;
}

/** Sum of how far ranks lie beyond the neighborhood. */
double Excess(const std::vector<int>& ranks, int neighbors)
{
  double sum = 0.0;
  for (int rank : ranks)
  {
    sum += std::max(0, rank - neighbors);
  }
  return sum;
}
}

NeighborhoodScores ScoreNeighborhoods(const Eigen::Ref<const FeatureMatrix>& features,
  const Points& points, const std::vector<int>& elements, const std::vector<int>& labels,
  int neighbors, int threads, const Monitor& monitor)
{
  const auto count = static_cast<int>(elements.size());
  const int k = std::min(neighbors, (count - 1) / 2);
  NeighborhoodScores scores;
  scores.Neighbors = k;
  const auto clear = [&]
  {
    for (Eigen::ArrayXd* array :
      { &scores.Recall, &scores.Trustworthiness, &scores.Continuity, &scores.LabelHit })
    {
      array->setConstant(count, NotANumber);
    }
  };
  clear();
  if (k < 1)
  {
    return scores;
  }

  const double normalization = 2.0 / (static_cast<double>(k) * (2.0 * count - 3.0 * k - 1.0));
  // Few elements are split up, so that every thread has some.
  const int blockSize =
    std::min(BlockSize, (count / (2 * threads) + Group - 1) / Group * Group + Group);
  const int blocks = (count + blockSize - 1) / blockSize;
  Watch watch(monitor, count);
#pragma omp parallel num_threads(threads)
  {
    Comparison<Eigen::Ref<const FeatureMatrix>> original(features, elements);
    Comparison<Points> embedded(points, elements);
#pragma omp for schedule(dynamic)
    for (int number = 0; number < blocks; ++number)
    {
      const Range block{ number * blockSize, std::min(count, (number + 1) * blockSize) };
      std::vector<Query> near = Ask(block, k, {});
      if (!embedded.Answer(near, watch))
      {
        continue;
      }
      std::vector<Query> intruders = Ask(block, k, std::move(near));
      if (!original.Answer(intruders, watch))
      {
        continue;
      }
      std::vector<Query> missing = Ask(block, 0, intruders);
      if (!embedded.Answer(missing, watch))
      {
        continue;
      }
      for (int q = 0; q < block.Size(); ++q)
      {
        const int element = block.Begin + q;
        const std::vector<int>& ranks = intruders[q].Ranks;
        const auto kept =
          std::count_if(ranks.begin(), ranks.end(), [k](int rank) { return rank <= k; });
        scores.Recall[element] = static_cast<double>(kept) / k;
        scores.Trustworthiness[element] = 1.0 - normalization * Excess(ranks, k);
        scores.Continuity[element] = 1.0 - normalization * Excess(missing[q].Ranks, k);
        if (!labels.empty())
        {
          const std::vector<int>& nearest = intruders[q].Others;
          const auto hits = std::count_if(nearest.begin(), nearest.end(),
            [&](int other) { return labels[elements[other]] == labels[elements[element]]; });
          scores.LabelHit[element] = static_cast<double>(hits) / k;
        }
      }
      watch.Finish(block.Size());
    }
  }
  scores.Stopped = watch.WasStopped();
  if (scores.Stopped)
  {
    clear();
  }
  return scores;
}
}
