// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EmbeddingQuality/Core/EmbeddingQuality.h"
#include "Filters/EmbeddingQuality/Core/Neighborhoods.h"
#include "Filters/EvolutionaryEmbedding/Core/EvolutionaryEmbedding.h"
#include "Filters/EvolutionaryEmbedding/Core/Testing/SyntheticTree.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Pi.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <random>
#include <string>

using namespace tdl;

namespace
{
/** The elements of a tree at made-up places: angle by element, on the right rings. */
MeasuredEmbedding Place(const OwnedElements& tree, const std::function<double(int)>& angle)
{
  MeasuredEmbedding embedding;
  embedding.Elements = tree.Elements;
  embedding.Position.resize(tree.Elements.Count, 2);
  for (int e = 0; e < tree.Elements.Count; ++e)
  {
    const double radius = 2.0 * (tree.Elements.Iteration[e] + 1);
    embedding.Position.row(e) << radius * std::cos(angle(e)), radius * std::sin(angle(e));
    embedding.TargetDisplacement.push_back(radius);
  }
  embedding.RingSpacing = 2.0;
  embedding.Prompt = tree.Class;
  return embedding;
}

MeasuredEmbedding EmbedTree(const OwnedElements& tree)
{
  EmbeddingParameters parameters;
  parameters.Steps = 100;
  parameters.Threads = 1;
  const EmbeddingResult result = Embed(tree.Elements, parameters);
  MeasuredEmbedding embedding;
  embedding.Elements = tree.Elements;
  embedding.Position = result.Position;
  embedding.TargetDisplacement.assign(
    result.TargetDisplacement.begin(), result.TargetDisplacement.end());
  embedding.Prompt = tree.Class;
  return embedding;
}

template <typename Exception>
void ExpectThrow(const std::function<void()>& action, const std::string& words)
{
  try
  {
    action();
    FAIL() << "nothing was thrown";
  }
  catch (const Exception& error)
  {
    EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
  }
}
}

TEST(EmbeddingQuality, OfRaysIsStraight)
{
  const OwnedElements tree = MakeSyntheticTree(3, 4);
  const QualityResult quality =
    MeasureQuality(Place(tree, [&](int e) { return tree.Elements.Instance[e] - 6.0; }), {});
  EXPECT_NEAR(quality.Overall.AlignmentError, 0.0, 1e-12);
  EXPECT_NEAR(quality.Overall.DisplacementError, 0.0, 1e-12);
  EXPECT_TRUE(std::isnan(quality.AlignmentError[0])); // nothing comes before the first iteration
  EXPECT_EQ(quality.Overall.Elements, 48);
  ASSERT_EQ(quality.Iterations.size(), 4u);
  EXPECT_EQ(quality.Iterations[2].Iteration, 2);
  EXPECT_EQ(quality.Iterations[2].Measures.Elements, 12);
}

TEST(EmbeddingQuality, MeasuresAnglesAgainstTheSpreadOfTheRing)
{
  // Two instances, opposite each other; each ring is turned by an eighth of a circle.
  OwnedElements pair(FeatureMatrix::Random(4, 2));
  pair.Elements.Instance = { 0, 0, 1, 1 };
  pair.Elements.Iteration = { 0, 1, 0, 1 };
  MeasuredEmbedding embedding = Place(pair,
    [&](int e)
    { return Pi * (0.9 + pair.Elements.Instance[e] + 0.25 * pair.Elements.Iteration[e]); });
  embedding.Prompt.clear();
  const QualityResult quality = MeasureQuality(embedding, {});
  EXPECT_NEAR(quality.Overall.AlignmentError, 0.25, 1e-12);
  EXPECT_NEAR(quality.AlignmentError[1], 0.25, 1e-12);
  EXPECT_TRUE(std::isnan(quality.Overall.PromptHit));
  EXPECT_TRUE(std::isnan(quality.Overall.Recall)); // two elements have no neighborhoods
}

