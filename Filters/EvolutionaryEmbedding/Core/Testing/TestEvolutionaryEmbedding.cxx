// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/EvolutionaryEmbedding.h"
#include "Filters/EvolutionaryEmbedding/Core/Testing/SyntheticTree.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Pi.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <limits>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>

using namespace tdl;

namespace
{
/** An instance per row and an iteration per column, all features equal to `value`. */
OwnedElements MakeElements(int instances, int iterations, float value = 0.0f)
{
  OwnedElements result(FeatureMatrix::Constant(instances * iterations, 3, value));
  for (int e = 0; e < instances * iterations; ++e)
  {
    result.Elements.Instance.push_back(e / iterations);
    result.Elements.Iteration.push_back(e % iterations);
  }
  return result;
}

EmbeddingParameters Parameters(Layout layout, NeighborhoodScope scope)
{
  EmbeddingParameters parameters;
  parameters.Layout = layout;
  parameters.Scope = scope;
  parameters.Threads = 1;
  return parameters;
}

template <typename Exception>
std::string MessageOf(const std::function<void()>& action)
{
  try
  {
    action();
  }
  catch (const Exception& error)
  {
    return error.what();
  }
  return "nothing was thrown";
}

bool Contains(const std::string& text, const std::string& part)
{
  return text.find(part) != std::string::npos;
}

/** Fails where any number of an element or a record differs. */
void ExpectEqual(const EmbeddingResult& one, const EmbeddingResult& other)
{
  EXPECT_TRUE((one.Position == other.Position).all());
  EXPECT_TRUE((one.SemanticLoss == other.SemanticLoss).all());
  EXPECT_TRUE((one.DisplacementLoss == other.DisplacementLoss).all());
  EXPECT_TRUE((one.AlignmentLoss == other.AlignmentLoss).all());
  EXPECT_EQ(one.Step, other.Step);
  EXPECT_EQ(one.History.back().Step, other.History.back().Step);
  EXPECT_EQ(one.History.back().Total, other.History.back().Total);
}

/** Runs until the monitor has been asked so often that it lets pass. */
void RunUntilAsked(EvolutionaryEmbedding& embedding, int passes)
{
  embedding.Run([&](const Progress&) { return passes-- > 0; });
}

class EveryKind : public ::testing::TestWithParam<std::tuple<Layout, NeighborhoodScope>>
{
protected:
  EmbeddingParameters Defaults() const
  {
    return Parameters(std::get<0>(this->GetParam()), std::get<1>(this->GetParam()));
  }
};
}

TEST_P(EveryKind, PlacesIterationsOnTheirRings)
{
  const OwnedElements tree = MakeSyntheticTree(5, 12);
  const EmbeddingParameters parameters = this->Defaults();
  const EmbeddingResult result = Embed(tree.Elements, parameters);
  ASSERT_EQ(result.Position.rows(), 240);
  ASSERT_EQ(result.RingDisplacement.size(), 12u);
  double square = 0.0;
  for (int e = 0; e < 240; ++e)
  {
    EXPECT_EQ(result.TargetDisplacement[e], result.RingDisplacement[tree.Elements.Iteration[e]]);
    const double error =
      DisplacementOf(parameters.Layout, result.Position(e, 0), result.Position(e, 1)).Value -
      result.TargetDisplacement[e];
    EXPECT_NEAR(result.DisplacementLoss[e], error * error, 1e-12);
    square += error * error / 240.0;
  }
  EXPECT_LT(std::sqrt(square), 0.25);
}

TEST_P(EveryKind, SeparatesTheClassesAtTheEnd)
{
  const OwnedElements tree = MakeSyntheticTree(5, 12);
  const EmbeddingResult result = Embed(tree.Elements, this->Defaults());
  for (int e = 11; e < 240; e += 12)
  {
    double nearest = std::numeric_limits<double>::infinity();
    int neighbor = -1;
    for (int other = 11; other < 240; other += 12)
    {
      const double distance = (result.Position.row(e) - result.Position.row(other)).matrix().norm();
      if (other != e && distance < nearest)
      {
        nearest = distance;
        neighbor = other;
      }
    }
    EXPECT_EQ(tree.Class[neighbor], tree.Class[e]);
  }
}

