// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/Affinities.h"

#include <algorithm>
#include <cmath>
#include <limits>

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

/** Adds a range's (P + P^T) / 2n to the rows; a pair that is in both has two entries. */
void Symmetrize(
  const NeighborTable& table, Range range, std::vector<std::vector<std::pair<int, double>>>& rows)
{
  const double scale = 1.0 / (2.0 * range.Size());
  for (int row = 0; row < range.Size(); ++row)
  {
    for (int n = 0; n < table.Count; ++n)
    {
      const std::size_t entry = static_cast<std::size_t>(row) * table.Count + n;
      const double value = scale * table.SquaredDistance[entry];
      if (value > 0.0)
      {
        const int other = table.Index[entry];
        rows[range.Begin + row].emplace_back(range.Begin + other, value);
        rows[range.Begin + other].emplace_back(range.Begin + row, value);
      }
    }
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
  std::vector<std::vector<std::pair<int, double>>> entries(rows.rows());
  for (std::size_t r = 0; r < ranges.size(); ++r)
  {
    const int count = static_cast<int>(std::ceil(3.0 * perplexities[r]));
    NeighborTable table = FindNeighbors(rows, ranges[r], count, threads);
#pragma omp parallel for num_threads(threads)
    for (int row = 0; row < ranges[r].Size(); ++row)
    {
      if (table.Count > 0)
      {
        Calibrate(&table.SquaredDistance[static_cast<std::size_t>(row) * table.Count], table.Count,
          perplexities[r]);
      }
    }
    Symmetrize(table, ranges[r], entries);
  }

  Affinities result;
  result.Offset.push_back(0);
  for (auto& row : entries)
  {
    std::sort(row.begin(), row.end());
    for (std::size_t n = 0; n < row.size(); ++n)
    {
      if (n > 0 && row[n].first == row[n - 1].first)
      {
        result.Value.back() += row[n].second;
      }
      else
      {
        result.Column.push_back(row[n].first);
        result.Value.push_back(row[n].second);
      }
    }
    result.Offset.push_back(static_cast<std::int64_t>(result.Column.size()));
  }
  return result;
}
}