TEST(EmbeddingQuality, MeasuresOffsetsInTheRectilinearLayout)
{
  OwnedElements pair(FeatureMatrix::Random(4, 2));
  pair.Elements.Instance = { 0, 0, 1, 1 };
  pair.Elements.Iteration = { 0, 1, 0, 1 };
  MeasuredEmbedding embedding;
  embedding.Elements = pair.Elements;
  embedding.Layout = Layout::Rectilinear;
  embedding.Position.resize(4, 2);
  embedding.Position << 0.0, 0.0, 3.5, 1.0, 0.0, 6.0, 2.5, 5.0;
  embedding.TargetDisplacement = { 0.0, 3.0, 0.0, 3.0 };
  embedding.RingSpacing = 3.0;
  const QualityResult quality = MeasureQuality(embedding, {});
  EXPECT_NEAR(quality.Overall.AlignmentError, 1.0 / 4.0, 1e-12); // 1 over the spread 5 - 1
  EXPECT_NEAR(quality.DisplacementError[1], 0.5 / 3.0, 1e-12);
  EXPECT_NEAR(quality.DisplacementError[3], -0.5 / 3.0, 1e-12);
  EXPECT_NEAR(quality.Overall.DisplacementError, std::sqrt(2.0 * 0.25 / 9.0 / 4.0), 1e-12);
  EXPECT_NEAR(quality.Iterations[1].Measures.DisplacementError, 0.5 / 3.0, 1e-12);
}

TEST(EmbeddingQuality, MeasuresAgainstTheMeanDistanceOfAllPairs)
{
  // Two iterations of 101 instances all around, with copies; close together across the seam of the
  // angles; on two opposite sides, where either way round is as short.
  constexpr int instances = 101;
  std::mt19937 random(5);
  std::uniform_real_distribution<double> place(-1.0, 1.0);
  for (int kind = 0; kind < 3; ++kind)
  {
    for (const Layout layout : { Layout::Radial, Layout::Rectilinear })
    {
      OwnedElements elements(FeatureMatrix::Zero(2 * instances, 1));
      std::vector<double> places;
      for (int e = 0; e < 2 * instances; ++e)
      {
        elements.Elements.Instance.push_back(e / 2);
        elements.Elements.Iteration.push_back(e % 2);
        const double drawn = place(random);
        const double choices[] = { e % 5 == 0 && e > 0 ? places[e - 4] : Pi * drawn,
          Pi + 1e-3 * drawn, e % 3 == 0 ? 0.0 : Pi };
        places.push_back(choices[kind]);
      }
      MeasuredEmbedding embedding = Place(elements, [&](int e) { return places[e]; });
      embedding.Prompt.clear();
      embedding.Layout = layout;
      const auto distance = [&](int a, int b)
      {
        const auto from = embedding.Position.row(a);
        const auto to = embedding.Position.row(b);
        return layout == Layout::Rectilinear
          ? std::abs(from[1] - to[1])
          : std::abs(
              std::atan2(from[0] * to[1] - from[1] * to[0], from[0] * to[0] + from[1] * to[1]));
      };
      double spread = 0.0;
      for (int a = 1; a < 2 * instances; a += 2)
      {
        for (int b = 1; b < a; b += 2)
        {
          spread += distance(a, b) / (0.5 * instances * (instances - 1));
        }
      }
      const QualityResult quality = MeasureQuality(embedding, {});
      for (int e = 1; e < 2 * instances; e += 2)
      {
        EXPECT_NEAR(quality.AlignmentError[e], distance(e - 1, e) / spread, 1e-9) << kind;
      }
    }
  }
}

TEST(EmbeddingQuality, HasNoAlignmentErrorOfARingAtOnePlace)
{
  OwnedElements elements(FeatureMatrix::Zero(14, 1));
  for (int e = 0; e < 14; ++e)
  {
    elements.Elements.Instance.push_back(e / 2);
    elements.Elements.Iteration.push_back(e % 2);
  }
  elements.Class.assign(14, 0);
  EXPECT_TRUE(
    MeasureQuality(Place(elements, [](int) { return 2.1; }), {}).AlignmentError.isNaN().all());
}