TEST_P(EveryKind, LowersTheObjective)
{
  const OwnedElements tree = MakeSyntheticTree(4, 8);
  const EmbeddingParameters parameters = this->Defaults();
  const EmbeddingResult result = Embed(tree.Elements, parameters);
  EXPECT_EQ(result.History.front().Step, 0);
  EXPECT_EQ(result.History.back().Step, parameters.Steps);
  EXPECT_LT(result.History.back().Total, result.History.front().Total);
  for (const LossRecord& losses : result.History)
  {
    EXPECT_GE(losses.Semantic, 0.0);
    EXPECT_NEAR(losses.Total,
      losses.Semantic + parameters.DisplacementWeight * losses.Displacement +
        parameters.AlignmentWeight * losses.Alignment,
      1e-12);
  }
  EXPECT_NEAR(result.SemanticLoss.mean(), result.History.back().Semantic, 1e-12);
  EXPECT_NEAR(result.DisplacementLoss.mean(), result.History.back().Displacement, 1e-12);
  EXPECT_NEAR(result.AlignmentLoss.mean(), result.History.back().Alignment, 1e-12);
}

TEST_P(EveryKind, HasTheSameBitsAtAnyNumberOfThreads)
{
  const OwnedElements tree = MakeSyntheticTree(4, 9);
  EmbeddingParameters parameters = this->Defaults();
  parameters.Steps = 60;
  parameters.Threads = 1;
  const EmbeddingResult one = Embed(tree.Elements, parameters);
  for (int threads : { 2, 5 })
  {
    parameters.Threads = threads;
    const EmbeddingResult many = Embed(tree.Elements, parameters);
    EXPECT_TRUE((one.Position == many.Position).all());
    EXPECT_EQ(one.History.back().Total, many.History.back().Total);
  }
  parameters.Seed = 1;
  EXPECT_FALSE((one.Position == Embed(tree.Elements, parameters).Position).all());
}

TEST_P(EveryKind, DoesNotDependOnTheOrderOfRows)
{
  const OwnedElements tree = MakeSyntheticTree(2, 6);
  EmbeddingParameters parameters = this->Defaults();
  parameters.Steps = 30;
  const EmbeddingResult straight = Embed(tree.Elements, parameters);
  OwnedElements reversed(tree.Storage.colwise().reverse());
  reversed.Elements.Instance.assign(tree.Elements.Instance.rbegin(), tree.Elements.Instance.rend());
  reversed.Elements.Iteration.assign(
    tree.Elements.Iteration.rbegin(), tree.Elements.Iteration.rend());
  const EmbeddingResult turned = Embed(reversed.Elements, parameters);
  EXPECT_TRUE((straight.Position == turned.Position.colwise().reverse()).all());
}

TEST_P(EveryKind, EmbedsSmallAndDegenerateCases)
{
  for (int instances : { 1, 2, 3, 12 })
  {
    for (int iterations : { 1, 2, 3, 6 })
    {
      const OwnedElements elements = MakeElements(instances, iterations, 0.3f);
      const EmbeddingResult result = Embed(elements.Elements, this->Defaults());
      ASSERT_EQ(result.Position.rows(), instances * iterations);
      EXPECT_TRUE(result.Position.allFinite()) << instances << " x " << iterations;
      EXPECT_TRUE(result.SemanticLoss.allFinite());
      EXPECT_LT(result.Position.abs().maxCoeff(), 20.0 * iterations);
      EXPECT_TRUE(result.Warnings.empty());
    }
  }
}

TEST_P(EveryKind, EmbedsFarApartScales)
{
  OwnedElements tree = MakeSyntheticTree(3, 6);
  for (int e = 0; e < 72; e += 5)
  {
    tree.Storage.row(e) *= 1e6f;
  }
  tree.Storage.col(2).setConstant(4.0f);
  const EmbeddingResult result = Embed(tree.Elements, this->Defaults());
  EXPECT_TRUE(result.Position.allFinite());
  EXPECT_LT(result.Position.abs().maxCoeff(), 100.0);
}

