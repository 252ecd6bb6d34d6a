// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EmbeddingQuality/Core/EmbeddingQuality.h"
#include "Filters/EmbeddingQuality/Core/Neighborhoods.h"
#include "Filters/EvolutionaryEmbedding/Core/EvolutionaryEmbedding.h"
#include "Filters/EvolutionaryEmbedding/Core/Testing/SyntheticTree.h"
#include "Filters/Foundation/Error.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>

using namespace tdl;

namespace
{
constexpr double Pi = 3.14159265358979323846;

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
    Vectors features(16, 8), points(16, 2);
    std::vector<int> labels;
    for (int instance = 0; instance < 16; ++instance)
    {
      features.row(instance) = tree.Storage.row(5 * instance + k).cast<double>();
      points.row(instance) = embedding.Position.row(5 * instance + k).matrix();
      labels.push_back(tree.Class[5 * instance]);
    }
    const NeighborhoodScores scores = ScoreNeighborhoods(features, points, labels, 3, 1);
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
  const NeighborhoodScores scores =
    ScoreNeighborhoods(tree.Storage.cast<double>(), embedding.Position.matrix(), {}, 10, 1);
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
  EXPECT_TRUE(std::isnan(quality.TrustworthinessOverAll));
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
