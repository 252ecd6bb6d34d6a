// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Divergence/Core/MergeTree.h"

#include <gtest/gtest.h>

using namespace tdl;

namespace
{
/** Symmetric matrix of the pairs 01, 02, 03, 12, 13, 23. */
Eigen::MatrixXd Pairs(const std::vector<double>& values)
{
  return PairMatrix(Eigen::Map<const Eigen::VectorXd>(values.data(), 6), 4);
}

const Eigen::MatrixXd Even = Pairs({ 0.5, 0.5, 0.5, 0.5, 0.5, 0.5 });
}

TEST(MergeTree, NumbersPairsByFirstThenSecond)
{
  int expected = 0;
  for (int a = 0; a < 5; ++a)
  {
    for (int b = a + 1; b < 5; ++b)
    {
      EXPECT_EQ(PairIndex(a, b, 5), expected++);
    }
  }
}

TEST(MergeTree, MergesTheLateFirstByAverageLinkage)
{
  const MergeTree tree = BuildMergeTree(Pairs({ 3, 20, 5, 4, 9, 8 }), Even, 50);
  ASSERT_EQ(tree.size(), 7u);
  EXPECT_EQ(tree[4].Members, (std::vector<int>{ 0, 2 }));
  EXPECT_EQ(tree[4].Height, 20.0);
  EXPECT_EQ(tree[5].Members, (std::vector<int>{ 1, 3 })); // 9 is later than (5 + 8) / 2
  EXPECT_EQ(tree[5].Height, 9.0);
  EXPECT_EQ(tree[6].Members, (std::vector<int>{ 0, 1, 2, 3 }));
  EXPECT_EQ(tree[6].Height, (3 + 5 + 4 + 8) / 4.0);
  EXPECT_EQ(tree[6].Left, 4);
  EXPECT_EQ(tree[6].Right, 5);
  EXPECT_EQ(tree[6].Parent, -1);
  EXPECT_EQ(tree[4].Parent, 6);
  EXPECT_EQ(tree[2].Parent, 4);
  EXPECT_EQ(tree[3].Height, 50.0);
}

TEST(MergeTree, BreaksTiesByLowSeparability)
{
  const Eigen::MatrixXd ties = Pairs({ 6, 6, 6, 6, 6, 6 });
  const MergeTree tree = BuildMergeTree(ties, Pairs({ 0.9, 0.8, 0.9, 0.9, 0.6, 0.9 }), 50);
  EXPECT_EQ(tree[4].Members, (std::vector<int>{ 1, 3 }));
  EXPECT_EQ(tree[5].Members, (std::vector<int>{ 0, 2 }));
  EXPECT_EQ(tree[6].Height, 6.0);
}

TEST(MergeTree, IsMonotoneWithRandomSeparations)
{
  std::srand(3);
  for (int trial = 0; trial < 20; ++trial)
  {
    const Eigen::VectorXd values = 25.0 * (Eigen::VectorXd::Random(66).array() + 1.0);
    const Eigen::MatrixXd separations = PairMatrix(values, 12);
    const MergeTree tree = BuildMergeTree(separations, separations, 50);
    for (const MergeNode& node : tree)
    {
      if (node.Parent >= 0)
      {
        EXPECT_LE(tree[node.Parent].Height, node.Height);
      }
    }
    EXPECT_EQ(tree.back().Members.size(), 12u);
  }
}

TEST(MergeTree, OfOneLabelIsALeaf)
{
  const MergeTree tree =
    BuildMergeTree(Eigen::MatrixXd::Zero(1, 1), Eigen::MatrixXd::Zero(1, 1), 50);
  ASSERT_EQ(tree.size(), 1u);
  EXPECT_EQ(tree[0].Height, 50.0);
}

TEST(MergeTree, IsConfidentOfWhatResamplesAgreeOn)
{
  MergeTree tree = BuildMergeTree(Pairs({ 20, 4, 4, 4, 4, 10 }), Even, 50);
  Eigen::MatrixXi resamples(6, 4);
  resamples << 20, 22, 5, 30, // 01
    4, 4, 4, 6,               // 02
    4, 4, 30, 4,              // 03
    4, 4, 31, 4,              // 12
    4, 4, 4, 6,               // 13
    10, 11, 5, 12;            // 23
  ASSERT_TRUE(SetConfidence(tree, resamples, Even, 0.9));
  EXPECT_EQ(tree[4].Members, (std::vector<int>{ 0, 1 }));
  EXPECT_EQ(tree[4].Support, 0.75); // in the third, 12 and 03 are together
  EXPECT_EQ(tree[4].Low, 5.0);
  EXPECT_EQ(tree[4].High, 30.0);
  EXPECT_EQ(tree[6].Support, 1.0);
  EXPECT_EQ(tree[6].Low, 4.0);
  EXPECT_EQ(tree[6].High, 69.0 / 4.0);
  EXPECT_EQ(tree[0].Low, 50.0);
}

TEST(MergeTree, StopsOnRequest)
{
  MergeTree tree = BuildMergeTree(Pairs({ 20, 4, 4, 4, 4, 10 }), Even, 50);
  const Eigen::MatrixXi resamples = Eigen::MatrixXi::Constant(6, 9, 3);
  int calls = 0;
  EXPECT_FALSE(
    SetConfidence(tree, resamples, Even, 0.9, [&calls](const Progress&) { return ++calls < 4; }));
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(tree[4].Low, 20.0);
}

TEST(PercentileBounds, CutTheTailsButKeepTheEstimate)
{
  std::vector<double> values;
  for (int i = 100; i >= 0; --i)
  {
    values.push_back(i);
  }
  const Bounds bounds = PercentileBounds(values, 0.8, 40.0);
  EXPECT_EQ(bounds.Low, 10.0);
  EXPECT_EQ(bounds.High, 90.0);
  EXPECT_EQ(PercentileBounds(values, 0.8, 3.0).Low, 3.0);
  EXPECT_EQ(PercentileBounds(values, 0.8, 99.0).High, 99.0);
  EXPECT_EQ(PercentileBounds({ 7.0 }, 0.8, 7.0).High, 7.0);
}
