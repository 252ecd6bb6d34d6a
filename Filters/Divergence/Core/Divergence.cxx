// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Divergence/Core/Divergence.h"

#include "Filters/Divergence/Core/Separability.h"
#include "Filters/EvolutionaryEmbedding/Core/Neighbors.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Threads.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <utility>

namespace tdl
{
namespace
{
constexpr int MostResamples = 2000;
constexpr int MostLabels = 100;
/** What sums of shares may lack of a threshold that they reach. */
constexpr double Rounding = 1e-9;

void Check(const DivergenceParameters& parameters)
{
  if (parameters.Neighbors < 1)
  {
    throw ParameterError(
      "Neighbors is " + std::to_string(parameters.Neighbors) + "; set it to a positive number.");
  }
  if (!(parameters.Threshold > 0.5 && parameters.Threshold <= 1.0))
  {
    throw ParameterError("Threshold is " + std::to_string(parameters.Threshold) +
      "; set it above 0.5 (inseparable) and to 1 (apart) at most.");
  }
  if (parameters.Resamples < 1 || parameters.Resamples > MostResamples)
  {
    throw ParameterError("Resamples is " + std::to_string(parameters.Resamples) +
      "; set it to 1 or more and to " + std::to_string(MostResamples) + " at most.");
  }
  if (!(parameters.Confidence > 0.0 && parameters.Confidence < 1.0))
  {
    throw ParameterError("Confidence is " + std::to_string(parameters.Confidence) +
      "; set it between 0 and 1, for instance to 0.9.");
  }
}

void CheckLengths(const LabeledElements& elements)
{
  const auto count = static_cast<std::size_t>(elements.Elements.Count);
  if (elements.Label.size() != count ||
    (!elements.Seed.empty() && (elements.Seed.size() != count || elements.Prompt.size() != count)))
  {
    throw DataError("There are " + std::to_string(count) + " elements and " +
      std::to_string(elements.Label.size()) + " of a " + elements.Kind + ", " +
      std::to_string(elements.Seed.size()) + " of a seed; give each of them its " + elements.Kind +
      " and seed.");
  }
}

/** Ranks of values among the different ones. */
template <typename Value>
std::vector<int> Ranks(const std::vector<Value>& values, std::vector<Value>& different)
{
  different = values;
  std::sort(different.begin(), different.end());
  different.erase(std::unique(different.begin(), different.end()), different.end());
  std::vector<int> ranks;
  ranks.reserve(values.size());
  for (const Value& value : values)
  {
    ranks.push_back(static_cast<int>(
      std::lower_bound(different.begin(), different.end(), value) - different.begin()));
  }
  return ranks;
}

/** The instances by rank. */
struct Instances
{
  /** [I] Instance number; an element of it. */
  std::vector<int> Number;
  std::vector<int> Element;
  /** [I] Rank of the label; unit: where the noise comes from. */
  std::vector<int> Label;
  std::vector<int> Unit;
  /** The labels. */
  std::vector<int> Labels;
  /** [U] Units with the same prompts have the same. */
  std::vector<int> Strata;
};

/** Units and what they occur in. */
void SetUnits(const LabeledElements& elements, Instances& instances)
{
  const std::size_t count = instances.Number.size();
  std::vector<int> prompts(instances.Label);
  instances.Unit.resize(count);
  std::iota(instances.Unit.begin(), instances.Unit.end(), 0);
  if (!elements.Seed.empty())
  {
    std::vector<std::int64_t> seeds;
    std::set<std::pair<std::int64_t, int>> seen;
    for (std::size_t i = 0; i < count; ++i)
    {
      seeds.push_back(elements.Seed[instances.Element[i]]);
      prompts[i] = elements.Prompt[instances.Element[i]];
      seen.emplace(seeds.back(), prompts[i]);
    }
    if (seen.size() == count)
    {
      std::vector<std::int64_t> different;
      instances.Unit = Ranks(seeds, different);
    }
  }
  std::map<int, std::vector<int>> promptsOf;
  for (std::size_t i = 0; i < count; ++i)
  {
    promptsOf[instances.Unit[i]].push_back(prompts[i]);
  }
  std::vector<std::vector<int>> kinds;
  for (auto& [unit, of] : promptsOf)
  {
    std::sort(of.begin(), of.end());
    kinds.push_back(of);
  }
  std::vector<std::vector<int>> different;
  instances.Strata = Ranks(kinds, different);
}

Instances FindInstances(const LabeledElements& elements, const Arrangement& arrangement)
{
  Instances instances;
  instances.Element.assign(arrangement.Instances, -1);
  for (int position = 0; position < arrangement.Size(); ++position)
  {
    const int element = arrangement.Element[position];
    int& of = instances.Element[arrangement.Instance[position]];
    of = of < 0 ? element : of;
    if (elements.Label[element] != elements.Label[of] ||
      (!elements.Seed.empty() &&
        (elements.Seed[element] != elements.Seed[of] ||
          elements.Prompt[element] != elements.Prompt[of])))
    {
      throw DataError("Rows " + std::to_string(of) + " and " + std::to_string(element) +
        " are of instance " + std::to_string(elements.Elements.Instance[of]) +
        ", but not of the same " + elements.Kind +
        " and seed; number instances such that each is one run of the sampler.");
    }
  }
  std::vector<int> labels;
  for (int element : instances.Element)
  {
    instances.Number.push_back(elements.Elements.Instance[element]);
    labels.push_back(elements.Label[element]);
  }
  instances.Label = Ranks(labels, instances.Labels);
  SetUnits(elements, instances);

  const std::size_t count = instances.Labels.size();
  if (count < 2)
  {
    throw DataError("All instances are of one " + elements.Kind + "; feed two or more.");
  }
  if (count > MostLabels)
  {
    throw DataError("There are " + std::to_string(count) + " different ones of a " + elements.Kind +
      "; feed " + std::to_string(MostLabels) + " at most, or compare groups.");
  }
  std::vector<std::set<int>> unitsOf(count);
  for (std::size_t i = 0; i < instances.Label.size(); ++i)
  {
    unitsOf[instances.Label[i]].insert(instances.Unit[i]);
  }
  for (std::size_t label = 0; label < count; ++label)
  {
    if (unitsOf[label].size() < 2)
    {
      throw DataError("The " + elements.Kind + " " + std::to_string(instances.Labels[label]) +
        " has instances of one seed only; give it two or more, or leave it out.");
    }
  }
  return instances;
}

/** The elements of a ring by label, and the sorted positions that they are from. */
struct OrderedRing
{
  ComparedRing Compared;
  std::vector<int> Position;
};

template <typename Features>
OrderedRing OrderRing(const Features& features, const Arrangement& arrangement, const Range& range,
  const Instances& instances)
{
  OrderedRing ring;
  ring.Position.resize(range.Size());
  std::iota(ring.Position.begin(), ring.Position.end(), range.Begin);
  const auto label = [&](int position) { return instances.Label[arrangement.Instance[position]]; };
  std::stable_sort(
    ring.Position.begin(), ring.Position.end(), [&](int a, int b) { return label(a) < label(b); });
  ring.Compared.Labels = static_cast<int>(instances.Labels.size());
  ring.Compared.Features.resize(range.Size(), features.cols());
  for (int i = 0; i < range.Size(); ++i)
  {
    ring.Compared.Features.row(i) = features.row(ring.Position[i]).template cast<double>();
    ring.Compared.Label.push_back(label(ring.Position[i]));
    ring.Compared.Unit.push_back(instances.Unit[arrangement.Instance[ring.Position[i]]]);
  }
  return ring;
}

/** For each instance, from its last iteration back, how long its neighborhood is the same. */
std::vector<Decision> FindDecisions(
  const Arrangement& arrangement, const Instances& instances, const std::vector<int>& neighborhoods)
{
  std::vector<Decision> decisions(instances.Number.size());
  for (int last = 0; last < arrangement.Size(); ++last)
  {
    if (arrangement.Next[last] < 0)
    {
      int position = last;
      while (arrangement.Previous[position] >= 0 &&
        neighborhoods[arrangement.Previous[position]] == neighborhoods[last])
      {
        position = arrangement.Previous[position];
      }
      const int instance = arrangement.Instance[last];
      decisions[instance] = { instances.Number[instance], instances.Label[instance],
        neighborhoods[last], arrangement.Iteration[position] };
    }
  }
  return decisions;
}

/** Mean of each column's finite values, 0.5 where there is none. */
Eigen::VectorXd ColumnMeans(const Eigen::ArrayXXd& values)
{
  Eigen::VectorXd means(values.cols());
  for (Eigen::Index column = 0; column < values.cols(); ++column)
  {
    double sum = 0.0;
    int count = 0;
    for (double value : values.col(column))
    {
      sum += std::isnan(value) ? 0.0 : value;
      count += std::isnan(value) ? 0 : 1;
    }
    means[column] = count > 0 ? sum / count : 0.5;
  }
  return means;
}
}

DivergenceResult MeasureDivergence(
  const LabeledElements& elements, const DivergenceParameters& parameters, const Monitor& monitor)
{
  Check(parameters);
  const int threads = ResolveThreads(parameters.Threads);
  CheckLengths(elements);
  const Arrangement arrangement = Arrange(elements.Elements);
  const Instances instances = FindInstances(elements, arrangement);
  const auto features = PrepareFeatures(elements.Elements, arrangement, Metric::Euclidean);
  const auto labels = static_cast<int>(instances.Labels.size());
  const int pairs = labels * (labels - 1) / 2;
  const auto rings = static_cast<int>(arrangement.Rings.size());

  DivergenceResult result;
  result.Labels = instances.Labels;
  result.Instances.assign(labels, 0);
  for (int label : instances.Label)
  {
    ++result.Instances[label];
  }
  for (const Range& ring : arrangement.Rings)
  {
    result.Iterations.push_back(arrangement.Iteration[ring.Begin]);
  }
  result.Never = result.Iterations.back() + 1;
  result.FirstReached = rings;
  result.Separability.setConstant(rings, pairs, std::numeric_limits<double>::quiet_NaN());

  // From the last iteration back, a pair is followed until it is below the threshold.
  const auto resamples = Resample(instances.Strata, parameters.Resamples, parameters.Seed);
  const auto columns = static_cast<Eigen::Index>(resamples.size());
  Eigen::MatrixXi separations = Eigen::MatrixXi::Constant(pairs, columns, result.Never);
  ActivePairs together = ActivePairs::Constant(pairs, columns, true);
  std::vector<int> neighborhoods(arrangement.Size(), -1);
  constexpr double treeShare = 0.05; // of the time
  for (int k = rings - 1; k >= 0; --k)
  {
    const OrderedRing ring = OrderRing(features, arrangement, arrangement.Rings[k], instances);
    ActivePairs active = together;
    active.col(0).setConstant(true); // the separability is wanted in all iterations
    const RingScores scores =
      ScoreRing(ring.Compared, resamples, active, parameters.Neighbors, threads,
        [&](const Progress& progress)
        {
          const double done = (rings - 1 - k + progress.Fraction) / rings;
          return Continue(monitor, progress.Stage, (1.0 - treeShare) * done);
        });
    if (scores.Stopped)
    {
      result.Stopped = true;
      return result;
    }
    for (int i = 0; i < arrangement.Rings[k].Size(); ++i)
    {
      neighborhoods[ring.Position[i]] = scores.Neighborhood[i];
    }
    result.Separability.row(k) = scores.Separability.col(0).transpose();
    result.FirstReached = k;
    for (Eigen::Index column = 0; column < columns; ++column)
    {
      for (int pair = 0; pair < pairs; ++pair)
      {
        const double value = scores.Separability(pair, column);
        if (together(pair, column) && !std::isnan(value))
        {
          together(pair, column) = value >= parameters.Threshold - Rounding;
          separations(pair, column) =
            together(pair, column) ? result.Iterations[k] : separations(pair, column);
        }
      }
    }
  }

  const Eigen::VectorXd means = ColumnMeans(result.Separability);
  const Eigen::MatrixXd separability = PairMatrix(means, labels);
  result.Tree = BuildMergeTree(
    PairMatrix(separations.col(0).cast<double>(), labels), separability, result.Never);
  if (!SetConfidence(result.Tree, separations.rightCols(columns - 1), separability,
        parameters.Confidence,
        [&](const Progress& progress) {
          return Continue(monitor, progress.Stage, 1.0 - treeShare + treeShare * progress.Fraction);
        }))
  {
    result.Tree.clear();
    result.Stopped = true;
    return result;
  }
  for (int a = 0; a < labels; ++a)
  {
    for (int b = a + 1; b < labels; ++b)
    {
      const int pair = PairIndex(a, b, labels);
      std::vector<double> resampled;
      for (Eigen::Index column = 1; column < columns; ++column)
      {
        resampled.push_back(separations(pair, column));
      }
      const Bounds bounds =
        PercentileBounds(std::move(resampled), parameters.Confidence, separations(pair, 0));
      result.Separations.push_back({ a, b, separations(pair, 0), static_cast<int>(bounds.Low),
        static_cast<int>(bounds.High), means[pair] });
    }
  }
  result.Decisions = FindDecisions(arrangement, instances, neighborhoods);
  return result;
}
}
