// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/Affinities.h"

#include "Filters/Foundation/ForEach.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <utility>

namespace tdl
{
namespace
{
/** Neighbors that an element of the range has in P: three times the perplexity. */
int NeighborCount(Range range, double perplexity)
{
  return std::min(static_cast<int>(std::ceil(3.0 * perplexity)), range.Size() - 1);
}

/** Some consecutive rows of the conditional probabilities p_j|i of a range, columns ascending. */
struct Conditionals
{
  std::vector<int> Column;
  std::vector<float> Value;
};

/** The conditional probabilities of a range in blocks of rows, which are freed one by one. */
class ConditionalRows
{
public:
  /** Rows per block; so large that its memory goes back to the system when it is freed. */
  static constexpr int BlockSize = 1 << 17;

  ConditionalRows(
    const Vectors& rows, Range range, double perplexity, int threads, const Tick& tick)
    : Size(range.Size())
    , Count(NeighborCount(range, perplexity))
  {
    constexpr double preparation = 0.2; // its share of the time, where there is one
    const NeighborSearch search(
      rows, range, this->Count, threads, [&tick](double done) { tick(preparation * done); });
    this->Recall = search.Recall();
    for (int place = 0; place < this->Size; ++place)
    {
      this->Position.push_back(range.Begin + search.RowAt(place));
    }
    for (int row = 0; row < this->Size; row += BlockSize)
    {
      tick(preparation); // so much memory takes time
      const std::size_t entries =
        static_cast<std::size_t>(std::min(BlockSize, this->Size - row)) * this->Count;
      this->Blocks.push_back({ std::vector<int>(entries), std::vector<float>(entries) });
    }
    for (int begin = 0; begin < this->Size; begin += QueriesAtOnce)
    {
      const Range queries{ begin, std::min(begin + QueriesAtOnce, this->Size) };
      NeighborTable table = search.Find(queries, threads,
        [&](double done)
        {
          const double searched = (begin + done * queries.Size()) / this->Size;
          tick(preparation + (1.0 - preparation) * searched);
        });
      ForEach(table.Count > 0 ? queries.Size() : 0, threads,
        [&](int query) { this->FillRow(table, query, perplexity, begin + query); });
    }
  }

  const int Size;
  /** Neighbors per row. */
  const int Count;
  /** Share of the neighbors that were found. */
  double Recall = 1.0;
  /** [Size] Positions of the arrangement. */
  std::vector<int> Position;

  int* Columns(int row) { return this->Blocks[row / BlockSize].Column.data() + this->At(row); }
  float* Values(int row) { return this->Blocks[row / BlockSize].Value.data() + this->At(row); }

  /** p_j|i's place, or null where j is no neighbor of i. */
  float* Find(int i, int j)
  {
    const int* columns = this->Columns(i);
    const int* found = std::lower_bound(columns, columns + this->Count, j);
    return found != columns + this->Count && *found == j ? this->Values(i) + (found - columns)
                                                         : nullptr;
  }

  /** Frees the block that the row is in. */
  void FreeBlock(int row) { this->Blocks[row / BlockSize] = {}; }

private:
  std::ptrdiff_t At(int row) const
  {
    return static_cast<std::ptrdiff_t>(row % BlockSize) * this->Count;
  }

  void FillRow(NeighborTable& table, int query, double perplexity, int row)
  {
    const std::size_t offset = static_cast<std::size_t>(query) * this->Count;
    double* distances = &table.SquaredDistance[offset];
    Calibrate(distances, this->Count, perplexity);
    std::vector<std::pair<int, double>> entries(this->Count);
    for (int n = 0; n < this->Count; ++n)
    {
      entries[n] = { table.Index[offset + n], distances[n] };
    }
    std::sort(entries.begin(), entries.end());
    for (int n = 0; n < this->Count; ++n)
    {
      this->Columns(row)[n] = entries[n].first;
      this->Values(row)[n] = static_cast<float>(entries[n].second);
    }
  }

  /** Queries whose neighbors are kept with their distances at a time. */
  static constexpr int QueriesAtOnce = 4096;

