// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/FrozenEmbedding.h"

#include "Filters/EvolutionaryEmbedding/Core/Affinities.h"
#include "Filters/EvolutionaryEmbedding/Core/AlignmentLoss.h"
#include "Filters/EvolutionaryEmbedding/Core/Choices.h"
#include "Filters/EvolutionaryEmbedding/Core/DisplacementLoss.h"
#include "Filters/EvolutionaryEmbedding/Core/Optimizer.h"
#include "Filters/EvolutionaryEmbedding/Core/PairSums.h"
#include "Filters/Foundation/ForEach.h"
#include "Filters/Foundation/Threads.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>

namespace tdl
{
namespace
{
constexpr double ComparisonShare = 0.2;

/** Which new elements are compared with which frozen ones, and in what scale. */
struct Comparison
{
  /** Positions of the new and of the frozen arrangement. */
  Range New, Frozen;
  double Perplexity = 0.0;
  double Scale = 1.0;
};

std::vector<Comparison> Compare(const FrozenEmbedding& frozen, const Arrangement& frozenOrder,
  const Arrangement& order, const EmbeddingParameters& parameters,
  std::vector<std::string>& warnings)
{
  const std::vector<Range> frozenRanges = ComparedRanges(frozenOrder, parameters.Scope);
  const std::vector<double> perplexities =
    ChoosePerplexities(parameters, frozenRanges, frozenOrder.Rings.size(), warnings);
  const std::vector<double> scales =
    ChooseScales(parameters, frozenRanges, TargetsOf(frozenOrder, frozen.RingDisplacement));
  std::vector<Comparison> comparisons;
  const bool within = parameters.Scope == NeighborhoodScope::WithinIteration;
  std::size_t f = 0;
  for (const Range& range : ComparedRanges(order, parameters.Scope))
  {
    const int iteration = order.Iteration[range.Begin];
    while (
      within && f < frozenRanges.size() && frozenOrder.Iteration[frozenRanges[f].Begin] < iteration)
    {
      ++f;
    }
    if (f == frozenRanges.size() ||
      (within && frozenOrder.Iteration[frozenRanges[f].Begin] != iteration))
    {
      throw DataError("The frozen embedding has no elements of iteration " +
        std::to_string(iteration) + "; embed runs with the same captured iterations.");
    }
    comparisons.push_back({ range, frozenRanges[f], perplexities[f], scales[f] });
  }
  return comparisons;
}

void Check(const FrozenEmbedding& frozen, const Elements& elements)
{
  if (frozen.Elements.Dimension != elements.Dimension)
  {
    throw DataError("The features have " + std::to_string(elements.Dimension) +
      " components and those of the frozen embedding " + std::to_string(frozen.Elements.Dimension) +
      "; encode both with the same encoder.");
  }
  if (frozen.Position.rows() != frozen.Elements.Count || !frozen.Position.allFinite())
  {
    throw DataError("The points of the frozen embedding are not finite or not one per element.");
  }
  const int last = *std::max_element(elements.Iteration.begin(), elements.Iteration.end());
  const int lastFrozen =
    *std::max_element(frozen.Elements.Iteration.begin(), frozen.Elements.Iteration.end());
  const auto rings = static_cast<int>(frozen.RingDisplacement.size());
  if (std::max(last, lastFrozen) >= rings)
  {
    throw DataError("Iteration " + std::to_string(std::max(last, lastFrozen)) +
      " has no ring in the frozen embedding, whose last is iteration " + std::to_string(rings - 1) +
      "; embed runs with the same captured iterations.");
  }
}

/** The semantic loss of new elements, each against the frozen points it is compared with. */
class FrozenSemanticLoss
{
public:
  FrozenSemanticLoss(const FrozenEmbedding& frozen, const Arrangement& frozenOrder,
    const Elements& elements, const Arrangement& order, std::vector<Comparison> comparisons,
    Metric metric, int threads, const Tick& tick)
    : Comparisons(std::move(comparisons))
    , Threads(threads)
    , Fixed(frozen.Position(frozenOrder.Element, Eigen::indexing::all))
    , Rows(order.Size())
  {
    for (const Comparison& comparison : this->Comparisons)
    {
      this->Fixed.middleRows(comparison.Frozen.Begin, comparison.Frozen.Size()) *= comparison.Scale;
    }
    const Vectors rows = PrepareFeatures(frozen.Elements, frozenOrder, metric);
    const Vectors queries = PrepareFeatures(elements, order, metric);
    for (const Comparison& comparison : this->Comparisons)
    {
      tick(static_cast<double>(comparison.New.Begin) / order.Size());
      const NeighborSearch search(
        rows, comparison.Frozen, 0, threads, [](double) {}, comparison.Frozen.Size());
      NeighborTable table = search.FindOf(queries, comparison.New,
        static_cast<int>(std::ceil(3.0 * comparison.Perplexity)), threads,
        [&](double done)
        { tick((comparison.New.Begin + done * comparison.New.Size()) / order.Size()); });
      for (int i = 0; i < comparison.New.Size(); ++i)
      {
        const std::size_t at = static_cast<std::size_t>(i) * table.Count;
        Calibrate(&table.SquaredDistance[at], table.Count, comparison.Perplexity);
        for (int n = 0; n < table.Count; ++n)
        {
          this->Rows[comparison.New.Begin + i].push_back(
            { comparison.Frozen.Begin + table.Index[at + n], table.SquaredDistance[at + n] });
        }
      }
    }
  }

