// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/Affinities.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <utility>

namespace tdl
{
namespace
{
/** Turns the squared distances of one row, nearest first, into probabilities of the perplexity. */
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
  static constexpr int BlockSize = 4096;

  ConditionalRows(const Vectors& rows, Range range, double perplexity, int threads)
    : Size(range.Size())
    , Count(NeighborCount(range, perplexity))
  {
    const NeighborSearch search(rows, range);
    for (int begin = range.Begin; begin < range.End; begin += BlockSize)
    {
      const Range queries{ begin, std::min(begin + BlockSize, range.End) };
      NeighborTable table = search.Find(queries, this->Count, threads);
      Conditionals block{ std::vector<int>(table.Index.size()),
        std::vector<float>(table.Index.size()) };
#pragma omp parallel for num_threads(threads)
      for (int row = 0; row < queries.Size(); ++row)
      {
        this->FillRow(table, static_cast<std::size_t>(row) * table.Count, perplexity, block);
      }
      this->Blocks.push_back(std::move(block));
    }
  }

  const int Size;
  /** Neighbors per row. */
  const int Count;

  int* Columns(int row)
  {
    return this->Blocks[row / BlockSize].Column.data() + this->At(row);
  }
  float* Values(int row)
  {
    return this->Blocks[row / BlockSize].Value.data() + this->At(row);
  }

  /** p_j|i's place, or null where j is no neighbor of i. */
  float* Find(int i, int j)
  {
    const int* columns = this->Columns(i);
    const int* found = std::lower_bound(columns, columns + this->Count, j);
    return found != columns + this->Count && *found == j ? this->Values(i) + (found - columns)
                                                         : nullptr;
  }

  /** Frees the block that ends with this row, if one does. */
  void FreeUpTo(int row)
  {
    if ((row + 1) % BlockSize == 0)
    {
      this->Blocks[row / BlockSize] = {};
    }
  }

private:
  std::ptrdiff_t At(int row) const
  {
    return static_cast<std::ptrdiff_t>(row % BlockSize) * this->Count;
  }

  static void FillRow(
    NeighborTable& table, std::size_t offset, double perplexity, Conditionals& block)
  {
    if (table.Count == 0)
    {
      return;
    }
    double* distances = &table.SquaredDistance[offset];
    Calibrate(distances, table.Count, perplexity);
    std::vector<std::pair<int, double>> entries(table.Count);
    for (int n = 0; n < table.Count; ++n)
    {
      entries[n] = { table.Index[offset + n], distances[n] };
    }
    std::sort(entries.begin(), entries.end());
    for (int n = 0; n < table.Count; ++n)
    {
      block.Column[offset + n] = entries[n].first;
      block.Value[offset + n] = static_cast<float>(entries[n].second);
    }
  }

  std::vector<Conditionals> Blocks;
};

/**
 * Turns each p_j|i into p_ij = (p_j|i + p_i|j) / 2n where both are there, and into -p_j|i / 2n
 * where there is no p_i|j. Each pair is changed by one thread, that of its smaller index.
 */
void Average(ConditionalRows& rows, int threads)
{
  const float scale = 0.5f / static_cast<float>(rows.Size);
#pragma omp parallel for schedule(dynamic, 256) num_threads(threads)
  for (int i = 0; i < rows.Size; ++i)
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
  }
}

/** Appends a range's symmetric P; the rows are freed on the way. */
void AppendSymmetric(ConditionalRows& rows, int rangeBegin, Affinities& result)
{
  // The entries of the lower or upper triangle that only the other element has as neighbors.
  std::vector<std::int64_t> begin(rows.Size + 1, 0);
  for (int i = 0; i < rows.Size; ++i)
  {
    for (int n = 0; n < rows.Count; ++n)
    {
      begin[rows.Columns(i)[n] + 1] += rows.Values(i)[n] < 0.0f ? 1 : 0;
    }
  }
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  std::vector<std::pair<int, float>> reverse(begin.back());
  std::vector<std::int64_t> next(begin.begin(), begin.end() - 1);
  for (int i = 0; i < rows.Size; ++i)
  {
    for (int n = 0; n < rows.Count; ++n)
    {
      const float value = rows.Values(i)[n];
      if (value < 0.0f)
      {
        reverse[next[rows.Columns(i)[n]]++] = { i, -value };
      }
    }
  }

  std::vector<std::pair<int, float>> row;
  for (int i = 0; i < rows.Size; ++i)
  {
    row.assign(reverse.begin() + begin[i], reverse.begin() + begin[i + 1]);
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
    rows.FreeUpTo(i);
  }
}
}

double MaximumPerplexity(int count)
{
  return std::max(1.0, (count - 1) / 3.0);
}

Affinities ComputeAffinities(const Vectors& rows, const std::vector<Range>& ranges,
  const std::vector<double>& perplexities, int threads)
{
  Affinities result;
  result.Offset.reserve(rows.rows() + 1);
  result.Offset.push_back(0);
  // Each element has its neighbors, and as many others have it at most on average. Memory that is
  // not reached is not taken.
  std::size_t bound = 0;
  for (std::size_t r = 0; r < ranges.size(); ++r)
  {
    bound +=
      2 * static_cast<std::size_t>(ranges[r].Size()) * NeighborCount(ranges[r], perplexities[r]);
  }
  result.Column.reserve(bound);
  result.Value.reserve(bound);
  for (std::size_t r = 0; r < ranges.size(); ++r)
  {
    ConditionalRows conditionals(rows, ranges[r], perplexities[r], threads);
    Average(conditionals, threads);
    AppendSymmetric(conditionals, ranges[r].Begin, result);
  }
  return result;
}
}
