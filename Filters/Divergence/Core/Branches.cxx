// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Divergence/Core/Branches.h"

#include <algorithm>
#include <cmath>

namespace tdl
{
namespace
{
/** Where the elements of branches are on average. */
class MeanPositions
{
public:
  MeanPositions(const LabeledEmbedding& embedding, int labels)
    : Layout(embedding.Layout)
    , RingDisplacement(embedding.RingDisplacement)
    , Sums(labels, Points::Zero(this->Iterations(), 2))
    , Counts(labels, std::vector<int>(embedding.RingDisplacement.size(), 0))
  {
    for (Eigen::Index i = 0; i < embedding.Position.rows(); ++i)
    {
      const int label = embedding.Label[i];
      if (label >= 0)
      {
        const double x = embedding.Position(i, 0);
        const double y = embedding.Position(i, 1);
        const Displacement displacement = DisplacementOf(this->Layout, x, y);
        if (this->Layout == Layout::Radial)
        {
          this->Sums[label].row(embedding.Iteration[i]) +=
            Eigen::Array2d(displacement.DirectionX, displacement.DirectionY).transpose();
        }
        else
        {
          this->Sums[label](embedding.Iteration[i], 1) += y;
        }
        ++this->Counts[label][embedding.Iteration[i]];
      }
    }
  }

  Eigen::Index Iterations() const
  {
    return static_cast<Eigen::Index>(this->RingDisplacement.size());
  }

  /** Sets where labels are at an iteration; returns false where they have no elements. */
  bool Find(const std::vector<int>& labels, int iteration, Eigen::Array2d& position) const
  {
    Eigen::Array2d mean = Eigen::Array2d::Zero();
    int count = 0;
    for (int label : labels)
    {
      mean += this->Sums[label].row(iteration).transpose();
      count += this->Counts[label][iteration];
    }
    if (count == 0)
    {
      return false;
    }
    mean /= count;
    const double ring = this->RingDisplacement[iteration];
    if (this->Layout == Layout::Rectilinear)
    {
      position << ring, mean.y();
    }
    else
    {
      constexpr double scattered = 0.5;
      position = ring / std::max(scattered, mean.matrix().norm()) * mean;
    }
    return true;
  }

private:
  tdl::Layout Layout;
  const std::vector<double>& RingDisplacement;
  /** [L] K x 2: sums of directions or of y. */
  std::vector<Points> Sums;
  std::vector<std::vector<int>> Counts;
};
}

std::vector<BranchLine> TraceBranches(const MergeTree& tree, const LabeledEmbedding& embedding)
{
  const auto root = static_cast<int>(tree.size()) - 1;
  const MeanPositions means(embedding, static_cast<int>(tree.size() + 1) / 2);
  const auto iterations = static_cast<int>(means.Iterations());

  std::vector<BranchLine> lines(tree.size());
  for (int node = root; node >= 0; --node) // parents come after their parts
  {
    std::vector<Eigen::Array2d> points;
    BranchLine& line = lines[node];
    line.Node = node;
    int begin = 0;
    if (node != root)
    {
      const BranchLine& parent = lines[tree[node].Parent];
      begin = static_cast<int>(std::ceil(tree[tree[node].Parent].Height));
      if (!parent.Iteration.empty())
      {
        points.emplace_back(parent.Position.bottomRows<1>().transpose());
        line.Iteration.push_back(parent.Iteration.back());
      }
    }
    for (int k = begin; k < std::min<double>(tree[node].Height, iterations); ++k)
    {
      Eigen::Array2d position;
      if (means.Find(tree[node].Members, k, position))
      {
        points.push_back(position);
        line.Iteration.push_back(k);
      }
    }
    line.Position.resize(static_cast<Eigen::Index>(points.size()), 2);
    for (std::size_t i = 0; i < points.size(); ++i)
    {
      line.Position.row(static_cast<Eigen::Index>(i)) = points[i].transpose();
    }
  }
  lines.erase(std::remove_if(lines.begin(), lines.end(),
                [](const BranchLine& line) { return line.Iteration.size() < 2; }),
    lines.end());
  return lines;
}
}
