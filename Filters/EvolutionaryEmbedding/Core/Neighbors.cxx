// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/Neighbors.h"

#include <algorithm>
#include <utility>

namespace tdl
{
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

NeighborTable FindNeighbors(const Vectors& rows, Range range, int count, int threads)
{
  const int size = range.Size();
  NeighborTable table;
  table.Count = std::max(0, std::min(count, size - 1));
  table.Index.resize(static_cast<std::size_t>(size) * table.Count);
  table.SquaredDistance.resize(table.Index.size());
  if (table.Count == 0)
  {
    return table;
  }

  // Distances of a block of rows come from one matrix product, |a - b|^2 = |a|^2 + |b|^2 - 2 a.b.
  // It serves to select; rounding would separate duplicates, so the distances kept are exact.
  const Eigen::RowVectorXd center = rows.middleRows(range.Begin, size).colwise().mean();
  const Vectors centered = rows.middleRows(range.Begin, size).rowwise() - center;
  const Eigen::VectorXd norms = centered.rowwise().squaredNorm();
  constexpr int blockSize = 64;
  const int blocks = (size + blockSize - 1) / blockSize;
#pragma omp parallel num_threads(threads)
  {
    Vectors products;
    std::vector<std::pair<double, int>> candidates;
#pragma omp for schedule(dynamic)
    for (int block = 0; block < blocks; ++block)
    {
      const int begin = block * blockSize;
      const int rowCount = std::min(blockSize, size - begin);
      products.noalias() = centered.middleRows(begin, rowCount) * centered.transpose();
      for (int row = begin; row < begin + rowCount; ++row)
      {
        candidates.clear();
        for (int other = 0; other < size; ++other)
        {
          if (other != row)
          {
            candidates.emplace_back(norms[other] - 2.0 * products(row - begin, other), other);
          }
        }
        const auto last = candidates.begin() + table.Count;
        std::nth_element(candidates.begin(), last - 1, candidates.end());
        for (auto candidate = candidates.begin(); candidate != last; ++candidate)
        {
          candidate->first = (centered.row(row) - centered.row(candidate->second)).squaredNorm();
        }
        std::sort(candidates.begin(), last);
        const std::size_t offset = static_cast<std::size_t>(row) * table.Count;
        for (int n = 0; n < table.Count; ++n)
        {
          table.SquaredDistance[offset + n] = candidates[n].first;
          table.Index[offset + n] = candidates[n].second;
        }
      }
    }
  }
  return table;
}
}
