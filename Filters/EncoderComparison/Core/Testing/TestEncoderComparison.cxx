// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EncoderComparison/Core/EncoderComparison.h"
#include "Filters/EvolutionaryEmbedding/Core/Testing/SyntheticTree.h"
#include "Filters/Foundation/Error.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <string>

using namespace tdl;

namespace
{
/** A tree's features in eight dimensions and the first two of these, each by an encoder. */
struct TwoEncoders
{
  OwnedElements Tree;
  FeatureMatrix Part;
  std::vector<EncodedElements> Encoders;

  explicit TwoEncoders(int instances = 8, int iterations = 12)
    : Tree(MakeSyntheticTree(instances, iterations))
    , Part(this->Tree.Storage.leftCols(2))
  {
    EncodedElements whole;
    whole.Name = "Whole";
    whole.Elements = this->Tree.Elements;
    whole.Prompt = this->Tree.Class;
    for (int prompt : whole.Prompt)
    {
      whole.Group.push_back(prompt / 2);
    }
    EncodedElements part = whole;
    part.Name = "Part";
    part.Elements.Features = this->Part.data();
    part.Elements.Dimension = 2;
    this->Encoders = { whole, part };
  }
};

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

void ExpectSame(const IterationComparison& a, const IterationComparison& b)
{
  EXPECT_EQ(a.Iteration, b.Iteration);
  EXPECT_EQ(a.Overlap, b.Overlap);
  EXPECT_EQ(a.CKA, b.CKA);
  EXPECT_EQ(a.DistanceCorrelation, b.DistanceCorrelation);
  EXPECT_EQ(a.PromptHit, b.PromptHit);
  EXPECT_EQ(a.GroupHit, b.GroupHit);
}
}

TEST(EncoderComparison, IsThatOfTheReference)
{
  std::ifstream file(TDL_TEST_DATA "/EncoderComparison/agreement.json");
  const auto data = nlohmann::json::parse(file);
  const auto prompts = data["prompt"].get<std::vector<int>>();
  const auto groups = data["group"].get<std::vector<int>>();
  const auto rows = static_cast<int>(prompts.size());
  const auto iterations = static_cast<int>(data["expected"].size());

  std::vector<FeatureMatrix> storage(3);
  std::vector<EncodedElements> encoders(3);
  const char* const names[] = { "linear", "wide", "curved" };
  for (int e = 0; e < 3; ++e)
  {
    const nlohmann::json& features = data["features"][names[e]];
    const auto dimension = static_cast<int>(features[0][0].size());
    storage[e].resize(static_cast<Eigen::Index>(rows) * iterations, dimension);
    encoders[e].Name = names[e];
    for (int i = 0; i < rows * iterations; ++i)
    {
      // By instance in the first, by iteration in the others: they are matched by both.
      const int instance = e == 0 ? i / iterations : i % rows;
      const int iteration = e == 0 ? i % iterations : i / rows;
      for (int d = 0; d < dimension; ++d)
      {
        storage[e](i, d) = features[iteration][instance][d].get<float>();
      }
      encoders[e].Elements.Instance.push_back(instance);
      encoders[e].Elements.Iteration.push_back(iteration);
      encoders[e].Prompt.push_back(prompts[instance]);
      encoders[e].Group.push_back(groups[instance]);
    }
    encoders[e].Elements.Features = storage[e].data();
    encoders[e].Elements.Count = rows * iterations;
    encoders[e].Elements.Dimension = dimension;
  }

  ComparisonParameters parameters;
  parameters.Neighbors = data["neighbors"].get<int>();
  const ComparisonResult result = CompareEncoders(encoders, parameters);
  ASSERT_EQ(static_cast<int>(result.Iterations.size()), iterations);
  for (int k = 0; k < iterations; ++k)
  {
    const IterationComparison& found = result.Iterations[k];
    const nlohmann::json& expected = data["expected"][k];
    EXPECT_EQ(found.Iteration, k);
    EXPECT_EQ(found.Elements, rows);
    EXPECT_EQ(found.Sample, rows);
    for (int i = 0; i < 3; ++i)
    {
      EXPECT_NEAR(found.Overlap.at(i), expected["overlap"][i].get<double>(), 1e-12);
      EXPECT_NEAR(found.CKA.at(i), expected["cka"][i].get<double>(), 1e-10);
      EXPECT_NEAR(
        found.DistanceCorrelation.at(i), expected["distance_correlation"][i].get<double>(), 1e-10);
      EXPECT_NEAR(found.PromptHit.at(i), expected["prompt_hit"][i].get<double>(), 1e-12);
      EXPECT_NEAR(found.GroupHit.at(i), expected["group_hit"][i].get<double>(), 1e-12);
    }
  }
}