TEST_P(EveryKind, TakesWeightsOfAnySize)
{
  const OwnedElements tree = MakeSyntheticTree(3, 8);
  for (const auto& [displacement, alignment] : { std::make_pair(0.0, 0.0), std::make_pair(1e4, 0.0),
         std::make_pair(0.0, 1e4), std::make_pair(1e4, 1e4), std::make_pair(1.0, 10.0) })
  {
    EmbeddingParameters parameters = this->Defaults();
    parameters.DisplacementWeight = displacement;
    parameters.AlignmentWeight = alignment;
    const EmbeddingResult result = Embed(tree.Elements, parameters);
    EXPECT_LT(result.Position.abs().maxCoeff(), 200.0) << displacement << ", " << alignment;
    EXPECT_LE(result.History.back().Total, result.History.front().Total)
      << displacement << ", " << alignment;
  }
}

TEST_P(EveryKind, StopsAndResultsOnTheWayChangeNothing)
{
  const OwnedElements tree = MakeSyntheticTree(2, 6);
  EmbeddingParameters parameters = this->Defaults();
  parameters.Steps = 30; // branches are spread at one, and losses recorded at others
  parameters.Snapshots = 30;
  EvolutionaryEmbedding whole(tree.Elements, parameters);
  whole.Start(tree.Elements, parameters);
  whole.Run();
  const EmbeddingResult end = whole.GetResult();
  EXPECT_EQ(end.Step, 30);

  EvolutionaryEmbedding parts(tree.Elements, parameters);
  parts.Start(tree.Elements, parameters);
  const EmbeddingResult start = parts.GetResult();
  for (int step = 0; step < 30; ++step)
  {
    const EmbeddingResult before = parts.GetResult();
    EXPECT_EQ(before.Step, step);
    // Losses are those of the points they come with, whichever were asked for before.
    const EmbeddingResult later = whole.GetResult(step);
    EXPECT_TRUE((later.Position == before.Position).all());
    EXPECT_TRUE((later.SemanticLoss == before.SemanticLoss).all());
    EXPECT_TRUE((later.DisplacementLoss == before.DisplacementLoss).all());
    EXPECT_TRUE((later.AlignmentLoss == before.AlignmentLoss).all());
    const EmbeddingResult again = parts.GetResult(0.0);
    EXPECT_TRUE((again.SemanticLoss == start.SemanticLoss).all());
    EXPECT_EQ((again.SemanticLoss == before.SemanticLoss).all(), step == 0);
    RunUntilAsked(parts, 1);
    const EmbeddingResult middle = parts.GetResult();
    if (middle.Step == step) // a step that spreads branches is not left in its middle
    {
      ExpectEqual(middle, before);
      RunUntilAsked(parts, 2);
    }
  }
  EXPECT_TRUE(parts.IsDone());
  ExpectEqual(parts.GetResult(), end);
}

INSTANTIATE_TEST_SUITE_P(LayoutsAndScopes, EveryKind,
  ::testing::Combine(::testing::Values(Layout::Radial, Layout::Rectilinear),
    ::testing::Values(NeighborhoodScope::WithinIteration, NeighborhoodScope::AllElements)));

/** Share of the 10 nearest of an element's iteration in feature space that are also in the plane.
 */
double RecallWithinIterations(const Elements& elements, const Points& points)
{
  constexpr int neighbors = 10;
  const auto nearest = [&](int element, const auto& rows)
  {
    std::vector<std::pair<double, int>> others;
    for (int other = 0; other < elements.Count; ++other)
    {
      if (other != element && elements.Iteration[other] == elements.Iteration[element])
      {
        others.emplace_back((rows.row(other) - rows.row(element)).squaredNorm(), other);
      }
    }
    std::partial_sort(others.begin(), others.begin() + neighbors, others.end());
    std::vector<int> result;
    for (int n = 0; n < neighbors; ++n)
    {
      result.push_back(others[n].second);
    }
    std::sort(result.begin(), result.end());
    return result;
  };
  int kept = 0;
  for (int element = 0; element < elements.Count; ++element)
  {
    const std::vector<int> before = nearest(element, elements.FeatureRows());
    const std::vector<int> after = nearest(element, points.matrix());
    std::vector<int> both;
    std::set_intersection(
      before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(both));
    kept += static_cast<int>(both.size());
  }
  return kept / static_cast<double>(neighbors * elements.Count);
}