  /** Mean of the frozen neighbors, by their affinities. */
  Points Start() const
  {
    Points points = Points::Zero(static_cast<Eigen::Index>(this->Rows.size()), 2);
    this->ForElements(
      [&](int i, const Comparison& comparison)
      {
        for (const auto& [j, p] : this->Rows[i])
        {
          points.row(i) += p / comparison.Scale * this->Fixed.row(j);
        }
      });
    return points;
  }

  /** Sets each element's divergence, returns their mean. */
  double Evaluate(const Points& points, Eigen::ArrayXd& parts) const
  {
    this->ForElements(
      [&](int i, const Comparison& comparison)
      {
        const Eigen::Array2d at = comparison.Scale * points.row(i).transpose();
        const double logNormalization = std::log(this->Repulsion(at, comparison).Similarity);
        parts[i] = 0.0;
        for (const auto& [j, p] : this->Rows[i])
        {
          if (p > 0.0)
          {
            const double distance = (at - this->Fixed.row(j).transpose()).square().sum();
            parts[i] += p * (std::log(p * (1.0 + distance)) + logNormalization);
          }
        }
      });
    return std::max(0.0, parts.mean());
  }

  /** Adds the gradient of the mean. */
  void AddGradient(const Points& points, Points& gradient) const
  {
    this->ForElements(
      [&](int i, const Comparison& comparison)
      {
        const Eigen::Array2d at = comparison.Scale * points.row(i).transpose();
        const PairSums sums = this->Repulsion(at, comparison);
        Eigen::Array2d force = -Eigen::Array2d(sums.X, sums.Y) / sums.Similarity;
        for (const auto& [j, p] : this->Rows[i])
        {
          const Eigen::Array2d offset = at - this->Fixed.row(j).transpose();
          force += p / (1.0 + offset.square().sum()) * offset;
        }
        gradient.row(i) +=
          2.0 * comparison.Scale / static_cast<double>(points.rows()) * force.transpose();
      });
  }

  /** Steps become as long as those of t-SNE with a learning rate of a twelfth of the elements. */
  void SetCurvature(Points& curvature) const
  {
    for (const Comparison& comparison : this->Comparisons)
    {
      curvature.middleRows(comparison.New.Begin, comparison.New.Size())
        .setConstant(
          6.0 * comparison.Scale * comparison.Scale / static_cast<double>(curvature.rows()));
    }
  }

private:
  PairSums Repulsion(const Eigen::Array2d& at, const Comparison& comparison) const
  {
    PairSums sums;
    SumPairs(at[0], at[1], this->Fixed.col(0).data(), this->Fixed.col(1).data(),
      comparison.Frozen.Begin, comparison.Frozen.End, sums);
    return sums;
  }