  std::vector<Conditionals> Blocks;
};

/**
 * Turns each p_j|i into p_ij = (p_j|i + p_i|j) / 2n where both are there, and into -p_j|i / 2n
 * where there is no p_i|j. Each pair is changed by one thread, that of its smaller index.
 */
void Average(ConditionalRows& rows, int threads, const Tick& tick)
{
  const float scale = 0.5f / static_cast<float>(rows.Size);
  const auto average = [&](int i)
  {
    for (int n = 0; n < rows.Count; ++n)
    {
      const int j = rows.Columns(i)[n];
      float& value = rows.Values(i)[n];
      float* reverse = rows.Find(j, i);
      if (!reverse)
      {
        value *= -scale;
      }
      else if (i < j)
      {
        value = *reverse = scale * (value + *reverse);
      }
    }
  };
  constexpr int block = 256;
  constexpr int together = 128 * block;
  for (int begin = 0; begin < rows.Size; begin += together)
  {
    tick(static_cast<double>(begin) / rows.Size);
    const int end = std::min(begin + together, rows.Size);
    ForEach((end - begin + block - 1) / block, threads,
      [&](int b)
      {
        for (int i = begin + b * block; i < std::min(begin + (b + 1) * block, end); ++i)
        {
          average(i);
        }
      });
  }
}

/** Appends a range's symmetric P; the rows are freed on the way. */
void AppendSymmetric(ConditionalRows& rows, int rangeBegin, Affinities& result, const Tick& tick)
{
  constexpr double passes = 3.0;
  const auto report = [&](double pass, int row)
  {
    constexpr int every = 1 << 14;
    if (row % every == 0)
    {
      tick((pass + static_cast<double>(row) / rows.Size) / passes);
    }
  };
  // The entries that only the other element has as neighbors, in blocks as the rows'.
  using Entry = std::pair<int, float>;
  constexpr int blockSize = ConditionalRows::BlockSize;
  std::vector<int> end(rows.Size, 0); // of a row's entries, counted from its block's begin
  const auto forOneSided = [&](double pass, const auto& work)
  {
    for (int i = 0; i < rows.Size; ++i)
    {
      report(pass, i);
      for (int n = 0; n < rows.Count; ++n)
      {
        if (const float value = rows.Values(i)[n]; value < 0.0f)
        {
          work(rows.Columns(i)[n], Entry(i, -value));
        }
      }
    }
  };
  forOneSided(0.0, [&end](int row, const Entry&) { ++end[row]; });
  std::vector<std::vector<Entry>> reverse;
  for (int first = 0; first < rows.Size; first += blockSize)
  {
    int sum = 0;
    for (int row = first; row < std::min(first + blockSize, rows.Size); ++row)
    {
      sum += std::exchange(end[row], sum); // the begin, until the entries are there
    }
    reverse.emplace_back(sum);
  }
  forOneSided(
    1.0, [&](int row, const Entry& entry) { reverse[row / blockSize][end[row]++] = entry; });

  std::vector<Entry> row;
  for (int i = 0; i < rows.Size; ++i)
  {
    report(2.0, i);
    std::vector<Entry>& block = reverse[i / blockSize];
    row.assign(block.begin() + (i % blockSize == 0 ? 0 : end[i - 1]), block.begin() + end[i]);
    const auto middle = static_cast<std::ptrdiff_t>(row.size());
    for (int n = 0; n < rows.Count; ++n)
    {
      if (const float value = std::abs(rows.Values(i)[n]); value > 0.0f)
      {
        row.emplace_back(rows.Columns(i)[n], value);
      }
    }
    std::inplace_merge(row.begin(), row.begin() + middle, row.end());
    for (const auto& [column, value] : row)
    {
      result.Column.push_back(rangeBegin + column);
      result.Value.push_back(value);
    }
    result.Offset.push_back(static_cast<std::int64_t>(result.Column.size()));
    if ((i + 1) % blockSize == 0)
    {
      block = {};
      rows.FreeBlock(i);
    }
  }
}
}

void Calibrate(double* row, int count, double perplexity)
{
  // Only differences to the nearest matter, and only relative to their mean: the search is then
  // independent of the features' scale, and the largest weight is 1, so that nothing underflows.
  const double nearest = row[0];
  double mean = 0.0;
  for (int n = 0; n < count; ++n)
  {
    row[n] -= nearest;
    mean += row[n] / count;
  }
  if (mean <= 0.0)
  {
    std::fill(row, row + count, 1.0 / count);
    return;
  }

  const double target = std::log(perplexity);
  double low = 0.0;
  double high = std::numeric_limits<double>::infinity();
  double precision = 1.0 / mean;
  // Beyond the second condition so many duplicates are nearest that they alone exceed the
  // perplexity: they share the row.
  for (int step = 0; step < 100 && precision * mean < 1e12; ++step)
  {
    double sum = 0.0;
    double moment = 0.0;
    for (int n = 0; n < count; ++n)
    {
      const double weight = std::exp(-precision * row[n]);
      sum += weight;
      moment += weight * row[n];
    }
    const double entropy = std::log(sum) + precision * moment / sum;
    if (std::abs(entropy - target) < 1e-10)
    {
      break;
    }
    (entropy > target ? low : high) = precision;
    precision = std::isinf(high) ? 2.0 * precision : 0.5 * (low + high);
  }

  double sum = 0.0;
  for (int n = 0; n < count; ++n)
  {
    row[n] = std::exp(-precision * row[n]);
    sum += row[n];
  }
  std::transform(row, row + count, row, [sum](double weight) { return weight / sum; });
}

double MaximumPerplexity(int count)
{
  return std::max(1.0, (count - 1) / 3.0);
}

Affinities ComputeAffinities(Vectors rows, const std::vector<Range>& ranges,
  const std::vector<double>& perplexities, int threads, const Tick& tick)
{
  Affinities result;
  result.Offset.reserve(rows.rows() + 1);
  result.Offset.push_back(0);
  // Each element has its neighbors, and as many others have it at most on average. Memory that is
  // not reached is not taken.
  std::size_t bound = 0;
  std::vector<double> work; // of all ranges up to one
  for (std::size_t r = 0; r < ranges.size(); ++r)
  {
    const double size = ranges[r].Size();
    bound += 2 * static_cast<std::size_t>(size) * NeighborCount(ranges[r], perplexities[r]);
    work.push_back((work.empty() ? 0.0 : work.back()) + size * size * rows.cols());
  }
  result.Column.reserve(bound);
  result.Value.reserve(bound);

  // Large ranges use all threads one after the other, small ones use one thread each.
  constexpr double largestTogether = 1e9; // multiplications that a core does in a moment
  for (std::size_t begin = 0; begin < ranges.size();)
  {
    const double before = begin > 0 ? work[begin - 1] : 0.0;
    std::size_t end = begin + 1;
    while (end < ranges.size() && work[end] - before < largestTogether * threads)
    {
      ++end;
    }
    const bool alone = end - begin == 1;
    const auto part = [&](double from, double to)
    {
      return [&, from, to](double done)
      {
        const double share = from + done * (to - from);
        tick((before + share * (work[end - 1] - before)) / work.back());
      };
    };
    const Tick silent = [](double) {};
    part(0.0, 1.0)(0.0);
    std::vector<std::unique_ptr<ConditionalRows>> conditionals(end - begin);
    ForEach(static_cast<int>(end - begin), alone ? 1 : threads,
      [&](int i)
      {
        conditionals[i] = std::make_unique<ConditionalRows>(rows, ranges[begin + i],
          perplexities[begin + i], alone ? threads : 1, alone ? part(0.0, 0.8) : silent);
        Average(*conditionals[i], alone ? threads : 1, alone ? part(0.8, 0.85) : silent);
      });
    if (end == ranges.size())
    {
      rows.resize(0, 0); // the symmetric P needs their memory
    }
    for (std::unique_ptr<ConditionalRows>& range : conditionals)
    {
      result.Position.insert(result.Position.end(), range->Position.begin(), range->Position.end());
      result.NeighborRecall = std::min(result.NeighborRecall, range->Recall);
      AppendSymmetric(*range, ranges[begin].Begin, result, alone ? part(0.85, 1.0) : silent);
      range.reset();
      ++begin;
    }
  }
  return result;
}
}
