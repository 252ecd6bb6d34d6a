// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/BranchSpread.h"

#include "Filters/Foundation/Pi.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace tdl;

namespace
{
constexpr double Degree = Pi / 180.0;

struct Polar
{
  double Radius;
  double Angle; // degrees
};

Points At(const std::vector<Polar>& places)
{
  Points points(places.size(), 2);
  for (std::size_t i = 0; i < places.size(); ++i)
  {
    points.row(i) << places[i].Radius * std::cos(places[i].Angle * Degree),
      places[i].Radius * std::sin(places[i].Angle * Degree);
  }
  return points;
}

/** The first elements are on the way; the last `leaves` are their instances' last. */
std::vector<int> Leaves(int elements, int leaves)
{
  std::vector<int> next(elements, -1);
  std::fill(next.begin(), next.end() - leaves, elements - 1);
  return next;
}
}

TEST(BranchSpread, MakesGapsBetweenBranchesAlike)
{
  // Branches at 0 to 10, 100 to 110 and 120 to 130 degrees: gaps of 90, 10 and 230 degrees, of
  // which that of 10 and those within branches are below an even spacing of 60.
  Points points = At({ { 1, 5 }, { 2, 55 }, { 3, -115 }, { 5, 0 }, { 5, 10 }, { 5, 100 },
    { 5, 110 }, { 5, 120 }, { 5, 130 } });
  SpreadBranches(Leaves(9, 6), points);
  // The gaps of 90 and 230 become 160 each.
  const Points expected = At({ { 1, 5 }, { 2, 90 }, { 3, 280 }, { 5, 0 }, { 5, 10 }, { 5, 170 },
    { 5, 180 }, { 5, 190 }, { 5, 200 } });
  EXPECT_LT((points - expected).abs().maxCoeff(), 1e-9) << points;
}

TEST(BranchSpread, LeavesEvenAndSingleLeavesAsTheyAre)
{
  const Points even = At({ { 2, -90 }, { 2, 0 }, { 2, 90 }, { 2, 180 } });
  Points points = even;
  SpreadBranches(Leaves(4, 4), points);
  EXPECT_LT((points - even).abs().maxCoeff(), 1e-9);

  const Points ray = At({ { 1, 40 }, { 2, 70 } });
  points = ray;
  SpreadBranches(Leaves(2, 1), points);
  EXPECT_LT((points - ray).abs().maxCoeff(), 1e-9);

  points = Points::Zero(3, 2);
  SpreadBranches(Leaves(3, 3), points);
  EXPECT_TRUE((points == 0.0).all());
}
