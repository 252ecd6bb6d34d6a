// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Divergence/Core/Branches.h"

#include "Filters/Foundation/Pi.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace tdl;

namespace
{
/** Two labels that part at a height, over four iterations. */
MergeTree Fork(double height)
{
  Eigen::MatrixXd separations = Eigen::MatrixXd::Constant(2, 2, height);
  return BuildMergeTree(separations, separations, 4);
}

/** Two elements of each label per iteration; those of label 0 at 1 and 3, of label 1 at -2, -4. */
LabeledEmbedding Rectilinear()
{
  LabeledEmbedding embedding;
  embedding.Layout = Layout::Rectilinear;
  embedding.Position.resize(16, 2);
  for (int i = 0; i < 16; ++i)
  {
    const double y[] = { 1.0, 3.0, -2.0, -4.0 };
    embedding.Iteration.push_back(i / 4);
    embedding.Label.push_back(i % 4 / 2);
    embedding.Position.row(i) << 10.0 * (i / 4) + 0.3, y[i % 4];
  }
  embedding.RingDisplacement = { 0.0, 10.0, 20.0, 30.0 };
  return embedding;
}

/** Elements on rings of radius 1, 2, ..., at these angles, all of label 0 or 1 in turn. */
LabeledEmbedding Radial(const std::vector<double>& angles)
{
  LabeledEmbedding embedding;
  embedding.Position.resize(static_cast<Eigen::Index>(4 * angles.size()), 2);
  Eigen::Index row = 0;
  for (int k = 0; k < 4; ++k)
  {
    for (std::size_t i = 0; i < angles.size(); ++i)
    {
      embedding.Iteration.push_back(k);
      embedding.Label.push_back(static_cast<int>(i % 2));
      embedding.Position.row(row++) << (k + 1.1) * std::cos(angles[i]),
        (k + 1.1) * std::sin(angles[i]);
    }
    embedding.RingDisplacement.push_back(k + 1.0);
  }
  return embedding;
}

const BranchLine& LineOf(const std::vector<BranchLine>& lines, int node)
{
  for (const BranchLine& line : lines)
  {
    if (line.Node == node)
    {
      return line;
    }
  }
  ADD_FAILURE() << "no line of branch " << node;
  return lines.front();
}
}

TEST(Branches, PassThroughTheMeansAndStartWhereTheParentEnds)
{
  for (double height : { 2.0, 1.5 })
  {
    const auto lines = TraceBranches(Fork(height), Rectilinear());
    ASSERT_EQ(lines.size(), 3u);
    EXPECT_EQ(LineOf(lines, 2).Iteration, (std::vector<int>{ 0, 1 }));
    EXPECT_EQ(LineOf(lines, 0).Iteration, (std::vector<int>{ 1, 2, 3 }));
    EXPECT_EQ(LineOf(lines, 1).Iteration, (std::vector<int>{ 1, 2, 3 }));
    Points left(3, 2), right(3, 2), root(2, 2);
    left << 10.0, -0.5, 20.0, 2.0, 30.0, 2.0;
    right << 10.0, -0.5, 20.0, -3.0, 30.0, -3.0;
    root << 0.0, -0.5, 10.0, -0.5;
    EXPECT_TRUE(LineOf(lines, 0).Position.isApprox(left));
    EXPECT_TRUE(LineOf(lines, 1).Position.isApprox(right));
    EXPECT_TRUE(LineOf(lines, 2).Position.isApprox(root));
  }
}

TEST(Branches, OfLabelsThatNeverPartAreOne)
{
  const auto lines = TraceBranches(Fork(4.0), Rectilinear());
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].Node, 2);
  EXPECT_EQ(lines[0].Iteration, (std::vector<int>{ 0, 1, 2, 3 }));
}

TEST(Branches, OfLabelsApartFromTheStartHaveNoStem)
{
  const auto lines = TraceBranches(Fork(0.0), Rectilinear());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(LineOf(lines, 0).Iteration, (std::vector<int>{ 0, 1, 2, 3 }));
}

TEST(Branches, LeaveOutIterationsAndElementsThatAreNotThere)
{
  LabeledEmbedding embedding = Rectilinear();
  for (std::size_t i = 0; i < embedding.Label.size(); ++i)
  {
    embedding.Label[i] = embedding.Label[i] == 0 && embedding.Iteration[i] != 2 ? 0 : -1;
  }
  const auto lines = TraceBranches(Fork(1.0), embedding);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].Iteration, (std::vector<int>{ 0, 1, 3 }));
  EXPECT_EQ(lines[0].Position(0, 1), 2.0);
}

TEST(Branches, LieOnTheRingAtTheMeanDirectionAcrossTheSeam)
{
  const auto lines = TraceBranches(Fork(4.0), Radial({ Pi - 0.3, -Pi + 0.3 }));
  ASSERT_EQ(lines.size(), 1u);
  for (int k = 0; k < 4; ++k)
  {
    EXPECT_NEAR(lines[0].Position(k, 0), -(k + 1.0), 1e-12);
    EXPECT_NEAR(lines[0].Position(k, 1), 0.0, 1e-12);
  }
}

TEST(Branches, StayAtTheCenterWhereDirectionsScatter)
{
  const auto lines = TraceBranches(Fork(4.0), Radial({ 0.5, 0.5 + Pi, 1.3, 1.3 + Pi }));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_LT(lines[0].Position.abs().maxCoeff(), 1e-12);
}
