// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EmbeddingQuality/Core/Neighborhoods.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>

using namespace tdl;

namespace
{
Vectors ToVectors(const nlohmann::json& rows)
{
  Vectors result(rows.size(), rows[0].size());
  for (Eigen::Index i = 0; i < result.rows(); ++i)
  {
    for (Eigen::Index j = 0; j < result.cols(); ++j)
    {
      result(i, j) = rows[i][j].get<double>();
    }
  }
  return result;
}

/** Points on a line at the given places. */
Vectors Line(std::initializer_list<double> places)
{
  Vectors result = Vectors::Zero(static_cast<Eigen::Index>(places.size()), 2);
  Eigen::Index row = 0;
  for (double place : places)
  {
    result(row++, 0) = place;
  }
  return result;
}
}

TEST(Neighborhoods, AgreeWithScikitLearn)
{
  std::ifstream file(TDL_TEST_DATA "/EmbeddingQuality/neighborhoods.json");
  const nlohmann::json golden = nlohmann::json::parse(file);
  const Vectors features = ToVectors(golden["features"]);
  const Vectors points = ToVectors(golden["points"]);
  ASSERT_EQ(golden["cases"].size(), 4u);
  for (const auto& expected : golden["cases"])
  {
    const int k = expected["neighbors"];
    const NeighborhoodScores scores = ScoreNeighborhoods(features, points, {}, k, 2);
    EXPECT_EQ(scores.Neighbors, k);
    EXPECT_NEAR(scores.Recall.mean(), expected["recall"].get<double>(), 1e-12);
    EXPECT_NEAR(scores.Trustworthiness.mean(), expected["trustworthiness"].get<double>(), 1e-12);
    EXPECT_NEAR(scores.Continuity.mean(), expected["continuity"].get<double>(), 1e-12);
    EXPECT_TRUE(std::isnan(scores.LabelHit[0]));
  }
}

TEST(Neighborhoods, OfAPerfectEmbeddingAreKept)
{
  const Vectors line = Line({ 0.0, 1.0, 3.0, 6.0, 10.0 });
  const NeighborhoodScores scores = ScoreNeighborhoods(line, 7.0 * line, { 4, 4, 4, 9, 9 }, 2, 1);
  EXPECT_TRUE((scores.Recall == 1.0).all());
  EXPECT_TRUE((scores.Trustworthiness == 1.0).all());
  EXPECT_TRUE((scores.Continuity == 1.0).all());
  // The nearest two: 1 2, 0 2, 1 0, 2 4 or 1 (at 3, 4, 5), 3 2.
  const double hits[] = { 1.0, 1.0, 1.0, 0.5, 0.5 };
  for (int i = 0; i < 5; ++i)
  {
    EXPECT_EQ(scores.LabelHit[i], hits[i]) << i;
  }
}

TEST(Neighborhoods, CountIntrudersByTheirRank)
{
  // k = 1, n = 4: the normalization is 2 / (1 * (8 - 3 - 1)) = 1/2.
  const Vectors features = Line({ 0.0, 1.0, 3.0, 7.0 });
  const Vectors points = Line({ 0.0, 9.0, 10.0, 0.5 });
  const NeighborhoodScores scores = ScoreNeighborhoods(features, points, {}, 1, 1);
  // Element 0 has element 3 as its neighbor in the embedding, its third in feature space: excess 2.
  EXPECT_DOUBLE_EQ(scores.Trustworthiness[0], 1.0 - 0.5 * 2.0);
  // Its neighbor in feature space, element 1, is its second in the embedding: excess 1.
  EXPECT_DOUBLE_EQ(scores.Continuity[0], 1.0 - 0.5 * 1.0);
  EXPECT_EQ(scores.Recall[0], 0.0);
}

TEST(Neighborhoods, AreLoweredToHalfOfTheElements)
{
  const Vectors line = Line({ 0.0, 1.0, 3.0, 6.0, 10.0 });
  EXPECT_EQ(ScoreNeighborhoods(line, line, {}, 10, 1).Neighbors, 2);
}

TEST(Neighborhoods, OfTwoElementsHaveNoScore)
{
  const Vectors line = Line({ 0.0, 1.0 });
  const NeighborhoodScores scores = ScoreNeighborhoods(line, line, {}, 10, 1);
  EXPECT_EQ(scores.Neighbors, 0);
  ASSERT_EQ(scores.Recall.size(), 2);
  EXPECT_TRUE(scores.Recall.isNaN().all());
}

TEST(Neighborhoods, OfDuplicatesAreFinite)
{
  const Vectors zero = Vectors::Zero(9, 2);
  const NeighborhoodScores scores = ScoreNeighborhoods(zero, zero, {}, 3, 2);
  EXPECT_TRUE((scores.Recall == 1.0).all());
}
