// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Divergence/Core/Divergence.h"
#include "Filters/EvolutionaryEmbedding/Core/Testing/SyntheticTree.h"
#include "Filters/Foundation/Error.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>

using namespace tdl;

namespace
{
/** Compares the classes of a tree, whose instances share no noise. */
LabeledElements Label(const OwnedElements& tree)
{
  LabeledElements elements;
  elements.Elements = tree.Elements;
  elements.Kind = "prompt";
  elements.Label = tree.Class;
  return elements;
}

DivergenceParameters Quick()
{
  DivergenceParameters parameters;
  parameters.Resamples = 40;
  return parameters;
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

TEST(Divergence, FindsTheSplitsOfATree)
{
  for (int instances : { 4, 10, 25 })
  {
    const OwnedElements tree = MakeSyntheticTree(instances, 20);
    const DivergenceResult result = MeasureDivergence(Label(tree), Quick());
    EXPECT_EQ(result.Labels, (std::vector<int>{ 0, 1, 2, 3 }));
    EXPECT_EQ(result.Instances, std::vector<int>(4, instances));
    EXPECT_EQ(result.Never, 20);
    ASSERT_EQ(result.Separations.size(), 6u);
    for (const Separation& separation : result.Separations)
    {
      // Classes 0, 1 and 2, 3 are groups.
      const int split = separation.First / 2 == separation.Second / 2 ? 10 : 5;
      EXPECT_EQ(separation.Iteration, split) << instances;
      EXPECT_EQ(separation.High, split) << instances;
      if (instances > 4) // of few seeds, a resample's can be apart by chance
      {
        EXPECT_EQ(separation.Low, split) << instances;
      }
    }
    const MergeTree& merges = result.Tree;
    ASSERT_EQ(merges.size(), 7u);
    EXPECT_EQ(merges[4].Height, 10.0);
    EXPECT_EQ(merges[5].Height, 10.0);
    EXPECT_EQ(merges[6].Height, 5.0);
    EXPECT_EQ(merges[merges[0].Parent].Members, (std::vector<int>{ 0, 1 }));
    EXPECT_EQ(merges[merges[3].Parent].Members, (std::vector<int>{ 2, 3 }));
    EXPECT_EQ(merges[4].Support, 1.0);
  }
}

TEST(Divergence, FindsTheSplitsOfATreeAtAnyThreshold)
{
  const OwnedElements tree = MakeSyntheticTree(10, 20);
  for (double threshold : { 0.65, 0.7, 0.8, 0.9, 1.0 })
  {
    for (int neighbors : { 3, 5, 9 })
    {
      DivergenceParameters parameters = Quick();
      parameters.Threshold = threshold;
      parameters.Neighbors = neighbors;
      const DivergenceResult result = MeasureDivergence(Label(tree), parameters);
      EXPECT_EQ(result.Separations[0].Iteration, 10) << threshold << " " << neighbors;
      EXPECT_EQ(result.Separations[1].Iteration, 5) << threshold << " " << neighbors;
    }
  }
}

TEST(Divergence, TellsNoiseFromWhatIsApart)
{
  const OwnedElements tree = MakeSyntheticTree(25, 20);
  const DivergenceResult result = MeasureDivergence(Label(tree), Quick());
  ASSERT_EQ(result.Separability.rows(), 20);
  EXPECT_NEAR(result.Separability.topRows(5).mean(), 0.5, 0.05);
  EXPECT_EQ(result.Separability.bottomRows(10).minCoeff(), 1.0);
  EXPECT_NEAR(result.Separations[0].MeanSeparability, result.Separability.col(0).mean(), 1e-12);
}

TEST(Divergence, DecidesInstancesWhenTheirClassParts)
{
  const OwnedElements tree = MakeSyntheticTree(8, 20);
  OwnedElements moved(tree.Storage);
  moved.Elements.Instance = tree.Elements.Instance;
  moved.Elements.Iteration = tree.Elements.Iteration;
  moved.Class = tree.Class;
  // From iteration 15 on, the first instance goes with one of the last class.
  for (int k = 15; k < 20; ++k)
  {
    moved.Storage.row(k) = tree.Storage.row(20 * 31 + k).array() + 0.01f;
  }
  const DivergenceResult result = MeasureDivergence(Label(moved), Quick());
  ASSERT_EQ(result.Decisions.size(), 32u);
  EXPECT_EQ(result.Decisions[0].Neighborhood, 3);
  EXPECT_EQ(result.Decisions[0].Iteration, 15);
  int atSplit = 0;
  for (int instance = 1; instance < 32; ++instance)
  {
    const Decision& decision = result.Decisions[instance];
    EXPECT_EQ(decision.Instance, instance);
    EXPECT_EQ(decision.Label, instance / 8);
    EXPECT_EQ(decision.Neighborhood, instance / 8);
    EXPECT_LE(decision.Iteration, 10); // earlier where it was among its own by chance
    atSplit += decision.Iteration == 10 ? 1 : 0;
  }
  EXPECT_GT(atSplit, 10);
}

TEST(Divergence, SaysWhatNeverParts)
{
  OwnedElements tree = MakeSyntheticTree(20, 8);
  for (int& label : tree.Class)
  {
    label = label == 3 ? 2 : label;
  }
  // Labels that are dealt out in turn have nothing to do with the features.
  for (std::size_t i = 0; i < tree.Class.size(); ++i)
  {
    tree.Class[i] = tree.Class[i] == 2 ? 2 + tree.Elements.Instance[i] % 2 : tree.Class[i];
  }
  const DivergenceResult result = MeasureDivergence(Label(tree), Quick());
  const Separation& separation = result.Separations.back();
  EXPECT_EQ(separation.First, 2);
  EXPECT_EQ(separation.Second, 3);
  EXPECT_EQ(separation.Iteration, 8);
  EXPECT_EQ(separation.High, 8);
  EXPECT_EQ(result.Tree[4].Members, (std::vector<int>{ 2, 3 }));
  EXPECT_EQ(result.Tree[4].Height, 8.0);
}

TEST(Divergence, IsTheIterationFromWhichTheyStayApart)
{
  // Apart at 2 and from 5 on; together at the others.
  OwnedElements runs(FeatureMatrix::Random(12 * 8, 3));
  for (int i = 0; i < 12 * 8; ++i)
  {
    const int k = i % 8;
    runs.Elements.Instance.push_back(i / 8);
    runs.Elements.Iteration.push_back(10 * k);
    runs.Class.push_back(i / 8 % 2);
    if (k == 2 || k >= 5)
    {
      runs.Storage(i, 0) += 100.0f * static_cast<float>(runs.Class.back());
    }
  }
  const DivergenceResult result = MeasureDivergence(Label(runs), Quick());
  EXPECT_EQ(result.Separations[0].Iteration, 50); // in the numbers of the iterations
  EXPECT_EQ(result.Never, 71);
  EXPECT_EQ(result.Separability(2, 0), 1.0);
}

TEST(Divergence, IsBoundedByJointResamplesOfSharedSeeds)
{
  // One feature per iteration: the noise of the seed, and half of it the prompt's.
  const int seeds = 12;
  OwnedElements runs(FeatureMatrix::Zero(2 * seeds * 10, 1));
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  std::vector<float> noise(seeds);
  for (float& value : noise)
  {
    value = normal(random);
  }
  LabeledElements elements;
  for (int i = 0; i < 2 * seeds * 10; ++i)
  {
    const int instance = i / 10;
    runs.Elements.Instance.push_back(instance);
    runs.Elements.Iteration.push_back(i % 10);
    runs.Class.push_back(instance / seeds);
    runs.Storage(i, 0) =
      noise[instance % seeds] + 0.4f * static_cast<float>((i % 10) * (instance / seeds));
    elements.Seed.push_back(instance % seeds);
  }
  const std::vector<std::int64_t> seedOf = elements.Seed;
  elements = Label(runs);
  elements.Seed = seedOf;
  elements.Prompt = runs.Class;
  const DivergenceResult shared = MeasureDivergence(elements, {});
  const Separation& separation = shared.Separations[0];
  EXPECT_LT(separation.Low, separation.Iteration);
  EXPECT_GT(separation.High, separation.Iteration);
  EXPECT_LT(separation.High, 10);
  EXPECT_NEAR(shared.Separability(0, 0), 0.5, 1e-9); // from the same noise come images alike

  DivergenceParameters parameters;
  parameters.Confidence = 0.2;
  const DivergenceResult narrow = MeasureDivergence(elements, parameters);
  EXPECT_LT(
    narrow.Separations[0].High - narrow.Separations[0].Low, separation.High - separation.Low);

  // Seeds that occur twice in a prompt say nothing of the noise.
  elements.Seed.assign(elements.Seed.size(), 7);
  const DivergenceResult same = MeasureDivergence(elements, {});
  elements.Seed.clear();
  const DivergenceResult none = MeasureDivergence(elements, {});
  EXPECT_TRUE((same.Separability == none.Separability).all());
  EXPECT_GT(std::abs(none.Separability(0, 0) - 0.5), 1e-3);
}

TEST(Divergence, TakesRowsInAnyOrderAndInstancesThatLackIterations)
{
  const OwnedElements tree = MakeSyntheticTree(6, 12);
  std::vector<int> rows;
  for (int row = tree.Elements.Count - 1; row >= 0; --row)
  {
    if (row % 17 != 3)
    {
      rows.push_back(row);
    }
  }
  OwnedElements part(FeatureMatrix(tree.Storage(rows, Eigen::indexing::all)));
  for (int row : rows)
  {
    part.Elements.Instance.push_back(tree.Elements.Instance[row]);
    part.Elements.Iteration.push_back(tree.Elements.Iteration[row]);
    part.Class.push_back(tree.Class[row]);
  }
  const DivergenceResult result = MeasureDivergence(Label(part), Quick());
  EXPECT_EQ(result.Separations[0].Iteration, 6);
  EXPECT_EQ(result.Separations[1].Iteration, 3);
  EXPECT_EQ(result.Decisions.size(), 24u);
}

TEST(Divergence, SaysNothingWhereTooFewAreThere)
{
  const OwnedElements tree = MakeSyntheticTree(3, 6);
  LabeledElements elements = Label(tree);
  std::vector<int> iteration = elements.Elements.Iteration;
  // The last iteration of class 0 has one instance: the others' is another one.
  for (int i = 0; i < 18; ++i)
  {
    if (iteration[i] == 5 && elements.Elements.Instance[i] > 0)
    {
      iteration[i] = 6;
    }
  }
  elements.Elements.Iteration = iteration;
  const DivergenceResult result = MeasureDivergence(elements, Quick());
  EXPECT_TRUE(std::isnan(result.Separability(5, 0)));
  EXPECT_EQ(result.Separations[0].Iteration, 3);
  EXPECT_FALSE(std::isnan(result.Separations[0].MeanSeparability));
}

TEST(Divergence, IsTheSameAtAnyNumberOfThreadsAndForASeed)
{
  const OwnedElements tree = MakeSyntheticTree(20, 6, 2);
  DivergenceParameters parameters;
  parameters.Threads = 1;
  const DivergenceResult one = MeasureDivergence(Label(tree), parameters);
  parameters.Threads = 3;
  const DivergenceResult three = MeasureDivergence(Label(tree), parameters);
  EXPECT_TRUE((one.Separability == three.Separability).all());
  for (std::size_t i = 0; i < one.Tree.size(); ++i)
  {
    EXPECT_EQ(one.Tree[i].Support, three.Tree[i].Support);
    EXPECT_EQ(one.Tree[i].Low, three.Tree[i].Low);
  }
}

TEST(Divergence, StopsWithWhatIsMeasured)
{
  const OwnedElements tree = MakeSyntheticTree(4, 5);
  double reached = 0.0;
  DivergenceParameters parameters = Quick();
  parameters.Threads = 1; // the monitor is asked more often the fewer there are
  const DivergenceResult result = MeasureDivergence(Label(tree), parameters,
    [&reached](const Progress& progress)
    {
      EXPECT_GE(progress.Fraction, reached);
      reached = progress.Fraction;
      return reached < 0.5;
    });
  EXPECT_TRUE(result.Stopped);
  EXPECT_FALSE(std::isnan(result.Separability(4, 0)));
  EXPECT_TRUE(std::isnan(result.Separability(0, 0)));
  EXPECT_EQ(result.FirstReached, 2);
  EXPECT_TRUE(result.Separations.empty());
  EXPECT_TRUE(result.Tree.empty());
}

TEST(Divergence, NamesWhatIsWrong)
{
  const OwnedElements tree = MakeSyntheticTree(3, 4);
  const LabeledElements good = Label(tree);
  const auto expect =
    [&](const std::function<void(DivergenceParameters&)>& spoil, const std::string& words)
  {
    DivergenceParameters parameters;
    spoil(parameters);
    ExpectThrow<ParameterError>([&] { MeasureDivergence(good, parameters); }, words);
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  expect([](auto& p) { p.Neighbors = 0; }, "Neighbors is 0");
  expect([](auto& p) { p.Threshold = 0.5; }, "Threshold is 0.5");
  expect([](auto& p) { p.Threshold = 1.1; }, "Threshold is 1.1");
  expect([nan](auto& p) { p.Threshold = nan; }, "Threshold is");
  expect([](auto& p) { p.Resamples = 0; }, "Resamples is 0");
  expect([](auto& p) { p.Resamples = 2001; }, "2000 at most");
  expect([](auto& p) { p.Confidence = 1.0; }, "Confidence is 1");
  expect([nan](auto& p) { p.Confidence = nan; }, "Confidence is");
  expect([](auto& p) { p.Threads = -1; }, "hreads");

  const auto refuse = [](const LabeledElements& bad, const std::string& words)
  { ExpectThrow<DataError>([&] { MeasureDivergence(bad, {}); }, words); };
  LabeledElements bad = good;
  bad.Label.pop_back();
  refuse(bad, "48 elements and 47 of a prompt");
  bad = good;
  bad.Seed.assign(48, 0);
  refuse(bad, "of a seed");
  bad = good;
  bad.Label[1] = 2;
  refuse(bad, "Rows 0 and 1 are of instance 0");
  bad = good;
  bad.Label.assign(48, 5);
  refuse(bad, "All instances are of one prompt");
  bad = good;
  for (int i = 0; i < 48; ++i)
  {
    bad.Label[i] = bad.Elements.Instance[i] < 11 ? 0 : 9;
  }
  refuse(bad, "The prompt 9 has instances of one seed only");
  const OwnedElements many = MakeSyntheticTree(26, 1);
  bad = Label(many);
  bad.Label = many.Elements.Instance;
  refuse(bad, "There are 104 different ones");
  OwnedElements broken = MakeSyntheticTree(3, 4);
  broken.Storage(7, 0) = std::numeric_limits<float>::quiet_NaN();
  refuse(Label(broken), "Row 7");
  refuse({}, "empty");
}