TEST(EncoderComparison, FollowsATree)
{
  const TwoEncoders two;
  const ComparisonResult result = CompareEncoders(two.Encoders, {});
  ASSERT_EQ(result.Iterations.size(), 12u);
  EXPECT_FALSE(result.Stopped);
  EXPECT_EQ(result.WithoutSeparations, "");
  const IterationComparison& first = result.Iterations.front();
  const IterationComparison& last = result.Iterations.back();
  ASSERT_EQ(last.Overlap.size(), 1u);
  ASSERT_EQ(last.PromptHit.size(), 2u);
  EXPECT_EQ(last.Elements, 32);
  EXPECT_NEAR(last.PromptChance, 7.0 / 31.0, 1e-12);
  EXPECT_NEAR(last.GroupChance, 15.0 / 31.0, 1e-12);
  EXPECT_NEAR(first.PromptHit[0], first.PromptChance, 0.1); // noise
  EXPECT_GT(last.PromptHit[0], 0.69);                       // all seven of its prompt among ten
  EXPECT_GT(last.GroupHit[0], 0.9);
  EXPECT_GT(last.CKA[0], first.CKA[0]);
  EXPECT_GT(last.DistanceCorrelation[0], first.DistanceCorrelation[0]);
  EXPECT_GT(last.Overlap[0], first.Overlap[0]);
}

TEST(EncoderComparison, HasTheSeparationsOfDivergence)
{
  const TwoEncoders two;
  const ComparisonResult result = CompareEncoders(two.Encoders, {});
  ASSERT_EQ(result.Separations.size(), 2u);
  EXPECT_EQ(result.Prompts, (std::vector<int>{ 0, 1, 2, 3 }));
  EXPECT_EQ(result.Never, 12);
  for (int e = 0; e < 2; ++e)
  {
    LabeledElements elements;
    elements.Elements = two.Encoders[e].Elements;
    elements.Label = elements.Prompt = two.Tree.Class;
    const DivergenceResult divergence = MeasureDivergence(elements, {});
    ASSERT_EQ(result.Separations[e].size(), 6u);
    for (int pair = 0; pair < 6; ++pair)
    {
      EXPECT_EQ(result.Separations[e][pair].First, divergence.Separations[pair].First);
      EXPECT_EQ(result.Separations[e][pair].Second, divergence.Separations[pair].Second);
      EXPECT_EQ(result.Separations[e][pair].Iteration, divergence.Separations[pair].Iteration);
      EXPECT_EQ(result.Separations[e][pair].Low, divergence.Separations[pair].Low);
      EXPECT_EQ(result.Separations[e][pair].High, divergence.Separations[pair].High);
    }
  }
  EXPECT_EQ(result.Separations[0][0].Iteration, 6); // half of the iterations
}

TEST(EncoderComparison, TakesPromptsAndSeedsOfTheFirstEncoder)
{
  TwoEncoders two;
  for (int instance : two.Encoders[0].Elements.Instance)
  {
    two.Encoders[0].Seed.push_back(instance % 8);
  }
  const ComparisonResult all = CompareEncoders(two.Encoders, {});
  two.Encoders[1].Prompt.clear();
  two.Encoders[1].Group.clear();
  const ComparisonResult first = CompareEncoders(two.Encoders, {});
  ASSERT_EQ(first.Separations.size(), 2u);
  for (std::size_t k = 0; k < all.Iterations.size(); ++k)
  {
    ExpectSame(first.Iterations[k], all.Iterations[k]);
  }
  EXPECT_EQ(first.Separations[1][5].Iteration, all.Separations[1][5].Iteration);
  std::swap(two.Encoders[0], two.Encoders[1]);
  const ComparisonResult none = CompareEncoders(two.Encoders, {});
  EXPECT_TRUE(none.Separations.empty());
  EXPECT_EQ(none.WithoutSeparations, "");
  EXPECT_TRUE(std::isnan(none.Iterations[3].PromptHit[0]));
  EXPECT_TRUE(std::isnan(none.Iterations[3].PromptChance));
  EXPECT_EQ(none.Iterations[3].CKA, all.Iterations[3].CKA);
}