  /** Calls work(i, comparison) for all new elements. */
  template <typename Work>
  void ForElements(const Work& work) const
  {
    constexpr int block = 16;
    const auto count = static_cast<int>(this->Rows.size());
    ForEach((count + block - 1) / block, this->Threads,
      [&](int b)
      {
        auto comparison = std::upper_bound(this->Comparisons.begin(), this->Comparisons.end(),
          b * block, [](int i, const Comparison& c) { return i < c.New.End; });
        for (int i = b * block; i < std::min((b + 1) * block, count); ++i)
        {
          comparison += i == comparison->New.End ? 1 : 0;
          work(i, *comparison);
        }
      });
  }

  std::vector<Comparison> Comparisons;
  int Threads;
  /** M x 2 points of the frozen arrangement, in the units of their comparison's scale. */
  Points Fixed;
  /** [N] Frozen position and affinity of each neighbor of a new element. */
  std::vector<std::vector<std::pair<int, double>>> Rows;
};
}

EmbeddingResult EmbedInto(const FrozenEmbedding& frozen, const Elements& elements,
  const EmbeddingParameters& parameters, const Monitor& monitor)
{
  CheckParameters(parameters);
  const int threads = ResolveThreads(parameters.Threads);
  const Arrangement order = Arrange(elements);
  const Arrangement frozenOrder = Arrange(frozen.Elements);
  Check(frozen, elements);
  const int count = order.Size();
  EmbeddingResult result;
  result.RingDisplacement = frozen.RingDisplacement;
  std::vector<Comparison> comparisons =
    Compare(frozen, frozenOrder, order, parameters, result.Warnings);
  std::unique_ptr<FrozenSemanticLoss> semantic;
  try
  {
    semantic = std::make_unique<FrozenSemanticLoss>(frozen, frozenOrder, elements, order,
      std::move(comparisons), parameters.Metric, threads,
      StageTick(monitor, "Neighbors", 0.0, ComparisonShare));
  }
  catch (const Stopped&)
  {
    return result;
  }
  const Eigen::ArrayXd targets = TargetsOf(order, frozen.RingDisplacement);
  const DisplacementLoss displacement(frozen.Layout, targets);
  const AlignmentLoss alignment(frozen.Layout, order.Next);
  Optimizer optimizer(frozen.Layout, count, LongestStep(targets), 1);

  Points points = semantic->Start();
  Points gradient(count, 2);
  Points curvature(count, 2);
  Eigen::ArrayXd semanticParts(count), displacementParts(count), alignmentParts(count);
  const auto record = [&](int step)
  {
    LossRecord losses;
    losses.Step = step;
    losses.Semantic = semantic->Evaluate(points, semanticParts);
    losses.Displacement = displacement.Evaluate(points, displacementParts);
    losses.Alignment = alignment.Evaluate(points, alignmentParts);
    losses.Total = losses.Semantic + parameters.DisplacementWeight * losses.Displacement +
      parameters.AlignmentWeight * losses.Alignment;
    result.History.push_back(losses);
  };
  record(0);
  while (result.Step < parameters.Steps &&
    Continue(monitor, "Optimization",
      ComparisonShare + (1.0 - ComparisonShare) * result.Step / parameters.Steps))
  {
    gradient.setZero();
    semantic->AddGradient(points, gradient);
    semantic->SetCurvature(curvature);
    displacement.AddGradient(points, parameters.DisplacementWeight, gradient);
    displacement.AddCurvature(points, parameters.DisplacementWeight, curvature);
    alignment.AddGradient(points, parameters.AlignmentWeight, gradient);
    alignment.AddCurvature(points, parameters.AlignmentWeight, curvature);
    const double momentum = result.Step < parameters.Steps / 4 ? 0.5 : 0.8;
    if (!optimizer.Step(points, gradient, curvature, momentum))
    {
      throw Diverged(result.Step);
    }
    ++result.Step;
    if (result.Step % RecordEvery(count) == 0)
    {
      record(result.Step);
    }
  }
  if (result.History.back().Step != result.Step)
  {
    record(result.Step);
  }

  std::vector<int> positionOf(count);
  for (int position = 0; position < count; ++position)
  {
    positionOf[order.Element[position]] = position;
  }
  result.SetArrays(
    positionOf, points, targets, semanticParts, displacementParts, alignmentParts, 1);
  return result;
}
}
