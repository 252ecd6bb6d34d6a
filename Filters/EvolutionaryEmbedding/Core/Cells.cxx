// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/Cells.h"

#include "Filters/EvolutionaryEmbedding/Core/InstanceOrder.h"
#include "Filters/Foundation/ForEach.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace tdl
{
namespace
{
/** Rows of the sample per centroid. */
constexpr int SamplePerCentroid = 32;
constexpr int LloydSteps = 4;
/** The k-means' share of the time; the assignment of all rows takes the rest. */
constexpr double MeansShare = 0.4;

/** For each row listed the nearest of the centroids. */
std::vector<int> Assign(const Vectors& rows, const std::vector<int>& listed,
  const Vectors& centroids, const Eigen::RowVectorXd& center, int threads, const Tick& tick)
{
  std::vector<int> all(centroids.rows());
  std::iota(all.begin(), all.end(), 0);
  const Tiles tiles(centroids, all, center, threads);
  const std::vector<Range> every{ { 0, (tiles.Size() + Tiles::Width - 1) / Tiles::Width } };
  std::vector<int> nearest(listed.size(), 0);
  const double work = static_cast<double>(centroids.rows()) * static_cast<double>(rows.cols());
  ForBlocks(static_cast<int>(listed.size()), 32 * Tiles::Group, work, threads, tick,
    [&](int begin, int end)
    {
      std::vector<Selection> best(end - begin, Selection(1));
      tiles.Select(rows, &listed[begin], end - begin, every, best.data(), -1);
      for (int i = begin; i < end; ++i)
      {
        best[i - begin].Shrink();
        if (!best[i - begin].Best.empty()) // none where numbers are too large to compare
        {
          nearest[i] = best[i - begin].Best.front().Index;
        }
      }
    });
  return nearest;
}
}

Cells::Cells(const Vectors& rows, Range range, int threads, const Tick& tick)
  : Center(rows.middleRows(range.Begin, range.Size()).cast<double>().colwise().mean())
{
  this->MakeCentroids(rows, range, threads, [&tick](double done) { tick(MeansShare * done); });
  this->SortCentroids();
  std::vector<int> all(range.Size());
  std::iota(all.begin(), all.end(), range.Begin);
  this->Fill(Assign(rows, all, this->Centroids, this->Center, threads,
    [&tick](double done) { tick(MeansShare + (1.0 - MeansShare) * done); }));
}

void Cells::MakeCentroids(const Vectors& rows, Range range, int threads, const Tick& tick)
{
  const auto count =
    static_cast<int>(std::ceil(4.0 * std::sqrt(static_cast<double>(range.Size()))));
  std::vector<int> all(range.Size());
  std::iota(all.begin(), all.end(), range.Begin);
  std::mt19937_64 random(0);
  std::vector<int> sample;
  std::sample(all.begin(), all.end(), std::back_inserter(sample),
    static_cast<std::ptrdiff_t>(count) * SamplePerCentroid, random);
  std::shuffle(sample.begin(), sample.end(), random);

  this->Centroids.resize(std::min<Eigen::Index>(count, sample.size()), rows.cols());
  for (Eigen::Index c = 0; c < this->Centroids.rows(); ++c)
  {
    this->Centroids.row(c) = rows.row(sample[c]);
  }
  std::sort(sample.begin(), sample.end());
  for (int step = 0; step < LloydSteps; ++step)
  {
    const std::vector<int> nearest = Assign(rows, sample, this->Centroids, this->Center, threads,
      [&](double done) { tick((step + done) / LloydSteps); });
    Eigen::MatrixXd sums = Eigen::MatrixXd::Zero(rows.cols(), this->Centroids.rows());
    std::vector<int> members(this->Centroids.rows(), 0);
    for (std::size_t i = 0; i < sample.size(); ++i)
    {
      sums.col(nearest[i]) += rows.row(sample[i]).cast<double>();
      ++members[nearest[i]];
    }
    for (Eigen::Index c = 0; c < this->Centroids.rows(); ++c)
    {
      if (members[c] > 0)
      {
        this->Centroids.row(c) = (sums.col(c) / members[c]).transpose().cast<float>();
      }
    }
  }
}

void Cells::SortCentroids()
{
  const Eigen::MatrixXf columns = this->Centroids.transpose();
  const Eigen::VectorXf squares = columns.colwise().squaredNorm();
  Eigen::MatrixXf distances = -2.0f * (columns.transpose() * columns);
  distances.colwise() += squares;
  distances.rowwise() += squares.transpose();
  const std::vector<int> order = OrderInstances(distances);
  this->Centroids = Vectors(this->Centroids(order, Eigen::indexing::all));
}

void Cells::Fill(const std::vector<int>& nearest)
{
  const auto count = static_cast<int>(this->Centroids.rows());
  std::vector<int> begin(count + 1, 0);
  for (const int cell : nearest)
  {
    ++begin[cell + 1];
  }
  std::partial_sum(begin.begin(), begin.end(), begin.begin());
  this->Order.resize(nearest.size());
  std::vector<int> next(begin.begin(), begin.end() - 1);
  for (std::size_t row = 0; row < nearest.size(); ++row)
  {
    this->Order[next[nearest[row]]++] = static_cast<int>(row);
  }

  // Duplicates can make a cell as large as all: divided, its rows are not all compared.
  const int largest = 8 * std::max(1, static_cast<int>(nearest.size()) / count);
  std::vector<int> centroidOf;
  this->Begin = { 0 };
  for (int cell = 0; cell < count; ++cell)
  {
    for (int from = begin[cell]; from < begin[cell + 1]; from += largest)
    {
      this->Begin.push_back(std::min(from + largest, begin[cell + 1]));
      centroidOf.push_back(cell);
    }
  }
  this->Centroids = Vectors(this->Centroids(centroidOf, Eigen::indexing::all));
}

int Cells::CellOf(int place) const
{
  return static_cast<int>(
    std::upper_bound(this->Begin.begin(), this->Begin.end(), place) - this->Begin.begin() - 1);
}

std::vector<int> Cells::Around(int cell, int rows) const
{
  Eigen::VectorXf distances =
    (this->Centroids.rowwise() - this->Centroids.row(cell)).rowwise().squaredNorm();
  distances[cell] = -1.0f; // before others with the same centroid
  std::vector<int> order(this->Count());
  std::iota(order.begin(), order.end(), 0);
  const auto nearer = [&distances](int a, int b)
  { return distances[a] < distances[b] || (distances[a] == distances[b] && a < b); };
  std::vector<int> around;
  std::size_t sorted = 0;
  for (int have = 0; have < rows && around.size() < order.size();)
  {
    if (around.size() == sorted)
    {
      const std::size_t more = std::min(order.size(), 2 * sorted + 32);
      std::partial_sort(order.begin() + static_cast<std::ptrdiff_t>(sorted),
        order.begin() + static_cast<std::ptrdiff_t>(more), order.end(), nearer);
      sorted = more;
    }
    const int next = order[around.size()];
    have += this->Places(next).Size();
    around.push_back(next);
  }
  return around;
}
}