/** Plain t-SNE of each iteration for itself. */
Points PlainWithinIterations(const OwnedElements& tree)
{
  Points points(tree.Elements.Count, 2);
  const int iterations =
    1 + *std::max_element(tree.Elements.Iteration.begin(), tree.Elements.Iteration.end());
  for (int k = 0; k < iterations; ++k)
  {
    const auto rows = Eigen::seq(k, tree.Elements.Count - 1, iterations);
    OwnedElements iteration(tree.Storage(rows, Eigen::indexing::all));
    iteration.Elements.Iteration.assign(iteration.Elements.Count, 0);
    iteration.Elements.Instance.resize(iteration.Elements.Count);
    std::iota(iteration.Elements.Instance.begin(), iteration.Elements.Instance.end(), 0);
    EmbeddingParameters parameters;
    parameters.DisplacementWeight = 0.0;
    parameters.AlignmentWeight = 0.0;
    points(rows, Eigen::indexing::all) = Embed(iteration.Elements, parameters).Position;
  }
  return points;
}

TEST(EvolutionaryEmbedding, KeepsTheNeighborhoodsOfPlainTsneWithinIterations)
{
  const OwnedElements tree = MakeSyntheticTree(20, 12);
  const double plain = RecallWithinIterations(tree.Elements, PlainWithinIterations(tree));
  for (const Layout layout : { Layout::Radial, Layout::Rectilinear })
  {
    EmbeddingParameters parameters = Parameters(layout, NeighborhoodScope::WithinIteration);
    for (parameters.Seed = 0; parameters.Seed < 3; ++parameters.Seed)
    {
      const EmbeddingResult result = Embed(tree.Elements, parameters);
      EXPECT_GT(RecallWithinIterations(tree.Elements, result.Position), plain - 0.02);
    }
  }
}

TEST(EvolutionaryEmbedding, UsesTheWholeCircleForItsLeaves)
{
  const OwnedElements tree = MakeSyntheticTree(8, 10);
  const EmbeddingResult result =
    Embed(tree.Elements, Parameters(Layout::Radial, NeighborhoodScope::WithinIteration));
  std::vector<double> angles;
  for (int e = 9; e < 320; e += 10)
  {
    angles.push_back(std::atan2(result.Position(e, 1), result.Position(e, 0)));
  }
  std::sort(angles.begin(), angles.end());
  double gap = angles.front() + 2.0 * Pi - angles.back();
  for (std::size_t i = 1; i < angles.size(); ++i)
  {
    gap = std::max(gap, angles[i] - angles[i - 1]);
  }
  EXPECT_LT(gap, 2.8);
}

TEST(EvolutionaryEmbedding, AcceptsMissingIterations)
{
  const OwnedElements tree = MakeSyntheticTree(2, 6);
  std::vector<int> kept;
  for (int e = 0; e < 48; ++e)
  {
    if (e % 7 != 0 && tree.Elements.Iteration[e] != 3)
    {
      kept.push_back(e);
    }
  }
  OwnedElements holes(tree.Storage(kept, Eigen::indexing::all));
  for (int e : kept)
  {
    holes.Elements.Instance.push_back(tree.Elements.Instance[e]);
    holes.Elements.Iteration.push_back(tree.Elements.Iteration[e]);
  }
  const EmbeddingResult result = Embed(holes.Elements, {});
  EXPECT_TRUE(result.Position.allFinite());
  EXPECT_EQ(result.RingDisplacement, (std::vector<double>{ 1, 2, 3, 4, 5, 6 }));
}

