// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/InstanceOrder.h"
#include "Filters/EvolutionaryEmbedding/Core/Testing/SyntheticTree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

using namespace tdl;

TEST(InstanceOrder, FindsAShuffledLine)
{
  std::vector<int> place(40);
  std::iota(place.begin(), place.end(), 0);
  std::shuffle(place.begin(), place.end(), std::mt19937(1));
  Eigen::MatrixXf distances(40, 40);
  for (int a = 0; a < 40; ++a)
  {
    for (int b = 0; b < 40; ++b)
    {
      distances(a, b) = static_cast<float>(std::abs(place[a] - place[b]));
    }
  }
  const std::vector<int> order = OrderInstances(distances);
  std::vector<int> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (int i = 0; i < 40; ++i)
  {
    EXPECT_EQ(sorted[i], i);
  }
  int jumps = 0;
  for (int i = 1; i < 40; ++i)
  {
    jumps += std::abs(place[order[i]] - place[order[i - 1]]) > 1 ? 1 : 0;
  }
  EXPECT_EQ(jumps, 0);
}

TEST(InstanceOrder, KeepsClassesAndGroupsTogether)
{
  const OwnedElements tree = MakeSyntheticTree(6, 8);
  const Arrangement arrangement = Arrange(tree.Elements);
  const Vectors features = PrepareFeatures(tree.Elements, arrangement, Metric::Euclidean);
  const std::vector<int> order = OrderInstances(InstanceDissimilarities(features, arrangement, 2));
  ASSERT_EQ(order.size(), 24u);
  for (int i = 1; i < 24; ++i)
  {
    EXPECT_EQ(order[i] / 6 == order[i - 1] / 6, i % 6 != 0) << "classes are contiguous";
    EXPECT_EQ(order[i] / 12 == order[i - 1] / 12, i % 12 != 0) << "groups are contiguous";
  }
}

TEST(InstanceOrder, OfEqualInstancesIsAnyOrder)
{
  EXPECT_EQ(OrderInstances(Eigen::MatrixXf::Zero(1, 1)), std::vector<int>{ 0 });
  EXPECT_EQ(OrderInstances(Eigen::MatrixXf::Zero(9, 9)).size(), 9u);
}

TEST(InstanceDissimilarities, AverageTheIterationsThatBothHave)
{
  FeatureMatrix features(5, 1);
  features << 0.0f, 0.0f, 3.0f, 1.0f, 5.0f;
  OwnedElements owned(features);
  owned.Elements.Instance = { 1, 1, 2, 2, 3 };
  owned.Elements.Iteration = { 0, 1, 0, 1, 1 };
  const Arrangement arrangement = Arrange(owned.Elements);
  const Eigen::MatrixXf distances = InstanceDissimilarities(
    PrepareFeatures(owned.Elements, arrangement, Metric::Euclidean), arrangement, 1);
  // Iteration 0: one pair, at 9. Iteration 1: pairs at 1, 25 and 16, mean 14.
  EXPECT_FLOAT_EQ(distances(0, 1), 0.5f * (9.0f / 9.0f + 1.0f / 14.0f));
  EXPECT_FLOAT_EQ(distances(0, 2), 25.0f / 14.0f);
  EXPECT_FLOAT_EQ(distances(2, 1), 16.0f / 14.0f);
}

TEST(InstanceDissimilarities, OfManyInstancesAreThoseOfEachPair)
{
  constexpr int instances = 70;
  constexpr int iterations = 4;
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  FeatureMatrix all =
    FeatureMatrix::NullaryExpr(instances * iterations, 3, [&] { return normal(random); });
  std::vector<int> kept;
  for (int e = 0; e < instances * iterations; ++e)
  {
    if (e % 5 != 0)
    {
      kept.push_back(e);
    }
  }
  OwnedElements owned(all(kept, Eigen::indexing::all));
  for (const int e : kept)
  {
    owned.Elements.Instance.push_back(e / iterations);
    owned.Elements.Iteration.push_back(e % iterations);
  }
  const auto squaredDistance = [&](int a, int b, int iteration)
  {
    return (all.row(a * iterations + iteration) - all.row(b * iterations + iteration))
      .cast<double>()
      .squaredNorm();
  };
  const auto has = [](int instance, int iteration)
  { return (instance * iterations + iteration) % 5 != 0; };
  const auto forPairs = [&](int iteration, const auto& work)
  {
    for (int a = 0; a < instances; ++a)
    {
      for (int b = 0; b < instances; ++b)
      {
        if (a != b && has(a, iteration) && has(b, iteration))
        {
          work(a, b);
        }
      }
    }
  };
  Eigen::MatrixXd sums = Eigen::MatrixXd::Zero(instances, instances);
  Eigen::MatrixXd shared = sums;
  for (int iteration = 0; iteration < iterations; ++iteration)
  {
    double sum = 0.0;
    int pairs = 0;
    forPairs(iteration,
      [&](int a, int b)
      {
        sum += squaredDistance(a, b, iteration);
        ++pairs;
      });
    forPairs(iteration,
      [&](int a, int b)
      {
        sums(a, b) += squaredDistance(a, b, iteration) * pairs / sum;
        ++shared(a, b);
      });
  }

  const Arrangement arrangement = Arrange(owned.Elements);
  const Vectors features = PrepareFeatures(owned.Elements, arrangement, Metric::Euclidean);
  const Eigen::MatrixXf distances = InstanceDissimilarities(features, arrangement, 2);
  for (int a = 0; a < instances; ++a)
  {
    for (int b = 0; b < instances; ++b)
    {
      EXPECT_NEAR(distances(a, b), a == b ? 0.0 : sums(a, b) / shared(a, b), 1e-5);
    }
  }
  EXPECT_TRUE(
    (distances.array() == InstanceDissimilarities(features, arrangement, 1).array()).all());
  EXPECT_THROW(
    InstanceDissimilarities(features, arrangement, 1, [](double) { throw Stopped(); }), Stopped);
}
