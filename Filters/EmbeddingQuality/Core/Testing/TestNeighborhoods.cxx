// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EmbeddingQuality/Core/Neighborhoods.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>

using namespace tdl;

namespace
{
Eigen::MatrixXd ToMatrix(const nlohmann::json& rows)
{
  Eigen::MatrixXd result(rows.size(), rows[0].size());
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
Points Line(std::initializer_list<double> places)
{
  Points result = Points::Zero(static_cast<Eigen::Index>(places.size()), 2);
  Eigen::Index row = 0;
  for (double place : places)
  {
    result(row++, 0) = place;
  }
  return result;
}

std::vector<int> FirstNumbers(Eigen::Index count)
{
  std::vector<int> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

/** Scores of all rows. */
NeighborhoodScores ScoreAll(const Points& features, const Points& points,
  const std::vector<int>& labels, int neighbors, int threads)
{
  return ScoreNeighborhoods(features.matrix().cast<float>(), points, FirstNumbers(points.rows()),
    labels, neighbors, threads);
}

/** Ranks of all elements, 1 for the nearest, by sorting them; 0 for the element itself. */
std::vector<int> RankAll(const Eigen::MatrixXd& rows, const std::vector<int>& elements, int element)
{
  std::vector<std::pair<double, int>> others;
  for (int other = 0; other < static_cast<int>(elements.size()); ++other)
  {
    if (other != element)
    {
      others.emplace_back(
        (rows.row(elements[other]) - rows.row(elements[element])).squaredNorm(), other);
    }
  }
  std::sort(others.begin(), others.end());
  std::vector<int> ranks(elements.size(), 0);
  for (std::size_t place = 0; place < others.size(); ++place)
  {
    ranks[others[place].second] = static_cast<int>(place) + 1;
  }
  return ranks;
}

/** The definitions, element by element. */
NeighborhoodScores ScorePlainly(const FeatureMatrix& features, const Points& points,
  const std::vector<int>& elements, const std::vector<int>& labels, int k)
{
  const auto count = static_cast<int>(elements.size());
  const double normalization = 2.0 / (k * (2.0 * count - 3.0 * k - 1.0));
  NeighborhoodScores scores;
  for (Eigen::ArrayXd* array :
    { &scores.Recall, &scores.Trustworthiness, &scores.Continuity, &scores.LabelHit })
  {
    array->setZero(count);
  }
  for (int element = 0; element < count; ++element)
  {
    const std::vector<int> original = RankAll(features.cast<double>(), elements, element);
    const std::vector<int> embedded = RankAll(points.matrix(), elements, element);
    double intruded = 0.0;
    double missed = 0.0;
    for (int other = 0; other < count; ++other)
    {
      const bool isNear = original[other] <= k && other != element;
      const bool isShownNear = embedded[other] <= k && other != element;
      scores.Recall[element] += isNear && isShownNear ? 1.0 / k : 0.0;
      intruded += isShownNear && !isNear ? original[other] - k : 0;
      missed += isNear && !isShownNear ? embedded[other] - k : 0;
      scores.LabelHit[element] +=
        isShownNear && labels[elements[other]] == labels[elements[element]] ? 1.0 / k : 0.0;
    }
    scores.Trustworthiness[element] = 1.0 - normalization * intruded;
    scores.Continuity[element] = 1.0 - normalization * missed;
  }
  return scores;
}

void ExpectSame(const NeighborhoodScores& scores, const NeighborhoodScores& expected)
{
  const auto difference = [](const Eigen::ArrayXd& a, const Eigen::ArrayXd& b)
  { return (a - b).abs().maxCoeff(); };
  ASSERT_EQ(scores.Recall.size(), expected.Recall.size());
  EXPECT_LT(difference(scores.Recall, expected.Recall), 1e-12);
  EXPECT_LT(difference(scores.Trustworthiness, expected.Trustworthiness), 1e-12);
  EXPECT_LT(difference(scores.Continuity, expected.Continuity), 1e-12);
  EXPECT_LT(difference(scores.LabelHit, expected.LabelHit), 1e-12);
}

/** Elements that take a while to compare. */
struct Many
{
  FeatureMatrix Features = FeatureMatrix::Random(1200, 400);
  Points Position = Points::Random(1200, 2);
  std::vector<int> Elements = FirstNumbers(1200);
};
}

TEST(Neighborhoods, AgreeWithScikitLearn)
{
  std::ifstream file(TDL_TEST_DATA "/EmbeddingQuality/neighborhoods.json");
  const nlohmann::json golden = nlohmann::json::parse(file);
  const Eigen::MatrixXd features = ToMatrix(golden["features"]);
  const Eigen::MatrixXd points = ToMatrix(golden["points"]);
  ASSERT_EQ(golden["cases"].size(), 4u);
  for (const auto& expected : golden["cases"])
  {
    const int k = expected["neighbors"];
    const NeighborhoodScores scores = ScoreNeighborhoods(
      features.cast<float>(), points.array(), FirstNumbers(features.rows()), {}, k, 2);
    EXPECT_EQ(scores.Neighbors, k);
    EXPECT_NEAR(scores.Recall.mean(), expected["recall"].get<double>(), 1e-12);
    EXPECT_NEAR(scores.Trustworthiness.mean(), expected["trustworthiness"].get<double>(), 1e-12);
    EXPECT_NEAR(scores.Continuity.mean(), expected["continuity"].get<double>(), 1e-12);
    EXPECT_TRUE(std::isnan(scores.LabelHit[0]));
  }
}

TEST(Neighborhoods, OfAPerfectEmbeddingAreKept)
{
  const Points line = Line({ 0.0, 1.0, 3.0, 6.0, 10.0 });
  const NeighborhoodScores scores = ScoreAll(line, 7.0 * line, { 4, 4, 4, 9, 9 }, 2, 1);
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
  const Points features = Line({ 0.0, 1.0, 3.0, 7.0 });
  const Points points = Line({ 0.0, 9.0, 10.0, 0.5 });
  const NeighborhoodScores scores = ScoreAll(features, points, {}, 1, 1);
  // Element 0 has element 3 as its neighbor in the embedding, its third in feature space: excess 2.
  EXPECT_DOUBLE_EQ(scores.Trustworthiness[0], 1.0 - 0.5 * 2.0);
  // Its neighbor in feature space, element 1, is its second in the embedding: excess 1.
  EXPECT_DOUBLE_EQ(scores.Continuity[0], 1.0 - 0.5 * 1.0);
  EXPECT_EQ(scores.Recall[0], 0.0);
}

TEST(Neighborhoods, AreLoweredToHalfOfTheElements)
{
  const Points line = Line({ 0.0, 1.0, 3.0, 6.0, 10.0 });
  EXPECT_EQ(ScoreAll(line, line, {}, 10, 1).Neighbors, 2);
}

TEST(Neighborhoods, OfTwoElementsHaveNoScore)
{
  const Points line = Line({ 0.0, 1.0 });
  const NeighborhoodScores scores = ScoreAll(line, line, {}, 10, 1);
  EXPECT_EQ(scores.Neighbors, 0);
  ASSERT_EQ(scores.Recall.size(), 2);
  EXPECT_TRUE(scores.Recall.isNaN().all());
}

TEST(Neighborhoods, OfDuplicatesAreFinite)
{
  const Points zero = Points::Zero(9, 2);
  const NeighborhoodScores scores = ScoreAll(zero, zero, {}, 3, 2);
  EXPECT_TRUE((scores.Recall == 1.0).all());
}

TEST(Neighborhoods, AreThoseOfTheDefinition)
{
  // Sizes around those of blocks and tiles, and others that are multiples of none.
  std::mt19937 random(3);
  for (int count : { 3, 6, 7, 48, 49, 64, 65, 131, 211 })
  {
    for (int dimension : { 1, 2, 5, 19 })
    {
      // A grid with many ties; copies and numbers that need rounding; more rows than are compared.
      const int rows = count + 10;
      std::uniform_int_distribution<int> grid(0, 3);
      std::normal_distribution<float> normal;
      FeatureMatrix features(rows, dimension);
      Points points(rows, 2);
      std::vector<int> labels;
      for (int row = 0; row < rows; ++row)
      {
        const bool isCopy = row > 0 && row % 4 == 0;
        for (int d = 0; d < dimension; ++d)
        {
          features(row, d) = isCopy ? features(row / 2, d)
            : count % 2 == 0        ? static_cast<float>(grid(random))
                                    : normal(random);
        }
        points.row(row) << grid(random), grid(random) + (count % 3 == 0 ? normal(random) : 0.0f);
        labels.push_back(grid(random));
      }
      std::vector<int> elements = FirstNumbers(rows);
      std::shuffle(elements.begin(), elements.end(), random);
      elements.resize(count);
      for (int k : { 1, std::min(10, (count - 1) / 2), (count - 1) / 2 })
      {
        SCOPED_TRACE(testing::Message() << count << " x " << dimension << ", k = " << k);
        const NeighborhoodScores scores =
          ScoreNeighborhoods(features, points, elements, labels, k, 2);
        ExpectSame(scores, ScorePlainly(features, points, elements, labels, k));
        EXPECT_FALSE(scores.Stopped);
      }
    }
  }
}

TEST(Neighborhoods, HaveTheSameBitsAtAnyNumberOfThreads)
{
  const FeatureMatrix features = FeatureMatrix::Random(301, 21);
  const Points points = Points::Random(301, 2);
  const std::vector<int> elements = FirstNumbers(301);
  const NeighborhoodScores one = ScoreNeighborhoods(features, points, elements, elements, 10, 1);
  for (int threads : { 2, 3, 16 })
  {
    const NeighborhoodScores more =
      ScoreNeighborhoods(features, points, elements, elements, 10, threads);
    EXPECT_TRUE((more.Recall == one.Recall).all());
    EXPECT_TRUE((more.Trustworthiness == one.Trustworthiness).all());
    EXPECT_TRUE((more.Continuity == one.Continuity).all());
  }
}

TEST(Neighborhoods, OfPointsWhoseDistanceNoNumberHoldsAreFinite)
{
  // All are equally far, so that the order decides: each has the first others as its nearest.
  const Points far = 1e300 * Line({ 0.0, 1.0, 3.0, 6.0, 10.0 });
  const NeighborhoodScores scores = ScoreAll(Points::Zero(5, 2), far, {}, 2, 1);
  EXPECT_TRUE((scores.Recall == 1.0).all());
}

TEST(Neighborhoods, StopWhileTheyAreCompared)
{
  const Many many;
  for (int threads : { 1, 2 })
  {
    // Of two threads, the one that reports may have little to do.
    const int last = threads == 1 ? 2 : 1;
    int calls = 0;
    const NeighborhoodScores scores = ScoreNeighborhoods(many.Features, many.Position,
      many.Elements, many.Elements, 10, threads, [&](const Progress&) { return ++calls < last; });
    EXPECT_TRUE(scores.Stopped);
    EXPECT_EQ(calls, last); // none after the one that stopped it
    for (const Eigen::ArrayXd* array :
      { &scores.Recall, &scores.Trustworthiness, &scores.Continuity, &scores.LabelHit })
    {
      ASSERT_EQ(array->size(), 1200);
      EXPECT_TRUE(array->isNaN().all());
    }
  }
}

TEST(Neighborhoods, ReportFromTheCallingThread)
{
  const Many many;
  for (int threads : { 1, 2 })
  {
    int calls = 0;
    double last = 0.0;
    const auto caller = std::this_thread::get_id();
    const NeighborhoodScores scores =
      ScoreNeighborhoods(many.Features, many.Position, many.Elements, {}, 10, threads,
        [&](const Progress& progress)
        {
          ++calls;
          EXPECT_EQ(std::this_thread::get_id(), caller);
          EXPECT_GE(progress.Fraction, last);
          EXPECT_LT(progress.Fraction, 1.0);
          last = progress.Fraction;
          return true;
        });
    EXPECT_FALSE(scores.Stopped);
    EXPECT_TRUE(scores.Recall.isFinite().all());
    if (threads == 1)
    {
      // 1200 x 1200 x 400 differences, a report each 2^27.
      EXPECT_GE(calls, 5);
      EXPECT_GT(last, 0.7);
    }
  }
}

TEST(Neighborhoods, PassOnWhatTheMonitorThrows)
{
  const Many many;
  int calls = 0;
  const Monitor monitor = [&](const Progress&) -> bool
  { return ++calls < 2 ? true : throw std::runtime_error("enough"); };
  EXPECT_THROW(ScoreNeighborhoods(many.Features, many.Position, many.Elements, {}, 10, 1, monitor),
    std::runtime_error);
}
