// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Divergence/Core/MergeTree.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace tdl
{
namespace
{
/** Mean over the pairs between two sets of labels. */
double MeanBetween(
  const Eigen::MatrixXd& values, const std::vector<int>& left, const std::vector<int>& right)
{
  double sum = 0.0;
  for (int a : left)
  {
    for (int b : right)
    {
      sum += values(a, b);
    }
  }
  return sum / (static_cast<double>(left.size()) * static_cast<double>(right.size()));
}

std::vector<int> Union(const std::vector<int>& left, const std::vector<int>& right)
{
  std::vector<int> all;
  std::merge(left.begin(), left.end(), right.begin(), right.end(), std::back_inserter(all));
  return all;
}
}

MergeTree BuildMergeTree(
  const Eigen::MatrixXd& separations, const Eigen::MatrixXd& separabilities, double end)
{
  const auto labels = static_cast<int>(separations.rows());
  MergeTree tree(labels);
  std::vector<int> active;
  // Means between the active branches, in a leaf's row and column the branch that took its place.
  Eigen::MatrixXd late = separations;
  Eigen::MatrixXd apart = separabilities;
  std::vector<int> place;
  for (int label = 0; label < labels; ++label)
  {
    tree[label].Height = tree[label].Low = tree[label].High = end;
    tree[label].Members = { label };
    active.push_back(label);
    place.push_back(label);
  }
  while (active.size() > 1)
  {
    std::size_t first = 0;
    std::size_t second = 1;
    const auto key = [&](std::size_t a, std::size_t b)
    { return std::make_pair(-late(place[a], place[b]), apart(place[a], place[b])); };
    for (std::size_t a = 0; a < active.size(); ++a)
    {
      for (std::size_t b = a + 1; b < active.size(); ++b)
      {
        if (key(a, b) < key(first, second))
        {
          first = a;
          second = b;
        }
      }
    }
    MergeNode node;
    node.Left = active[first];
    node.Right = active[second];
    const std::vector<int>& left = tree[node.Left].Members;
    const std::vector<int>& right = tree[node.Right].Members;
    // Rounding may not turn the order around.
    node.Height = std::min(
      { MeanBetween(separations, left, right), tree[node.Left].Height, tree[node.Right].Height });
    node.Low = node.High = node.Height;
    node.Members = Union(left, right);
    tree[node.Left].Parent = tree[node.Right].Parent = static_cast<int>(tree.size());

    const auto leftSize = static_cast<double>(left.size());
    const auto rightSize = static_cast<double>(right.size());
    const int kept = place[first];
    for (Eigen::MatrixXd* means : { &late, &apart })
    {
      const Eigen::VectorXd merged =
        (leftSize * means->col(kept) + rightSize * means->col(place[second])) /
        (leftSize + rightSize);
      means->col(kept) = merged;
      means->row(kept) = merged.transpose();
    }
    active[first] = static_cast<int>(tree.size());
    active.erase(active.begin() + static_cast<std::ptrdiff_t>(second));
    place.erase(place.begin() + static_cast<std::ptrdiff_t>(second));
    tree.push_back(std::move(node));
  }
  return tree;
}

Eigen::MatrixXd PairMatrix(const Eigen::Ref<const Eigen::VectorXd>& values, int labels)
{
  Eigen::MatrixXd matrix = Eigen::MatrixXd::Zero(labels, labels);
  for (int a = 0; a < labels; ++a)
  {
    for (int b = a + 1; b < labels; ++b)
    {
      matrix(a, b) = matrix(b, a) = values[PairIndex(a, b, labels)];
    }
  }
  return matrix;
}

bool SetConfidence(MergeTree& tree, const Eigen::MatrixXi& resamples,
  const Eigen::MatrixXd& separabilities, double confidence, const Monitor& monitor)
{
  const auto labels = static_cast<int>(separabilities.rows());
  const auto count = static_cast<int>(resamples.cols());
  std::vector<std::vector<double>> heights(tree.size());
  std::vector<int> found(tree.size(), 0);
  for (int resample = 0; resample < count; ++resample)
  {
    if (!Continue(monitor, "Merge tree", static_cast<double>(resample) / count))
    {
      return false;
    }
    const Eigen::MatrixXd separations = PairMatrix(resamples.col(resample).cast<double>(), labels);
    std::set<std::vector<int>> branches;
    for (MergeNode& node : BuildMergeTree(separations, separabilities, tree.front().Height))
    {
      branches.insert(std::move(node.Members));
    }
    for (std::size_t n = 0; n < tree.size(); ++n)
    {
      const MergeNode& node = tree[n];
      found[n] += static_cast<int>(branches.count(node.Members));
      if (node.Left >= 0)
      {
        heights[n].push_back(
          MeanBetween(separations, tree[node.Left].Members, tree[node.Right].Members));
      }
    }
  }
  for (std::size_t n = 0; n < tree.size(); ++n)
  {
    MergeNode& node = tree[n];
    node.Support = static_cast<double>(found[n]) / count;
    if (node.Left >= 0)
    {
      const Bounds bounds = PercentileBounds(std::move(heights[n]), confidence, node.Height);
      node.Low = bounds.Low;
      node.High = bounds.High;
    }
  }
  return true;
}

Bounds PercentileBounds(std::vector<double> values, double confidence, double estimate)
{
  std::sort(values.begin(), values.end());
  const auto last = static_cast<double>(values.size() - 1);
  const double tail = 0.5 * (1.0 - confidence);
  constexpr double rounding = 1e-9;
  const auto low = static_cast<std::size_t>(std::floor(tail * last + rounding));
  const auto high = static_cast<std::size_t>(std::ceil((1.0 - tail) * last - rounding));
  return { std::min(values[low], estimate), std::max(values[high], estimate) };
}
}