TEST(EncoderComparison, SaysWhyThereAreNoSeparations)
{
  TwoEncoders two;
  for (EncodedElements& encoder : two.Encoders)
  {
    std::fill(encoder.Prompt.begin(), encoder.Prompt.end(), 3);
  }
  const ComparisonResult result = CompareEncoders(two.Encoders, {});
  EXPECT_NE(result.WithoutSeparations.find("All instances are of one prompt"), std::string::npos)
    << result.WithoutSeparations;
  EXPECT_TRUE(result.Separations.empty());
  ASSERT_EQ(result.Iterations.size(), 12u);
  EXPECT_EQ(result.Iterations[0].PromptHit[0], 1.0);
}

TEST(EncoderComparison, HasAsManyPairsAsEncodersMake)
{
  const TwoEncoders two;
  const ComparisonResult one = CompareEncoders({ two.Encoders[0] }, {});
  EXPECT_TRUE(one.Iterations[0].CKA.empty());
  EXPECT_EQ(one.Iterations[0].PromptHit.size(), 1u);
  const ComparisonResult three =
    CompareEncoders({ two.Encoders[0], two.Encoders[1], two.Encoders[0] }, {});
  for (const IterationComparison& iteration : three.Iterations)
  {
    EXPECT_EQ(iteration.Overlap[1], 1.0); // the first and the last are the same
    EXPECT_NEAR(iteration.CKA[1], 1.0, 1e-12);
    EXPECT_NEAR(iteration.DistanceCorrelation[1], 1.0, 1e-12);
    EXPECT_EQ(iteration.Overlap[0], iteration.Overlap[2]);
  }
}

TEST(EncoderComparison, HasNoValueOfTooFewOrConstantElements)
{
  for (int count : { 1, 2, 3 })
  {
    OwnedElements few(FeatureMatrix::Random(count, 2));
    EncodedElements encoder;
    for (int i = 0; i < count; ++i)
    {
      few.Elements.Instance.push_back(i);
      few.Elements.Iteration.push_back(4);
    }
    encoder.Name = "Few";
    encoder.Elements = few.Elements;
    encoder.Prompt.assign(count, 0);
    const ComparisonResult result = CompareEncoders({ encoder, encoder }, {});
    ASSERT_EQ(result.Iterations.size(), 1u);
    EXPECT_EQ(std::isnan(result.Iterations[0].Overlap[0]), count < 3) << count;
    EXPECT_EQ(std::isnan(result.Iterations[0].PromptHit[0]), count < 3) << count;
    EXPECT_EQ(std::isnan(result.Iterations[0].CKA[0]), count < 2) << count;
  }

  TwoEncoders two;
  two.Part.setConstant(0.3f);
  const IterationComparison last = CompareEncoders(two.Encoders, {}).Iterations.back();
  EXPECT_TRUE(std::isnan(last.Overlap[0]));
  EXPECT_TRUE(std::isnan(last.CKA[0]));
  EXPECT_TRUE(std::isnan(last.PromptHit[1]));
  EXPECT_GT(last.PromptHit[0], 0.69);
}

TEST(EncoderComparison, SamplesManyElements)
{
  const TwoEncoders two(100, 3);
  const ComparisonResult all = CompareEncoders(two.Encoders, {});
  ComparisonParameters parameters;
  parameters.SampleSize = 200;
  const ComparisonResult sampled = CompareEncoders(two.Encoders, parameters);
  for (std::size_t k = 0; k < 3; ++k)
  {
    EXPECT_EQ(all.Iterations[k].Sample, 400);
    EXPECT_EQ(sampled.Iterations[k].Sample, 200);
    EXPECT_EQ(sampled.Iterations[k].Elements, 400);
    EXPECT_NE(sampled.Iterations[k].CKA, all.Iterations[k].CKA);
    EXPECT_NEAR(sampled.Iterations[k].CKA[0], all.Iterations[k].CKA[0], 0.1);
    EXPECT_NEAR(
      sampled.Iterations[k].DistanceCorrelation[0], all.Iterations[k].DistanceCorrelation[0], 0.1);
    EXPECT_EQ(sampled.Iterations[k].Overlap, all.Iterations[k].Overlap); // of all elements
    EXPECT_EQ(sampled.Iterations[k].PromptHit, all.Iterations[k].PromptHit);
  }
}

