// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Divergence/Core/Separability.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

using namespace tdl;

namespace
{
/** A ring of one feature, two labels. */
ComparedRing Line(const std::vector<double>& first, const std::vector<double>& second)
{
  ComparedRing ring;
  ring.Labels = 2;
  ring.Features.resize(static_cast<Eigen::Index>(first.size() + second.size()), 1);
  for (const auto* values : { &first, &second })
  {
    for (double value : *values)
    {
      const auto row = static_cast<Eigen::Index>(ring.Label.size());
      ring.Features(row, 0) = value;
      ring.Label.push_back(values == &first ? 0 : 1);
      ring.Unit.push_back(static_cast<int>(row));
    }
  }
  return ring;
}

RingScores Score(
  const ComparedRing& ring, int neighbors, const std::vector<std::vector<int>>& resamples)
{
  const int pairs = ring.Labels * (ring.Labels - 1) / 2;
  return ScoreRing(ring, resamples,
    ActivePairs::Constant(pairs, static_cast<Eigen::Index>(resamples.size()), true), neighbors, 1,
    {});
}

double Separability(const ComparedRing& ring, int neighbors)
{
  const std::vector<int> once(ring.Unit.size(), 1);
  return Score(ring, neighbors, { once }).Separability(0, 0);
}
}

TEST(Separability, IsOneWhereLabelsAreApart)
{
  EXPECT_EQ(Separability(Line({ 0, 1, 2, 3 }, { 10, 11, 12 }), 1), 1.0);
  EXPECT_EQ(Separability(Line({ 0, 1, 2, 3 }, { 10, 11, 12 }), 99), 1.0); // lowered
}

TEST(Separability, IsZeroWhereEveryNearestIsTheOther)
{
  EXPECT_EQ(Separability(Line({ 0, 10, 20 }, { 1, 11, 21 }), 1), 0.0);
}

TEST(Separability, OfTheSameDistributionIsAHalf)
{
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  for (const auto& [first, second] : { std::pair{ 400, 400 }, { 600, 60 } })
  {
    std::vector<double> a(first), b(second);
    std::generate(a.begin(), a.end(), [&] { return normal(random); });
    std::generate(b.begin(), b.end(), [&] { return normal(random); });
    EXPECT_NEAR(Separability(Line(a, b), 5), 0.5, 0.06) << second;
  }
}

TEST(Separability, WeighsLabelsByTheInverseOfTheirNumber)
{
  // Nearest two (of 4, lowered to half of 4) of each: those of 0 are the 2 others of the second.
  ComparedRing ring = Line({ 0, 100, 101, 102, 103 }, { 1, 2, 103.4, 103.5 });
  // 0: {1, 2} -> 0. 100: {101, 102} -> 1. 101: {100, 102} -> 1. 102: {101, 103} -> 1.
  // 103: {103.4, 103.5} -> 0. Second label: 1: {0 or 2: tied, share 1 each} -> own 1/3, other 1/5.
  // 2: {1, 0} -> the same. 103.4: {103.5, 103} and 103.5: {103.4, 103} -> the same.
  const double second = (1.0 / 3.0) / (1.0 / 3.0 + 1.0 / 5.0);
  EXPECT_NEAR(Separability(ring, 2), 0.5 * (3.0 / 5.0 + second), 1e-12);
}

TEST(Separability, SharesThePlacesOfTheEquallyFar)
{
  // All equal, as from the same noise: three of a label against two of it and three of the other.
  EXPECT_NEAR(Separability(Line({ 4, 4, 4 }, { 4, 4, 4 }), 1), 0.5, 1e-12);
}

TEST(Separability, LeavesOutTheOwnUnit)
{
  // Pairs of the same noise lie together; without them, labels are half a unit apart in disorder.
  ComparedRing ring = Line({ 0, 10, 20 }, { 0.5, 10.5, 20.5 });
  ring.Unit = { 0, 1, 2, 0, 1, 2 };
  // 0: 10 before 10.5 -> 1. 10: 0.5 is nearest -> 0. 20: 10.5 -> 0.
  // 0.5: 10 -> 0. 10.5: 20 -> 0. 20.5: 10.5 -> 1.
  const std::vector<std::vector<int>> once(1, std::vector<int>(3, 1));
  EXPECT_NEAR(Score(ring, 1, once).Separability(0, 0), 1.0 / 3.0, 1e-12);
}

