// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/BranchSpread.h"

#include "Filters/Foundation/Pi.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace tdl
{
void SpreadBranches(const std::vector<int>& next, Points& points)
{
  constexpr double turn = 2.0 * Pi;
  std::vector<double> leaves; // ascending angles of the instances' last elements
  for (Eigen::Index i = 0; i < points.rows(); ++i)
  {
    if (next[i] < 0)
    {
      leaves.push_back(std::atan2(points(i, 1), points(i, 0)));
    }
  }
  std::sort(leaves.begin(), leaves.end());
  const int count = static_cast<int>(leaves.size());
  const double even = turn / count;
  const auto gapAfter = [&](int leaf)
  { return (leaf + 1 < count ? leaves[leaf + 1] : leaves[0] + turn) - leaves[leaf]; };

  double wide = 0.0;
  int numberOfWide = 0;
  for (int leaf = 0; leaf < count; ++leaf)
  {
    if (gapAfter(leaf) > even)
    {
      wide += gapAfter(leaf);
      ++numberOfWide;
    }
  }
  std::vector<double> turned = { leaves[0] };
  for (int leaf = 0; leaf < count; ++leaf)
  {
    turned.push_back(
      turned.back() + (gapAfter(leaf) > even ? wide / numberOfWide : gapAfter(leaf)));
  }

  for (Eigen::Index i = 0; i < points.rows(); ++i)
  {
    const double angle = std::atan2(points(i, 1), points(i, 0));
    const auto above = std::upper_bound(leaves.begin(), leaves.end(), angle);
    // Before the first leaf is the gap after the last one.
    const bool first = above == leaves.begin();
    const int leaf = first ? count - 1 : static_cast<int>(above - leaves.begin()) - 1;
    const double gap = gapAfter(leaf);
    const double beyond = angle + (first ? turn : 0.0) - leaves[leaf];
    const double share = gap > 0.0 ? beyond / gap : 0.0;
    const double target = turned[leaf] + share * (turned[leaf + 1] - turned[leaf]);
    const double radius = std::sqrt(points.row(i).square().sum());
    points.row(i) << radius * std::cos(target), radius * std::sin(target);
  }
}
}