TEST(EncoderComparison, HasTheSameBitsAtAnyNumberOfThreads)
{
  const TwoEncoders two;
  ComparisonParameters parameters;
  parameters.Threads = 1;
  const ComparisonResult one = CompareEncoders(two.Encoders, parameters);
  for (int threads : { 2, 5 })
  {
    parameters.Threads = threads;
    const ComparisonResult many = CompareEncoders(two.Encoders, parameters);
    ASSERT_EQ(many.Iterations.size(), one.Iterations.size());
    for (std::size_t k = 0; k < one.Iterations.size(); ++k)
    {
      ExpectSame(many.Iterations[k], one.Iterations[k]);
    }
  }
}

TEST(EncoderComparison, CanBeStopped)
{
  const TwoEncoders two;
  const ComparisonResult whole = CompareEncoders(two.Encoders, {});
  double last = 0.0;
  int calls = 0;
  CompareEncoders(two.Encoders, {},
    [&](const Progress& progress)
    {
      EXPECT_GE(progress.Fraction, last);
      last = progress.Fraction;
      ++calls;
      return true;
    });
  EXPECT_LE(last, 1.0);
  EXPECT_GT(last, 0.9);
  EXPECT_GT(calls, 24);

  for (double end : { 0.0, 0.25, 0.7 })
  {
    const ComparisonResult part = CompareEncoders(
      two.Encoders, {}, [end](const Progress& progress) { return progress.Fraction < end; });
    EXPECT_TRUE(part.Stopped);
    EXPECT_TRUE(part.Separations.empty());
    EXPECT_EQ(part.Iterations.empty(), end == 0.0);
    EXPECT_EQ(part.Iterations.size() < 12, end < 0.5);
    for (std::size_t k = 0; k < part.Iterations.size(); ++k)
    {
      ExpectSame(part.Iterations[k], whole.Iterations[k]);
    }
  }
}

TEST(EncoderComparison, RefusesWhatIsNotOfTheSameElements)
{
  const auto refuse = [](const std::function<void(TwoEncoders&)>& change, const std::string& words)
  {
    TwoEncoders two;
    change(two);
    ExpectThrow<DataError>([&] { CompareEncoders(two.Encoders, {}); }, words);
  };
  refuse([](TwoEncoders& two) { two.Encoders[1].Elements.Instance.back() = 99; },
    "The features of Whole have a row for iteration 11 of instance 31, those of Part have none");
  refuse(
    [](TwoEncoders& two)
    {
      two.Encoders[0].Elements.Instance.front() = -5;
      two.Encoders[1].Elements.Instance.front() = -9;
    },
    "The features of Part have a row for iteration 0 of instance -9, those of Whole have none");
  const auto shorten = [](EncodedElements& encoder)
  {
    --encoder.Elements.Count;
    encoder.Elements.Instance.pop_back();
    encoder.Elements.Iteration.pop_back();
    encoder.Prompt.pop_back();
    encoder.Group.pop_back();
  };
  refuse([&](TwoEncoders& two) { shorten(two.Encoders[1]); },
    "Whole have a row for iteration 11 of instance 31, those of Part");
  refuse([&](TwoEncoders& two) { shorten(two.Encoders[0]); },
    "Part have a row for iteration 11 of instance 31, those of Whole");
  refuse([](TwoEncoders& two) { two.Encoders[1].Prompt[14] = 7; },
    "iteration 2 of instance 1 has prompt 0, by those of Part prompt 7");
  refuse([](TwoEncoders& two) { two.Part(9, 1) = std::numeric_limits<float>::quiet_NaN(); },
    "Features of Part: Row 9 of the features holds NaN");
  refuse(
    [](TwoEncoders& two) { two.Encoders[1].Prompt.pop_back(); }, "Of the 384 elements of Part");
  refuse([](TwoEncoders& two) { two.Encoders[0].Seed.assign(3, 0); }, "3 have a prompt, group");
}

TEST(EncoderComparison, RefusesParametersOutOfRange)
{
  const TwoEncoders two;
  ComparisonParameters parameters;
  parameters.Neighbors = 0;
  ExpectThrow<ParameterError>(
    [&] { CompareEncoders(two.Encoders, parameters); }, "Neighbors is 0; set it");
  parameters = {};
  parameters.SampleSize = 2;
  ExpectThrow<ParameterError>(
    [&] { CompareEncoders(two.Encoders, parameters); }, "Sample Size is 2; set it to 3");
  parameters = {};
  parameters.Threads = -1;
  ExpectThrow<ParameterError>([&] { CompareEncoders(two.Encoders, parameters); }, "Threads");
  ExpectThrow<ParameterError>([] { CompareEncoders({}, {}); }, "There is no encoder");
}
