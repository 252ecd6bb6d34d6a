// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/Affinities.h"

#include "Filters/Foundation/Pi.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>

using namespace tdl;

namespace
{
/** Relative rounding error of a value of P. */
constexpr double SinglePrecision = 6e-8;

Vectors RandomVectors(int count, int dimension)
{
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  return Vectors::NullaryExpr(count, dimension, [&] { return normal(random); });
}

Eigen::VectorXd SquaredDistances(const Vectors& rows, int from)
{
  const Eigen::MatrixXd exact = rows.cast<double>();
  return (exact.rowwise() - exact.row(from)).rowwise().squaredNorm();
}

double Entry(const Affinities& p, int i, int j)
{
  const auto begin = p.Column.begin() + p.Offset[i];
  const auto end = p.Column.begin() + p.Offset[i + 1];
  const auto found = std::lower_bound(begin, end, j);
  return found != end && *found == j ? p.Value[found - p.Column.begin()] : 0.0;
}
}

TEST(Neighbors, AgreeWithSortingAllDistances)
{
  const Vectors rows = RandomVectors(150, 7);
  const Range range{ 10, 140 };
  const NeighborTable table = NeighborSearch(rows, range, 12, 2).Find({ 0, range.Size() }, 2);
  ASSERT_EQ(table.Count, 12);
  for (int row = 0; row < range.Size(); ++row)
  {
    std::vector<std::pair<double, int>> all;
    for (int other = 0; other < range.Size(); ++other)
    {
      if (other != row)
      {
        all.emplace_back(
          (rows.row(10 + row).cast<double>() - rows.row(10 + other).cast<double>()).squaredNorm(),
          other);
      }
    }
    std::sort(all.begin(), all.end());
    for (int n = 0; n < table.Count; ++n)
    {
      EXPECT_EQ(table.Index[12 * row + n], all[n].second);
      EXPECT_NEAR(table.SquaredDistance[12 * row + n], all[n].first, 1e-12);
    }
  }
}

TEST(Neighbors, AreExactWhereSinglePrecisionCannotTell)
{
  // A cluster whose inner distances are lost in single precision, so far is it from the center.
  Vectors rows = RandomVectors(300, 6);
  rows.topRows(150) *= 1e-1f;
  rows.topRows(150).array() += 1e4f;
  for (const Range queries : { Range{ 0, 300 }, Range{ 140, 160 } })
  {
    const NeighborTable table = NeighborSearch(rows, { 0, 300 }, 7, 2).Find(queries, 2);
    for (int q = 0; q < queries.Size(); ++q)
    {
      const auto distances = SquaredDistances(rows, queries.Begin + q);
      std::vector<double> sorted(distances.begin(), distances.end());
      std::sort(sorted.begin(), sorted.end());
      for (int n = 0; n < table.Count; ++n)
      {
        EXPECT_DOUBLE_EQ(table.SquaredDistance[7 * q + n], sorted[n + 1]);
      }
    }
  }
}

TEST(Neighbors, OfManyRowsAreFoundInCells)
{
  // Clusters, one of them of duplicates, which are all as near.
  Vectors rows = RandomVectors(5000, 6);
  for (int row = 0; row < 5000; ++row)
  {
    rows.row(row).array() += static_cast<float>(5 * (row % 7));
    if (row % 7 == 6)
    {
      rows.row(row).setConstant(40.0f);
    }
  }
  const Range range{ 100, 4900 };
  const NeighborSearch exact(rows, range, 12, 1);
  const NeighborSearch cells(
    rows, range, 12, 1, [](double) {}, 1000);
  EXPECT_EQ(exact.Recall(), 1.0);
  EXPECT_GE(cells.Recall(), NeighborSearch::LeastRecall);
  const NeighborTable expected = exact.Find({ 0, range.Size() }, 2);
  const NeighborTable found = cells.Find({ 0, range.Size() }, 2);
  std::vector<bool> seen(range.Size(), false);
  int same = 0;
  for (int place = 0; place < range.Size(); ++place)
  {
    const int row = cells.RowAt(place);
    seen[row] = true;
    for (int n = 0; n < 12; ++n)
    {
      const double distance = found.SquaredDistance[12 * place + n];
      same += distance <= expected.SquaredDistance[12 * row + 11] ? 1 : 0;
      const int other = cells.RowAt(found.Index[12 * place + n]);
      EXPECT_NE(other, row);
      EXPECT_NEAR(distance,
        (rows.row(100 + row) - rows.row(100 + other)).cast<double>().squaredNorm(),
        1e-4 * (1.0 + distance));
    }
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), range.Size());
  EXPECT_GE(same, 0.98 * 12 * range.Size());

  const NeighborSearch again(
    rows, range, 12, 3, [](double) {}, 1000);
  const NeighborTable parallel = again.Find({ 0, range.Size() }, 3);
  EXPECT_EQ(parallel.Index, found.Index);
  EXPECT_EQ(parallel.SquaredDistance, found.SquaredDistance);
}

