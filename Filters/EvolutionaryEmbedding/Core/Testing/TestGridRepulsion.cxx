// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/GridRepulsion.h"
#include "Filters/EvolutionaryEmbedding/Core/SemanticLoss.h"
#include "Filters/Foundation/Error.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <tuple>

using namespace tdl;

namespace
{
struct Repulsion
{
  Eigen::ArrayXd Similarities;
  Points Forces;

  explicit Repulsion(Eigen::Index count)
    : Similarities(count)
    , Forces(count, 2)
  {
  }
};

Repulsion OverPairs(const Points& points)
{
  Repulsion result(points.rows());
  for (Eigen::Index i = 0; i < points.rows(); ++i)
  {
    const Points offsets = (-points).rowwise() + points.row(i);
    const Eigen::ArrayXd similarities = 1.0 / (1.0 + offsets.square().rowwise().sum());
    result.Similarities[i] = similarities.sum() - 1.0;
    result.Forces.row(i) = (offsets.colwise() * similarities.square()).colwise().sum();
  }
  return result;
}

Repulsion OverGrid(const Points& points, int threads = 1)
{
  Repulsion result(points.rows());
  GridRepulsion().Compute(points, threads, result.Similarities, result.Forces);
  return result;
}

/** Clusters in a disc, of about the density that t-SNE has at the end. */
Points Map(int count, double radius)
{
  std::mt19937 random(11);
  std::normal_distribution<double> normal;
  std::vector<std::pair<double, double>> centers;
  centers.reserve(40);
  for (int c = 0; c < 40; ++c)
  {
    centers.emplace_back(0.4 * radius * normal(random), 0.4 * radius * normal(random));
  }
  Points points(count, 2);
  for (int i = 0; i < count; ++i)
  {
    const auto& [x, y] = centers[random() % centers.size()];
    points.row(i) << x + 0.1 * radius * normal(random), y + 0.1 * radius * normal(random);
  }
  return points;
}

double RootMeanSquare(const Points& values)
{
  return std::sqrt(values.square().rowwise().sum().mean());
}
}

class AtAnyExtent : public ::testing::TestWithParam<double>
{
};

TEST_P(AtAnyExtent, AgreesWithTheSumsOverPairs)
{
  const Points points = Map(2000, this->GetParam());
  const Repulsion exact = OverPairs(points);
  const Repulsion grid = OverGrid(points);
  EXPECT_LT(RootMeanSquare(grid.Forces - exact.Forces) / RootMeanSquare(exact.Forces), 0.03);
  EXPECT_LT(((grid.Similarities - exact.Similarities) / exact.Similarities).abs().maxCoeff(), 0.01);
  EXPECT_NEAR(grid.Similarities.sum() / exact.Similarities.sum(), 1.0, 2e-4);
}

INSTANTIATE_TEST_SUITE_P(
  Radii, AtAnyExtent, ::testing::Values(1e-9, 1e-4, 0.01, 1.0, 7.0, 20.0, 45.0));

TEST(GridRepulsion, HasTheSameBitsAtAnyNumberOfThreadsAndAfterOtherCalls)
{
  const Points points = Map(3000, 30.0);
  const Repulsion one = OverGrid(points, 1);
  GridRepulsion grid;
  Repulsion other(3000);
  grid.Compute(points * 0.1, 2, other.Similarities, other.Forces);
  for (const int threads : { 3, 2, 5 })
  {
    grid.Compute(points, threads, other.Similarities, other.Forces);
    EXPECT_TRUE((one.Similarities == other.Similarities).all());
    EXPECT_TRUE((one.Forces == other.Forces).all());
  }
}

TEST(GridRepulsion, OfCoincidentPointsIsZero)
{
  const Repulsion grid = OverGrid(Points::Constant(50, 2, 3.5));
  EXPECT_NEAR((grid.Similarities - 49.0).abs().maxCoeff(), 0.0, 1e-4);
  EXPECT_NEAR(grid.Forces.abs().maxCoeff(), 0.0, 1e-4);
}

TEST(GridRepulsion, RefusesAGridBeyondAnyMemory)
{
  Points points = Points::Zero(3, 2);
  points(2, 1) = 1e9;
  EXPECT_THROW(OverGrid(points), ResourceError);
}

TEST(SemanticLoss, OfALargeRangeAgreesWithTheSumOverPairs)
{
  const int count = SemanticLoss::LargestExact + 200;
  const Points points = Map(count, 15.0);
  std::mt19937 random(2);
  std::normal_distribution<double> normal;
  const Vectors features =
    Vectors::NullaryExpr(count, 5, [&] { return static_cast<float>(normal(random)); });
  const Affinities p = ComputeAffinities(features, { { 0, count } }, { 20.0 }, 1);
  SemanticLoss loss(p, { { 0, count } }, { 0.5 }, 2);
  Eigen::ArrayXd parts(count);
  Points gradient = Points::Zero(count, 2);
  loss.SetPoints(2.0 * points);
  loss.SetGradient(3.0, gradient);

  const Repulsion exact = OverPairs(points);
  const double normalization = exact.Similarities.sum();
  Points expected = -exact.Forces / normalization;
  double divergence = 0.0;
  for (int i = 0; i < count; ++i)
  {
    for (auto entry = p.Offset[i]; entry < p.Offset[i + 1]; ++entry)
    {
      const auto offset = (points.row(i) - points.row(p.Column[entry])).eval();
      const double similarity = 1.0 / (1.0 + offset.square().sum());
      expected.row(i) += 3.0 * p.Value[entry] * similarity * offset;
      divergence += p.Value[entry] * std::log(p.Value[entry] * normalization / similarity);
    }
  }
  expected *= 4.0 * 0.5;
  EXPECT_LT(RootMeanSquare(gradient - expected) / RootMeanSquare(expected), 0.01);
  EXPECT_NEAR(loss.Evaluate(parts), divergence, 1e-3);
  EXPECT_NEAR(parts.mean(), divergence, 1e-3);
}