TEST(Separability, OfAResampleIsThatOfCopiesThatAvoidEachOther)
{
  std::mt19937 random(5);
  std::normal_distribution<double> normal;
  const int seeds = 8;
  std::vector<double> a(seeds), b(seeds);
  std::generate(a.begin(), a.end(), [&] { return normal(random); });
  std::generate(b.begin(), b.end(), [&] { return 1.0 + normal(random); });
  ComparedRing ring = Line(a, b);
  for (int i = 0; i < 2 * seeds; ++i)
  {
    ring.Unit[i] = i % seeds;
  }
  const std::vector<int> times = { 2, 0, 1, 1, 3, 0, 1, 0 };

  // The same with the copies made.
  ComparedRing copies;
  copies.Labels = 2;
  std::vector<double> values;
  for (int i = 0; i < 2 * seeds; ++i)
  {
    for (int copy = 0; copy < times[ring.Unit[i]]; ++copy)
    {
      values.push_back(ring.Features(i, 0));
      copies.Label.push_back(ring.Label[i]);
      copies.Unit.push_back(ring.Unit[i]);
    }
  }
  copies.Features = Eigen::Map<Eigen::MatrixXd>(values.data(), 16, 1);
  const std::vector<int> once(seeds, 1);
  const RingScores resampled = Score(ring, 3, { once, times });
  const RingScores copied = Score(copies, 3, { once });
  EXPECT_NEAR(resampled.Separability(0, 1), copied.Separability(0, 0), 1e-12);
  EXPECT_NE(resampled.Separability(0, 1), resampled.Separability(0, 0));
}

TEST(Separability, SkipsWhatIsNotActiveOrNotDefined)
{
  const ComparedRing ring = Line({ 0, 1, 2 }, { 10, 11 });
  const std::vector<std::vector<int>> resamples = { { 1, 1, 1, 1, 1 }, { 1, 1, 1, 2, 0 } };
  ActivePairs active = ActivePairs::Constant(1, 2, true);
  RingScores scores = ScoreRing(ring, resamples, active, 1, 1, {});
  EXPECT_EQ(scores.Separability(0, 0), 1.0);
  EXPECT_TRUE(std::isnan(scores.Separability(0, 1))); // a copy has no neighbor of its label
  active(0, 0) = false;
  scores = ScoreRing(ring, resamples, active, 1, 1, {});
  EXPECT_TRUE(std::isnan(scores.Separability(0, 0)));
}

TEST(Separability, FindsTheNeighborhood)
{
  // Two neighbors; where there is one of each label, the nearer one tells.
  const ComparedRing ring = Line({ 8, 8.2, 9, 9.2, 3.2 }, { 2, 3, 3.3, 4, 9.9 });
  const std::vector<int> once(10, 1);
  const RingScores scores = Score(ring, 2, { once });
  EXPECT_EQ(scores.Neighborhood, (std::vector<int>{ 0, 0, 0, 0, 1, 1, 0, 0, 1, 0 }));
}

TEST(Separability, LeavesANeighborhoodOpenWhereAllAreAlike)
{
  const ComparedRing ring = Line({ 4, 4, 4 }, { 4, 4, 4 });
  EXPECT_EQ(Score(ring, 5, { { 1, 1, 1, 1, 1, 1 } }).Neighborhood,
    (std::vector<int>{ 1, 1, 1, 0, 0, 0 })); // three of the other against two of its own
  ComparedRing shared = ring;
  shared.Unit = { 0, 1, 2, 0, 1, 2 };
  EXPECT_EQ(Score(shared, 5, { { 1, 1, 1 } }).Neighborhood, std::vector<int>(6, -1));
}

TEST(Resample, DrawsFromStrataWithReplacement)
{
  const std::vector<int> strata = { 0, 0, 0, 0, 7, 7, 9 };
  const auto resamples = Resample(strata, 400, 1);
  ASSERT_EQ(resamples.size(), 401u);
  EXPECT_EQ(resamples[0], std::vector<int>(7, 1));
  double never = 0;
  for (std::size_t r = 1; r < resamples.size(); ++r)
  {
    const std::vector<int>& times = resamples[r];
    EXPECT_EQ(std::accumulate(times.begin(), times.begin() + 4, 0), 4);
    EXPECT_EQ(times[4], 1); // of two units, both
    EXPECT_EQ(times[5], 1);
    EXPECT_EQ(times[6], 1);
    EXPECT_GE(4 - std::count(times.begin(), times.begin() + 4, 0), 2);
    never += times[0] == 0 ? 1 : 0;
  }
  EXPECT_NEAR(never / 400, 0.31, 0.07); // (3 / 4)^4, a little less without samples of one unit
  EXPECT_EQ(Resample(strata, 400, 1), resamples);
  EXPECT_NE(Resample(strata, 400, 2), resamples);
}