TEST(Neighbors, StopWhenTold)
{
  const Vectors rows = RandomVectors(300, 4);
  const auto stop = [](double) { throw Stopped(); };
  EXPECT_THROW(NeighborSearch(rows, { 0, 300 }, 5, 1, stop, 100), Stopped);
  EXPECT_THROW(NeighborSearch(rows, { 0, 300 }, 5, 1).Find({ 0, 300 }, 1, stop), Stopped);
}

TEST(Neighbors, OfHugeVectorsAreFound)
{
  // Their squares exceed single precision.
  const Vectors rows = RandomVectors(100, 3) * 1e30f;
  const NeighborTable table = NeighborSearch(rows, { 0, 100 }, 1, 1).Find({ 0, 100 }, 1);
  for (int row = 0; row < 100; ++row)
  {
    Eigen::VectorXd distances = SquaredDistances(rows, row);
    distances[row] = std::numeric_limits<double>::infinity();
    EXPECT_DOUBLE_EQ(table.SquaredDistance[row], distances.minCoeff());
  }
}

TEST(Neighbors, OfDuplicatesAreAtDistanceZero)
{
  Vectors rows = Vectors::Constant(5, 3, 0.1f);
  rows.row(4).setConstant(7.0f);
  const NeighborTable table = NeighborSearch(rows, { 0, 5 }, 9, 1).Find({ 0, 5 }, 1);
  ASSERT_EQ(table.Count, 4); // all others
  EXPECT_EQ(table.SquaredDistance[0], 0.0);
  EXPECT_EQ(table.Index[0], 1);
  EXPECT_EQ(table.Index[3], 4);
}

TEST(Affinities, RowsHaveThePerplexity)
{
  // All corners of a regular polygon see the same, so that symmetrizing changes nothing.
  const int count = 31;
  Vectors rows(count, 2);
  for (int i = 0; i < count; ++i)
  {
    const double angle = 2.0 * Pi * i / count;
    rows.row(i) << static_cast<float>(std::cos(angle)), static_cast<float>(std::sin(angle));
  }
  const double perplexity = 10.0;
  const Affinities p = ComputeAffinities(rows, { { 0, count } }, { perplexity }, 1);
  double entropy = 0.0;
  for (int j = 0; j < count; ++j)
  {
    const double conditional = count * Entry(p, 0, j);
    entropy -= conditional > 0.0 ? conditional * std::log(conditional) : 0.0;
  }
  EXPECT_NEAR(std::exp(entropy), perplexity, 1e-6);
}

TEST(Affinities, AreSymmetricAndSumToOneInEachRange)
{
  const Vectors rows = RandomVectors(90, 4);
  const std::vector<Range> ranges{ { 0, 40 }, { 40, 90 } };
  const Affinities p = ComputeAffinities(rows, ranges, { 5.0, 8.0 }, 2);
  for (const Range& range : ranges)
  {
    double sum = 0.0;
    for (int i = range.Begin; i < range.End; ++i)
    {
      for (auto entry = p.Offset[i]; entry < p.Offset[i + 1]; ++entry)
      {
        const int j = p.Column[entry];
        EXPECT_GE(j, range.Begin);
        EXPECT_LT(j, range.End);
        EXPECT_NE(j, i);
        EXPECT_EQ(p.Value[entry], Entry(p, j, i));
        sum += p.Value[entry];
      }
    }
    EXPECT_NEAR(sum, 1.0, SinglePrecision);
  }
}

TEST(Affinities, DoNotDependOnTheScaleOfTheFeatures)
{
  const Vectors rows = RandomVectors(40, 4);
  const Affinities small = ComputeAffinities(rows * 1e-8f, { { 0, 40 } }, { 5.0 }, 1);
  const Affinities large = ComputeAffinities(rows * 1e8f, { { 0, 40 } }, { 5.0 }, 1);
  ASSERT_EQ(small.Column, large.Column);
  for (std::size_t entry = 0; entry < small.Value.size(); ++entry)
  {
    EXPECT_NEAR(small.Value[entry], large.Value[entry], 1e-6 * large.Value[entry]);
  }
}

TEST(Affinities, OfEqualRowsAreUniform)
{
  const Affinities p = ComputeAffinities(Vectors::Constant(6, 3, 0.3f), { { 0, 6 } }, { 1.6 }, 1);
  for (double value : p.Value)
  {
    EXPECT_NEAR(value, 1.0 / 30.0, SinglePrecision / 30.0);
  }
}

TEST(Affinities, OfClustersOfDuplicatesAreFinite)
{
  Vectors rows = Vectors::Zero(20, 2);
  rows.bottomRows(10).setConstant(1e6);
  const Affinities p = ComputeAffinities(rows, { { 0, 20 } }, { 3.0 }, 1);
  EXPECT_GT(Entry(p, 0, 1), 0.0);
  double sum = 0.0;
  for (double value : p.Value)
  {
    EXPECT_TRUE(std::isfinite(value));
    sum += value;
  }
  EXPECT_NEAR(sum, 1.0, SinglePrecision);
}

TEST(Affinities, OfOneRowAreEmpty)
{
  const Affinities p = ComputeAffinities(Vectors::Zero(1, 2), { { 0, 1 } }, { 1.0 }, 1);
  EXPECT_TRUE(p.Value.empty());
  EXPECT_EQ(p.Offset, (std::vector<std::int64_t>{ 0, 0 }));
}