TEST(EmbeddingQuality, AveragesTheNeighborhoodsOfIterations)
{
  const OwnedElements tree = MakeSyntheticTree(4, 5);
  const MeasuredEmbedding embedding = EmbedTree(tree);
  QualityParameters parameters;
  parameters.Neighbors = 3;
  const QualityResult quality = MeasureQuality(embedding, parameters);
  double recall = 0.0;
  for (int k = 0; k < 5; ++k)
  {
    std::vector<int> iteration;
    for (int instance = 0; instance < 16; ++instance)
    {
      iteration.push_back(5 * instance + k);
    }
    const NeighborhoodScores scores =
      ScoreNeighborhoods(tree.Storage, embedding.Position, iteration, tree.Class, 3, 1);
    const QualityMeasures& measures = quality.Iterations[k].Measures;
    EXPECT_NEAR(measures.Recall, scores.Recall.mean(), 1e-12);
    EXPECT_NEAR(measures.Trustworthiness, scores.Trustworthiness.mean(), 1e-12);
    EXPECT_NEAR(measures.Continuity, scores.Continuity.mean(), 1e-12);
    EXPECT_NEAR(measures.PromptHit, scores.LabelHit.mean(), 1e-12);
    EXPECT_EQ(quality.Recall[5 * 7 + k], scores.Recall[7]);
    recall += measures.Recall / 5.0;
  }
  EXPECT_NEAR(quality.Overall.Recall, recall, 1e-12);
  EXPECT_EQ(quality.Iterations[4].Measures.PromptHit, 1.0); // the classes are apart at the end
  EXPECT_LT(quality.Iterations[0].Measures.PromptHit, 0.8); // but not in the noise
}

TEST(EmbeddingQuality, OverAllElementsIsExactOrOfASample)
{
  const OwnedElements tree = MakeSyntheticTree(4, 5);
  const MeasuredEmbedding embedding = EmbedTree(tree);
  const QualityResult exact = MeasureQuality(embedding, {});
  EXPECT_EQ(exact.SampleSize, 80);
  std::vector<int> all(80);
  std::iota(all.begin(), all.end(), 0);
  const NeighborhoodScores scores =
    ScoreNeighborhoods(tree.Storage, embedding.Position, all, {}, 10, 1);
  EXPECT_NEAR(exact.TrustworthinessOverAll, scores.Trustworthiness.mean(), 1e-12);
  EXPECT_NEAR(exact.ContinuityOverAll, scores.Continuity.mean(), 1e-12);
  EXPECT_NEAR(exact.RecallOverAll, scores.Recall.mean(), 1e-12);

  QualityParameters parameters;
  parameters.SampleSize = 50;
  const QualityResult sampled = MeasureQuality(embedding, parameters);
  EXPECT_EQ(sampled.SampleSize, 50);
  EXPECT_NE(sampled.TrustworthinessOverAll, exact.TrustworthinessOverAll);
  EXPECT_NEAR(sampled.TrustworthinessOverAll, exact.TrustworthinessOverAll, 0.1);
  EXPECT_EQ(sampled.Overall.Recall, exact.Overall.Recall);
}

TEST(EmbeddingQuality, IsTheSameAtAnyNumberOfThreads)
{
  const OwnedElements tree = MakeSyntheticTree(4, 5);
  const MeasuredEmbedding embedding = EmbedTree(tree);
  QualityParameters parameters;
  parameters.Threads = 1;
  const QualityResult one = MeasureQuality(embedding, parameters);
  parameters.Threads = 3;
  const QualityResult three = MeasureQuality(embedding, parameters);
  EXPECT_EQ(one.Overall.Trustworthiness, three.Overall.Trustworthiness);
  EXPECT_EQ(one.ContinuityOverAll, three.ContinuityOverAll);
}

TEST(EmbeddingQuality, OfSmallCasesIsFiniteOrNotMeasured)
{
  for (int count : { 1, 2, 3 })
  {
    OwnedElements elements(FeatureMatrix::Zero(count, 2));
    for (int e = 0; e < count; ++e)
    {
      elements.Elements.Instance.push_back(e);
      elements.Elements.Iteration.push_back(0);
      elements.Class.push_back(0);
    }
    const QualityResult quality = MeasureQuality(Place(elements, [](int) { return 0.0; }), {});
    EXPECT_NEAR(quality.Overall.DisplacementError, 0.0, 1e-12);
    EXPECT_EQ(std::isnan(quality.Overall.Recall), count < 3);
    EXPECT_TRUE(std::isnan(quality.Overall.AlignmentError));
  }
}