TEST(EvolutionaryEmbedding, SpacesRingsByNoiseLevel)
{
  OwnedElements elements = MakeElements(1, 4);
  elements.Elements.NoiseLevel = { 900.0, 600.0, 100.0, 0.0 };
  EmbeddingParameters parameters;
  parameters.Steps = 0;
  const std::vector<double> radial = Embed(elements.Elements, parameters).RingDisplacement;
  parameters.Layout = Layout::Rectilinear;
  const std::vector<double> rectilinear = Embed(elements.Elements, parameters).RingDisplacement;
  const double expected[] = { 0.0, 1.0, 8.0 / 3.0, 3.0 };
  for (int k = 0; k < 4; ++k)
  {
    EXPECT_NEAR(rectilinear[k], expected[k], 1e-12);
    EXPECT_NEAR(radial[k], expected[k] + 1.0, 1e-12);
  }
}

TEST(EvolutionaryEmbedding, RefusesNoiseLevelsOutOfOrder)
{
  OwnedElements elements = MakeElements(1, 3);
  elements.Elements.NoiseLevel = { 9.0, 12.0, 0.0 };
  EXPECT_TRUE(Contains(MessageOf<DataError>([&] { Embed(elements.Elements, {}); }),
    "The noise level of iteration 1 is 12"));
  elements.Elements.NoiseLevel = { 9.0, std::nan(""), 0.0 };
  EXPECT_TRUE(Contains(
    MessageOf<DataError>([&] { Embed(elements.Elements, {}); }), "set Displacement Spacing"));
}

TEST(EvolutionaryEmbedding, LowersAPerplexityThatIsTooLarge)
{
  const OwnedElements tree = MakeSyntheticTree(4, 3);
  EmbeddingParameters parameters;
  parameters.Perplexity = 50.0;
  parameters.Steps = 5;
  const EmbeddingResult result = Embed(tree.Elements, parameters);
  ASSERT_EQ(result.Warnings.size(), 1u);
  EXPECT_TRUE(Contains(result.Warnings[0], "Perplexity 50")) << result.Warnings[0];
  EXPECT_TRUE(Contains(result.Warnings[0], "used 5, the largest usable")) << result.Warnings[0];
  parameters.Perplexity = 5.0;
  EXPECT_TRUE(Embed(tree.Elements, parameters).Warnings.empty());
}

TEST(EvolutionaryEmbedding, StopsWithTheResultSoFar)
{
  const OwnedElements tree = MakeSyntheticTree(2, 6);
  for (const int passes : { 26, 27 }) // before a step, in its middle
  {
    int asked = 0;
    double fraction = 0.0;
    const EmbeddingResult result = Embed(tree.Elements, {},
      [&](const Progress& progress)
      {
        EXPECT_GE(progress.Fraction, fraction);
        fraction = progress.Fraction;
        asked += progress.Stage == "Optimization" ? 1 : 0;
        return asked <= passes;
      });
    EXPECT_EQ(asked, passes + 1);
    EXPECT_EQ(result.Step, 13);
    EXPECT_EQ(result.History.back().Step, 13);
    EXPECT_TRUE(result.Position.allFinite());
    EXPECT_EQ(result.Position.rows(), 48);
  }

  const EmbeddingResult none = Embed(tree.Elements, {}, [](const Progress&) { return false; });
  EXPECT_EQ(none.Position.rows(), 0);
}

TEST(EvolutionaryEmbedding, LossesFollowTheParameters)
{
  const OwnedElements tree = MakeSyntheticTree(2, 6);
  EmbeddingParameters parameters;
  parameters.Steps = 20;
  EvolutionaryEmbedding embedding(tree.Elements, parameters);
  embedding.Start(tree.Elements, parameters);
  embedding.Run();
  const LossRecord before = embedding.GetResult().History.back();
  parameters.DisplacementWeight *= 2.0;
  embedding.Update(tree.Elements, parameters);
  // The points are the same, of a step of another run.
  const LossRecord after = embedding.GetResult().History.back();
  EXPECT_EQ(after.Step, 0);
  EXPECT_EQ(after.Displacement, before.Displacement);
  EXPECT_NEAR(after.Total - after.Semantic - (before.Total - before.Semantic),
    0.7 * before.Displacement, 1e-12);
}

