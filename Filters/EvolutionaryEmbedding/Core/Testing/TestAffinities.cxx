// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/Affinities.h"

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
  std::normal_distribution<double> normal;
  return Vectors::NullaryExpr(count, dimension, [&] { return normal(random); });
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
  const NeighborTable table = NeighborSearch(rows, range).Find(range, 12, 2);
  ASSERT_EQ(table.Count, 12);
  for (int row = 0; row < range.Size(); ++row)
  {
    std::vector<std::pair<double, int>> all;
    for (int other = 0; other < range.Size(); ++other)
    {
      if (other != row)
      {
        all.emplace_back((rows.row(10 + row) - rows.row(10 + other)).squaredNorm(), other);
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
  rows.topRows(150) *= 1e-3;
  rows.topRows(150).array() += 1e4;
  for (const Range queries : { Range{ 0, 300 }, Range{ 140, 160 } })
  {
    const NeighborTable table = NeighborSearch(rows, { 0, 300 }).Find(queries, 7, 2);
    for (int q = 0; q < queries.Size(); ++q)
    {
      const auto distances =
        (rows.rowwise() - rows.row(queries.Begin + q)).rowwise().squaredNorm().eval();
      std::vector<double> sorted(distances.begin(), distances.end());
      std::sort(sorted.begin(), sorted.end());
      for (int n = 0; n < table.Count; ++n)
      {
        EXPECT_DOUBLE_EQ(table.SquaredDistance[7 * q + n], sorted[n + 1]);
      }
    }
  }
}

TEST(Neighbors, OfHugeVectorsAreFound)
{
  // Their squares exceed single precision.
  const Vectors rows = RandomVectors(100, 3) * 1e30;
  const NeighborTable table = NeighborSearch(rows, { 0, 100 }).Find({ 0, 100 }, 1, 1);
  for (int row = 0; row < 100; ++row)
  {
    Eigen::VectorXd distances = (rows.rowwise() - rows.row(row)).rowwise().squaredNorm();
    distances[row] = std::numeric_limits<double>::infinity();
    EXPECT_DOUBLE_EQ(table.SquaredDistance[row], distances.minCoeff());
  }
}

TEST(Neighbors, OfDuplicatesAreAtDistanceZero)
{
  Vectors rows = Vectors::Constant(5, 3, 0.1);
  rows.row(4).setConstant(7.0);
  const NeighborTable table = NeighborSearch(rows, { 0, 5 }).Find({ 0, 5 }, 9, 1);
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
    rows.row(i) << std::cos(2.0 * 3.14159265358979323846 * i / count),
      std::sin(2.0 * 3.14159265358979323846 * i / count);
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
  const Affinities small = ComputeAffinities(rows * 1e-8, { { 0, 40 } }, { 5.0 }, 1);
  const Affinities large = ComputeAffinities(rows * 1e8, { { 0, 40 } }, { 5.0 }, 1);
  ASSERT_EQ(small.Column, large.Column);
  for (std::size_t entry = 0; entry < small.Value.size(); ++entry)
  {
    EXPECT_NEAR(small.Value[entry], large.Value[entry], 1e-9);
  }
}

TEST(Affinities, OfEqualRowsAreUniform)
{
  const Affinities p = ComputeAffinities(Vectors::Constant(6, 3, 0.3), { { 0, 6 } }, { 1.6 }, 1);
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
