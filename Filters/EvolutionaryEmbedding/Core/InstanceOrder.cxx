// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/InstanceOrder.h"

#include "Filters/Foundation/ForEach.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace tdl
{
namespace
{
/** Joins two branches, each turned such that the ends that meet are the most alike pair of ends. */
std::vector<int> Join(
  std::vector<int> first, std::vector<int> second, const Eigen::MatrixXf& dissimilarities)
{
  struct Ends
  {
    int First, Second;
    bool TurnFirst, TurnSecond;
  };
  const Ends choices[] = { { first.back(), second.front(), false, false },
    { first.back(), second.back(), false, true }, { first.front(), second.front(), true, false },
    { first.front(), second.back(), true, true } };
  const Ends best = *std::min_element(std::begin(choices), std::end(choices),
    [&](const Ends& a, const Ends& b)
    { return dissimilarities(a.First, a.Second) < dissimilarities(b.First, b.Second); });
  if (best.TurnFirst)
  {
    std::reverse(first.begin(), first.end());
  }
  if (best.TurnSecond)
  {
    std::reverse(second.begin(), second.end());
  }
  first.insert(first.end(), second.begin(), second.end());
  return first;
}
}

Eigen::MatrixXf InstanceDissimilarities(
  const Vectors& features, const Arrangement& arrangement, int threads, const Tick& tick)
{
  const int count = arrangement.Instances;
  const int rings = static_cast<int>(arrangement.Rings.size());
  Eigen::MatrixXi position = Eigen::MatrixXi::Constant(count, rings, -1);
  Eigen::VectorXd mean(rings); // squared distance between two elements of the ring
  for (int ring = 0; ring < rings; ++ring)
  {
    const Range& range = arrangement.Rings[ring];
    for (int p = range.Begin; p < range.End; ++p)
    {
      position(arrangement.Instance[p], ring) = p;
    }
    const auto block = features.middleRows(range.Begin, range.Size()).cast<double>();
    const Eigen::RowVectorXd center = block.colwise().mean();
    double variance = 0.0;
    for (int row = 0; row < range.Size(); ++row)
    {
      variance += (block.row(row) - center).squaredNorm() / range.Size();
    }
    mean[ring] = 2.0 * variance * range.Size() / std::max(1, range.Size() - 1);
  }

  // Some instances with some others, whose features of an iteration stay in the cache.
  constexpr int width = 32;
  std::vector<std::pair<int, int>> blocks;
  for (int a = 0; a < count; a += width)
  {
    for (int b = 0; b <= a; b += width)
    {
      blocks.emplace_back(a, b);
    }
  }
  Eigen::MatrixXf result = Eigen::MatrixXf::Zero(count, count);
  const auto compare = [&](int firstA, int firstB)
  {
    std::array<std::array<double, width>, width> sums{};
    std::array<std::array<int, width>, width> shared{};
    const auto forPairs = [&](const auto& work)
    {
      for (int a = firstA; a < std::min(firstA + width, count); ++a)
      {
        for (int b = firstB; b < std::min(firstB + width, a); ++b)
        {
          work(a, b, sums[a - firstA][b - firstB], shared[a - firstA][b - firstB]);
        }
      }
    };
    for (int ring = 0; ring < rings; ++ring)
    {
      forPairs(
        [&](int a, int b, double& sum, int& both)
        {
          const int i = position(a, ring);
          const int j = position(b, ring);
          if (i >= 0 && j >= 0)
          {
            ++both;
            if (mean[ring] > 0.0)
            {
              sum += (features.row(i) - features.row(j)).squaredNorm() / mean[ring];
            }
          }
        });
    }
    forPairs([&](int a, int b, double sum, int both)
      { result(a, b) = result(b, a) = both > 0 ? static_cast<float>(sum / both) : 1.0f; });
  };
  // Rows that are as short as principal components take longer than their operations.
  constexpr double slowness = 8.0;
  ForBlocks(static_cast<int>(blocks.size()), 1,
    slowness * width * width * rings * static_cast<double>(features.cols()), threads, tick,
    [&](int block, int) { compare(blocks[block].first, blocks[block].second); });
  return result;
}

std::vector<int> OrderInstances(const Eigen::MatrixXf& dissimilarities)
{
  const int count = static_cast<int>(dissimilarities.rows());
  Eigen::MatrixXf distance = dissimilarities;    // between branches
  std::vector<std::vector<int>> branches(count); // leaves in order; empty once merged away
  for (int leaf = 0; leaf < count; ++leaf)
  {
    branches[leaf] = { leaf };
  }

  const auto anyBranch = [&branches]()
  {
    const auto found = std::find_if(
      branches.begin(), branches.end(), [](const auto& branch) { return !branch.empty(); });
    return static_cast<int>(found - branches.begin());
  };

  std::vector<int> chain;
  for (int left = count; left > 1;)
  {
    if (chain.empty())
    {
      chain.push_back(anyBranch());
    }
    // Follow nearest neighbors until two are each other's; ties prefer the step just taken, so
    // that the chain ends.
    const int tip = chain.back();
    const int previous = chain.size() > 1 ? chain[chain.size() - 2] : -1;
    int nearest = previous;
    float best = previous >= 0 ? distance(previous, tip) : std::numeric_limits<float>::infinity();
    for (int branch = 0; branch < count; ++branch)
    {
      if (branch != tip && !branches[branch].empty() && distance(branch, tip) < best)
      {
        best = distance(branch, tip);
        nearest = branch;
      }
    }
    if (nearest != previous)
    {
      chain.push_back(nearest);
      continue;
    }

    chain.resize(chain.size() - 2);
    const auto sizeTip = static_cast<float>(branches[tip].size());
    const auto sizeNearest = static_cast<float>(branches[nearest].size());
    distance.col(tip) =
      (sizeTip * distance.col(tip) + sizeNearest * distance.col(nearest)) / (sizeTip + sizeNearest);
    distance.row(tip) = distance.col(tip).transpose();
    branches[tip] = Join(std::move(branches[nearest]), std::move(branches[tip]), dissimilarities);
    branches[nearest].clear();
    --left;
  }
  return branches[anyBranch()];
}
}