TEST(EmbeddingQuality, StopsWithWhatIsMeasured)
{
  const OwnedElements tree = MakeSyntheticTree(4, 5);
  int calls = 0;
  const QualityResult quality =
    MeasureQuality(EmbedTree(tree), {}, [&calls](const Progress&) { return ++calls <= 2; });
  EXPECT_TRUE(quality.Stopped);
  EXPECT_FALSE(std::isnan(quality.Iterations[1].Measures.Recall));
  EXPECT_TRUE(std::isnan(quality.Iterations[2].Measures.Recall));
  EXPECT_EQ(quality.Overall.Elements, 32);
  EXPECT_TRUE(std::isnan(quality.DisplacementError[2])); // of the third iteration
  EXPECT_TRUE(std::isnan(quality.TrustworthinessOverAll));
  EXPECT_EQ(quality.SampleSize, 0);
}

TEST(EmbeddingQuality, StopsInTheMiddleOfAnIterationOrOfAll)
{
  OwnedElements elements(FeatureMatrix::Random(1200, 300));
  elements.Elements.Instance.resize(1200);
  std::iota(elements.Elements.Instance.begin(), elements.Elements.Instance.end(), 0);
  elements.Elements.Iteration.assign(1200, 0);
  elements.Class.assign(1200, 0);
  const MeasuredEmbedding embedding = Place(elements, [](int e) { return 0.1 * e; });
  QualityParameters parameters;
  parameters.Threads = 1;
  for (const double stopAfter : { 0.0, 0.5 })
  {
    double last = 0.0;
    const QualityResult quality = MeasureQuality(embedding, parameters,
      [&](const Progress& progress)
      {
        EXPECT_GE(progress.Fraction, last);
        EXPECT_EQ(progress.Stage, progress.Fraction < 0.5 ? "Iterations" : "All elements");
        last = progress.Fraction;
        return progress.Fraction <= stopAfter;
      });
    EXPECT_GT(last, stopAfter);
    EXPECT_LT(last, stopAfter + 0.4);
    EXPECT_TRUE(quality.Stopped);
    EXPECT_EQ(quality.Recall.isNaN().all(), stopAfter == 0.0);
    EXPECT_EQ(quality.Recall.isNaN().any(), stopAfter == 0.0);
    EXPECT_EQ(quality.Overall.Elements, stopAfter == 0.0 ? 0 : 1200);
    EXPECT_EQ(quality.SampleSize, 0);
    EXPECT_TRUE(std::isnan(quality.RecallOverAll));
  }
}

TEST(EmbeddingQuality, NamesWhatIsWrong)
{
  const OwnedElements tree = MakeSyntheticTree(2, 3);
  const MeasuredEmbedding good = EmbedTree(tree);
  QualityParameters parameters;
  parameters.Neighbors = 0;
  ExpectThrow<ParameterError>([&] { MeasureQuality(good, parameters); }, "Neighbors is 0");
  parameters = {};
  parameters.SampleSize = 2;
  ExpectThrow<ParameterError>([&] { MeasureQuality(good, parameters); }, "Sample Size is 2");
  MeasuredEmbedding bad = good;
  bad.Position(5, 1) = std::numeric_limits<double>::quiet_NaN();
  ExpectThrow<DataError>([&] { MeasureQuality(bad, {}); }, "Point 5");
  bad = good;
  bad.TargetDisplacement.pop_back();
  ExpectThrow<DataError>([&] { MeasureQuality(bad, {}); }, "connect the features");
  const OwnedElements other = MakeSyntheticTree(2, 4);
  bad = good;
  bad.Elements = other.Elements;
  ExpectThrow<DataError>([&] { MeasureQuality(bad, {}); }, "32 elements");
}
