// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/FrozenEmbedding.h"
#include "Filters/EvolutionaryEmbedding/Core/Testing/SyntheticTree.h"
#include "Filters/Foundation/Error.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <tuple>

using namespace tdl;

namespace
{
constexpr int Iterations = 8;

/** Some instances of a tree. */
OwnedElements Part(const OwnedElements& tree, const std::function<bool(int)>& isTaken)
{
  std::vector<int> rows;
  for (int e = 0; e < tree.Elements.Count; ++e)
  {
    if (isTaken(tree.Elements.Instance[e]))
    {
      rows.push_back(e);
    }
  }
  OwnedElements part(tree.Storage(rows, Eigen::indexing::all));
  for (const int e : rows)
  {
    part.Elements.Instance.push_back(tree.Elements.Instance[e]);
    part.Elements.Iteration.push_back(tree.Elements.Iteration[e]);
    part.Class.push_back(tree.Class[e]);
  }
  return part;
}

class Frozen : public ::testing::TestWithParam<std::tuple<Layout, NeighborhoodScope>>
{
protected:
  void SetUp() override
  {
    this->Parameters.Layout = std::get<0>(this->GetParam());
    this->Parameters.Scope = std::get<1>(this->GetParam());
    this->Parameters.Threads = 1;
    const EmbeddingResult result = Embed(this->Old.Elements, this->Parameters);
    this->Embedding.Elements = this->Old.Elements;
    this->Embedding.Layout = this->Parameters.Layout;
    this->Embedding.Position = result.Position;
    this->Embedding.RingDisplacement = result.RingDisplacement;
  }

  const OwnedElements Tree = MakeSyntheticTree(6, Iterations);
  /** The last instance of each class is new. */
  const OwnedElements Old = Part(this->Tree, [](int i) { return i % 6 != 5; });
  const OwnedElements New = Part(this->Tree, [](int i) { return i % 6 == 5; });
  EmbeddingParameters Parameters;
  FrozenEmbedding Embedding;
};

std::string MessageOf(const std::function<void()>& action)
{
  try
  {
    action();
  }
  catch (const Error& error)
  {
    return error.what();
  }
  return "nothing was thrown";
}

bool Contains(const std::string& text, const std::string& part)
{
  return text.find(part) != std::string::npos;
}
}

TEST_P(Frozen, NewInstancesJoinTheirClass)
{
  const EmbeddingResult result = EmbedInto(this->Embedding, this->New.Elements, this->Parameters);
  ASSERT_EQ(result.Position.rows(), 4 * Iterations);
  EXPECT_EQ(result.RingDisplacement, this->Embedding.RingDisplacement);
  double square = 0.0;
  for (int e = 0; e < 4 * Iterations; ++e)
  {
    const int iteration = this->New.Elements.Iteration[e];
    EXPECT_EQ(result.TargetDisplacement[e], result.RingDisplacement[iteration]);
    square += result.DisplacementLoss[e] / (4.0 * Iterations);
    if (iteration < Iterations - 1)
    {
      continue;
    }
    double nearest = std::numeric_limits<double>::infinity();
    int neighbor = -1;
    for (int other = 0; other < this->Old.Elements.Count; ++other)
    {
      const double distance =
        (result.Position.row(e) - this->Embedding.Position.row(other)).square().sum();
      if (this->Old.Elements.Iteration[other] == iteration && distance < nearest)
      {
        nearest = distance;
        neighbor = other;
      }
    }
    EXPECT_EQ(this->Old.Class[neighbor], this->New.Class[e]);
  }
  EXPECT_LT(std::sqrt(square), 0.3);
  EXPECT_LT(result.History.back().Total, result.History.front().Total);
  EXPECT_GE(result.SemanticLoss.minCoeff(), 0.0);
  EXPECT_NEAR(result.SemanticLoss.mean(), result.History.back().Semantic, 1e-12);
}

TEST_P(Frozen, WhatIsEmbeddedBesideDoesNotMatter)
{
  const EmbeddingResult all = EmbedInto(this->Embedding, this->New.Elements, this->Parameters);
  const OwnedElements one = Part(this->New, [](int i) { return i == 11; });
  const EmbeddingResult alone = EmbedInto(this->Embedding, one.Elements, this->Parameters);
  EXPECT_TRUE(all.Position.middleRows(Iterations, Iterations).isApprox(alone.Position, 1e-6));
}

TEST_P(Frozen, HasTheSameBitsAtAnyNumberOfThreads)
{
  this->Parameters.Steps = 60;
  const EmbeddingResult one = EmbedInto(this->Embedding, this->New.Elements, this->Parameters);
  this->Parameters.Threads = 3;
  const EmbeddingResult many = EmbedInto(this->Embedding, this->New.Elements, this->Parameters);
  EXPECT_TRUE((one.Position == many.Position).all());
}

TEST_P(Frozen, AStepLowersTheLoss)
{
  this->Parameters.Steps = 1;
  const EmbeddingResult result = EmbedInto(this->Embedding, this->New.Elements, this->Parameters);
  ASSERT_EQ(result.History.size(), 2u);
  EXPECT_LT(result.History[1].Total, result.History[0].Total);
}

TEST_P(Frozen, StopsWithTheResultSoFar)
{
  int steps = 0;
  const EmbeddingResult result = EmbedInto(this->Embedding, this->New.Elements, this->Parameters,
    [&](const Progress& progress) { return progress.Stage != "Optimization" || ++steps <= 7; });
  EXPECT_EQ(result.Step, 7);
  EXPECT_EQ(result.Position.rows(), 4 * Iterations);
  const EmbeddingResult none = EmbedInto(
    this->Embedding, this->New.Elements, this->Parameters, [](const Progress&) { return false; });
  EXPECT_EQ(none.Position.rows(), 0);
}

INSTANTIATE_TEST_SUITE_P(LayoutsAndScopes, Frozen,
  ::testing::Combine(::testing::Values(Layout::Radial, Layout::Rectilinear),
    ::testing::Values(NeighborhoodScope::WithinIteration, NeighborhoodScope::AllElements)));

TEST(FrozenEmbedding, SaysWhatDoesNotFit)
{
  const OwnedElements tree = MakeSyntheticTree(2, 4);
  FrozenEmbedding frozen;
  frozen.Elements = tree.Elements;
  frozen.Position = Points::Random(tree.Elements.Count, 2);
  frozen.RingDisplacement = { 1.0, 2.0, 3.0, 4.0 };
  const OwnedElements longer = MakeSyntheticTree(2, 5);
  EXPECT_TRUE(Contains(
    MessageOf([&] { EmbedInto(frozen, longer.Elements, {}); }), "Iteration 4 has no ring"));
  const OwnedElements wider = MakeSyntheticTree(2, 4, 9);
  EXPECT_TRUE(Contains(MessageOf([&] { EmbedInto(frozen, wider.Elements, {}); }),
    "have 9 components and those of the frozen embedding 8"));
  frozen.RingDisplacement.push_back(5.0);
  EXPECT_TRUE(Contains(
    MessageOf([&] { EmbedInto(frozen, longer.Elements, {}); }), "no elements of iteration 4"));
  frozen.Position(3, 0) = std::nan("");
  EXPECT_TRUE(Contains(MessageOf([&] { EmbedInto(frozen, tree.Elements, {}); }), "are not finite"));
  EmbeddingParameters parameters;
  parameters.Perplexity = 0.1;
  frozen.Position.setZero();
  EXPECT_TRUE(Contains(
    MessageOf([&] { EmbedInto(frozen, tree.Elements, parameters); }), "Perplexity is 0.1"));
}