TEST(EvolutionaryEmbedding, AStoppedStartIsMadeUpFor)
{
  const OwnedElements tree = MakeSyntheticTree(2, 6);
  EmbeddingParameters parameters;
  EvolutionaryEmbedding embedding(tree.Elements, parameters);
  embedding.Start(tree.Elements, parameters);
  embedding.Run();
  parameters.Seed = 3;
  EXPECT_THROW(
    embedding.Update(tree.Elements, parameters, [](const Progress&) { return false; }), Stopped);
  embedding.Update(tree.Elements, parameters);
  embedding.Run();
  EXPECT_TRUE((embedding.GetResult().Position == Embed(tree.Elements, parameters).Position).all());
}

TEST(EvolutionaryEmbedding, SaysThatItDiverged)
{
  const OwnedElements tree = MakeSyntheticTree(2, 6);
  EmbeddingParameters parameters;
  parameters.DisplacementWeight = 0.0;
  parameters.AlignmentWeight = 0.0;
  parameters.LearningRate = 1e308;
  EXPECT_TRUE(Contains(MessageOf<ParameterError>([&] { Embed(tree.Elements, parameters); }),
    "lower the Learning Rate"));
}

TEST(EvolutionaryEmbedding, IsIndependentOfTheScaleOfFeaturesWithTheCosineMetric)
{
  OwnedElements tree = MakeSyntheticTree(2, 5);
  EmbeddingParameters parameters;
  parameters.Metric = Metric::Cosine;
  parameters.Steps = 40;
  const EmbeddingResult before = Embed(tree.Elements, parameters);
  for (int e = 0; e < 40; ++e)
  {
    tree.Storage.row(e) *= static_cast<float>(1 << (e % 4)); // exact in binary
  }
  EXPECT_TRUE(before.Position.isApprox(Embed(tree.Elements, parameters).Position, 1e-6));
}

TEST(EvolutionaryEmbedding, NamesTheRowAtFault)
{
  for (float bad :
    { std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity() })
  {
    OwnedElements elements = MakeElements(3, 2);
    elements.Storage(4, 1) = bad;
    EXPECT_TRUE(Contains(MessageOf<DataError>([&] { Embed(elements.Elements, {}); }), "Row 4"));
  }
  OwnedElements negative = MakeElements(3, 2);
  negative.Elements.Iteration[2] = -1;
  EXPECT_TRUE(Contains(MessageOf<DataError>([&] { Embed(negative.Elements, {}); }), "Row 2"));
  OwnedElements twice = MakeElements(3, 2);
  twice.Elements.Iteration[5] = 0;
  EXPECT_TRUE(Contains(MessageOf<DataError>([&] { Embed(twice.Elements, {}); }), "Rows 4 and 5"));
  OwnedElements uneven = MakeElements(3, 2);
  uneven.Elements.Instance.pop_back();
  EXPECT_TRUE(Contains(MessageOf<DataError>([&] { Embed(uneven.Elements, {}); }), "5 instances"));
  const OwnedElements empty = MakeElements(0, 2);
  EXPECT_TRUE(Contains(MessageOf<DataError>([&] { Embed(empty.Elements, {}); }), "empty"));
}

TEST(EvolutionaryEmbedding, NamesTheParameterAtFault)
{
  const OwnedElements tree = MakeSyntheticTree(1, 3);
  const auto message = [&](const std::function<void(EmbeddingParameters&)>& change)
  {
    EmbeddingParameters parameters;
    change(parameters);
    return MessageOf<ParameterError>([&] { Embed(tree.Elements, parameters); });
  };
  EXPECT_TRUE(Contains(message([](auto& p) { p.Perplexity = 0.5; }), "Perplexity is 0.5"));
  EXPECT_TRUE(Contains(message([](auto& p) { p.DisplacementWeight = -1.0; }), "Displacement W"));
  EXPECT_TRUE(Contains(message([](auto& p) { p.AlignmentWeight = -1.0; }), "Alignment Weight"));
  EXPECT_TRUE(Contains(message([](auto& p) { p.Steps = -1; }), "Optimization Steps"));
  EXPECT_TRUE(Contains(message([](auto& p) { p.EarlyExaggeration = 0.0; }), "Exaggeration"));
  EXPECT_TRUE(Contains(message([](auto& p) { p.LearningRate = -2.0; }), "Learning Rate"));
  EXPECT_TRUE(Contains(message([](auto& p) { p.Threads = -2; }), "Threads is -2"));
}
