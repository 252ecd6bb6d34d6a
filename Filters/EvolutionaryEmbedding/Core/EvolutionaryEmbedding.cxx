// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/EvolutionaryEmbedding.h"

#include "Filters/EvolutionaryEmbedding/Core/Affinities.h"
#include "Filters/EvolutionaryEmbedding/Core/AlignmentLoss.h"
#include "Filters/EvolutionaryEmbedding/Core/DisplacementLoss.h"
#include "Filters/EvolutionaryEmbedding/Core/InstanceOrder.h"
#include "Filters/EvolutionaryEmbedding/Core/Optimizer.h"
#include "Filters/EvolutionaryEmbedding/Core/Rings.h"
#include "Filters/EvolutionaryEmbedding/Core/SemanticLoss.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/PrincipalComponents.h"
#include "Filters/Foundation/Threads.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <sstream>
#include <utility>

namespace tdl
{
namespace
{
constexpr double Pi = 3.14159265358979323846;

void Check(const EmbeddingParameters& parameters)
{
  const auto demand = [](bool valid, const char* name, double value, const char* range)
  {
    if (!valid)
    {
      std::ostringstream message;
      message << name << " is " << value << "; set it to " << range << ".";
      throw ParameterError(message.str());
    }
  };
  const auto finite = [](double value) { return std::isfinite(value); };
  const double perplexity = parameters.Perplexity;
  demand(finite(perplexity) && (perplexity == 0.0 || perplexity >= 1.0), "Perplexity", perplexity,
    "1 or more, or to 0 (automatic)");
  demand(finite(parameters.DisplacementWeight) && parameters.DisplacementWeight >= 0.0,
    "Displacement Weight", parameters.DisplacementWeight, "0 or more");
  demand(finite(parameters.AlignmentWeight) && parameters.AlignmentWeight >= 0.0,
    "Alignment Weight", parameters.AlignmentWeight, "0 or more");
  demand(parameters.Steps >= 0, "Optimization Steps", parameters.Steps, "0 or more");
  demand(finite(parameters.EarlyExaggeration) && parameters.EarlyExaggeration >= 1.0,
    "Early Exaggeration", parameters.EarlyExaggeration, "1 or more");
  demand(finite(parameters.LearningRate) && parameters.LearningRate >= 0.0, "Learning Rate",
    parameters.LearningRate, "a positive number, or to 0 (automatic)");
}

/** One perplexity per range: the parameter, as far as the range's size allows. */
std::vector<double> ChoosePerplexities(const EmbeddingParameters& parameters,
  const std::vector<Range>& ranges, std::vector<std::string>& warnings)
{
  // Over all elements, an element's own trajectory is nearest: its neighborhood must reach beyond.
  const double automatic = parameters.Scope == NeighborhoodScope::WithinIteration ? 20.0 : 300.0;
  std::vector<double> perplexities;
  double smallest = parameters.Perplexity;
  for (const Range& range : ranges)
  {
    const double maximum = MaximumPerplexity(range.Size());
    perplexities.push_back(parameters.Perplexity > 0.0 ? std::min(parameters.Perplexity, maximum)
                                                       : std::clamp(0.6 * maximum, 1.0, automatic));
    smallest = std::min(smallest, perplexities.back());
  }
  if (smallest < parameters.Perplexity)
  {
    std::ostringstream message;
    message << "Perplexity " << parameters.Perplexity
            << " is too large for the number of elements that are compared; used " << smallest
            << ", the largest usable" << (ranges.size() > 1 ? " in the smallest iteration." : ".");
    warnings.push_back(message.str());
  }
  return perplexities;
}

/**
 * t-SNE units per unit of the layout. A t-SNE map of n points has a half-extent of about sqrt(n).
 * Within an iteration, each ring gets the scale by which its points fill its circle; columns share
 * one, by which the tree becomes about as high as wide. Over all elements, the map fits the extent.
 */
std::vector<double> ChooseScales(const EmbeddingParameters& parameters,
  const std::vector<Range>& ranges, const Eigen::ArrayXd& targets)
{
  const bool within = parameters.Scope == NeighborhoodScope::WithinIteration;
  const double extent = std::max(1.0, targets.maxCoeff());
  std::vector<double> scales;
  for (const Range& range : ranges)
  {
    double perUnit = 1.0 / extent;
    if (within)
    {
      perUnit = parameters.Layout == Layout::Radial ? 0.7 / targets[range.Begin] : 2.0 / extent;
    }
    scales.push_back(perUnit * std::sqrt(static_cast<double>(range.Size())));
  }
  return scales;
}

/** First two principal components of the rows, N x 2; zero where there are fewer. */
Points PrincipalPlane(const Vectors& rows, int threads)
{
  const int components =
    static_cast<int>(std::min<Eigen::Index>({ 2, rows.rows() - 1, rows.cols() }));
  Points plane = Points::Zero(rows.rows(), 2);
  if (components > 0)
  {
    std::vector<float> values(rows.size());
    Eigen::Map<FeatureMatrix>(values.data(), rows.rows(), rows.cols()) = rows.cast<float>();
    const std::vector<float> coordinates =
      PrincipalComponents(values, static_cast<int>(rows.cols()), components, threads);
    plane.leftCols(components) =
      Eigen::Map<const FeatureMatrix>(coordinates.data(), rows.rows(), components)
        .cast<double>()
        .array();
  }
  return plane;
}

/**
 * Instances by the angle of their mean features in the plane of these means' principal components:
 * coarser than their tree, but fast for any number of instances.
 */
std::vector<int> OrderByAngle(const Vectors& features, const Arrangement& arrangement, int threads)
{
  Vectors means = Vectors::Zero(arrangement.Instances, features.cols());
  std::vector<int> elements(arrangement.Instances, 0);
  for (const Range& ring : arrangement.Rings)
  {
    // What all have in common at an iteration tells nothing apart.
    const Eigen::RowVectorXd center = features.middleRows(ring.Begin, ring.Size()).colwise().mean();
    for (int position = ring.Begin; position < ring.End; ++position)
    {
      means.row(arrangement.Instance[position]) += features.row(position) - center;
      ++elements[arrangement.Instance[position]];
    }
  }
  for (int instance = 0; instance < arrangement.Instances; ++instance)
  {
    means.row(instance) /= elements[instance];
  }
  const Points plane = PrincipalPlane(means, threads);
  std::vector<int> order(arrangement.Instances);
  std::iota(order.begin(), order.end(), 0);
  const auto key = [&plane](int i)
  { return std::make_pair(std::atan2(plane(i, 1), plane(i, 0)), i); };
  std::sort(order.begin(), order.end(), [&key](int a, int b) { return key(a) < key(b); });
  return order;
}

/** All elements of an instance on one ray or lane, the instances in the order of their tree. */
Points StartOnRings(const EmbeddingParameters& parameters, const Vectors& features,
  const Arrangement& arrangement, const Eigen::ArrayXd& targets, int threads)
{
  constexpr int largestTree = 4000; // instances, whose dissimilarities take 64 MB
  const std::vector<int> order = arrangement.Instances <= largestTree
    ? OrderInstances(InstanceDissimilarities(features, arrangement, threads))
    : OrderByAngle(features, arrangement, threads);
  const auto count = static_cast<double>(order.size());
  // A quarter of the distance to the next instance disturbs, but does not change the order.
  std::mt19937_64 random(parameters.Seed);
  std::uniform_real_distribution<double> noise(-0.25, 0.25);
  std::vector<double> place(order.size()); // in (0, 1)
  for (std::size_t rank = 0; rank < order.size(); ++rank)
  {
    place[order[rank]] = (static_cast<double>(rank) + 0.5 + noise(random)) / count;
  }

  const double height = 1.5 * std::max(1.0, targets.maxCoeff());
  Points points(arrangement.Size(), 2);
  for (int i = 0; i < arrangement.Size(); ++i)
  {
    const double at = place[arrangement.Instance[i]];
    if (parameters.Layout == Layout::Radial)
    {
      points(i, 0) = targets[i] * std::cos(2.0 * Pi * at);
      points(i, 1) = targets[i] * std::sin(2.0 * Pi * at);
    }
    else
    {
      points(i, 0) = targets[i];
      points(i, 1) = height * (at - 0.5);
    }
  }
  return points;
}

/** As plain t-SNE is started: principal components, so small that all points repel alike. */
Points StartInPlane(const Vectors& features, const std::vector<Range>& ranges,
  const std::vector<double>& scales, int threads)
{
  Points points = PrincipalPlane(features, threads);
  const double deviation = std::sqrt(points.col(0).square().mean());
  for (std::size_t r = 0; r < ranges.size(); ++r)
  {
    points.middleRows(ranges[r].Begin, ranges[r].Size()) *=
      1e-4 / (scales[r] * std::max(deviation, 1e-300));
  }
  return points;
}

/**
 * What changes during the optimization. In its first quarter, t-SNE's early exaggeration orders the
 * branches; trajectories are stiff then, so that all iterations find the same order and lines do
 * not cross without reason. They relax until half of the steps are done.
 */
struct Phase
{
  double Exaggeration;
  double AlignmentWeight;
  double Momentum;
};

Phase PhaseAt(int step, const EmbeddingParameters& parameters)
{
  constexpr double stiffness = 20.0;
  const double done = static_cast<double>(step) / parameters.Steps;
  const double relaxed = std::clamp(4.0 * done - 1.0, 0.0, 1.0);
  const double alignment = parameters.AlignmentWeight * std::pow(stiffness, 1.0 - relaxed);
  return done < 0.25 ? Phase{ parameters.EarlyExaggeration, alignment, 0.5 }
                     : Phase{ 1.0, alignment, 0.8 };
}

/** The curvature by which steps along the semantic loss have the length of t-SNE's learning rate.
 */
Points SemanticCurvature(const EmbeddingParameters& parameters, const std::vector<Range>& ranges,
  const std::vector<double>& scales)
{
  Points curvature(ranges.back().End, 2);
  for (std::size_t r = 0; r < ranges.size(); ++r)
  {
    const Range& range = ranges[r];
    const double rate =
      parameters.LearningRate > 0.0 ? parameters.LearningRate : range.Size() / 12.0;
    curvature.middleRows(range.Begin, range.Size())
      .setConstant(scales[r] * scales[r] / (rate * static_cast<double>(ranges.size())));
  }
  return curvature;
}
}

EmbeddingResult Embed(
  const Elements& elements, const EmbeddingParameters& parameters, const Monitor& monitor)
{
  Check(parameters);
  const int threads = ResolveThreads(parameters.Threads);
  const Arrangement arrangement = Arrange(elements);
  const int count = arrangement.Size();

  EmbeddingResult result;
  result.RingDisplacement = RingDisplacements(parameters.Layout, elements, arrangement);
  Eigen::ArrayXd targets(count);
  for (int i = 0; i < count; ++i)
  {
    targets[i] = result.RingDisplacement[arrangement.Iteration[i]];
  }
  const std::vector<Range> ranges = parameters.Scope == NeighborhoodScope::WithinIteration
    ? arrangement.Rings
    : std::vector<Range>{ { 0, count } };
  const std::vector<double> perplexities = ChoosePerplexities(parameters, ranges, result.Warnings);
  const std::vector<double> scales = ChooseScales(parameters, ranges, targets);

  if (!Continue(monitor, "Instances", 0.0))
  {
    return result;
  }
  const Vectors features = PrepareFeatures(elements, arrangement, parameters.Metric);
  const bool plain = parameters.DisplacementWeight == 0.0 && parameters.AlignmentWeight == 0.0;
  Points points = plain ? StartInPlane(features, ranges, scales, threads)
                        : StartOnRings(parameters, features, arrangement, targets, threads);
  if (!Continue(monitor, "Neighbors", 0.05))
  {
    return result;
  }
  // Waking a thread takes about as long as moving this many points.
  constexpr int pointsPerThread = 2000;
  const int pointThreads = std::clamp(count / pointsPerThread, 1, threads);
  SemanticLoss semantic(
    ComputeAffinities(features, ranges, perplexities, threads), ranges, scales, threads);
  const DisplacementLoss displacement(parameters.Layout, targets, pointThreads);
  const AlignmentLoss alignment(parameters.Layout, arrangement.Next, pointThreads);

  Eigen::ArrayXd semanticParts(count), displacementParts(count), alignmentParts(count);
  const auto record = [&](int step)
  {
    LossRecord losses;
    losses.Step = step;
    losses.Semantic = semantic.Evaluate(points, semanticParts);
    losses.Displacement = displacement.Evaluate(points, displacementParts);
    losses.Alignment = alignment.Evaluate(points, alignmentParts);
    losses.Total = losses.Semantic + parameters.DisplacementWeight * losses.Displacement +
      parameters.AlignmentWeight * losses.Alignment;
    result.History.push_back(losses);
  };

  const double longestStep = 0.05 * std::max(1.0, targets.maxCoeff());
  Optimizer optimizer(parameters.Layout, count, longestStep, pointThreads);
  const Points semanticCurvature = SemanticCurvature(parameters, ranges, scales);
  Points gradient(count, 2);
  Points curvature(count, 2);
  const int recordEvery = count <= 10000 ? 10 : 50;
  int step = 0;
  record(step);
  while (step < parameters.Steps &&
    Continue(monitor, "Optimization", 0.1 + 0.9 * step / parameters.Steps))
  {
    const Phase phase = PhaseAt(step, parameters);
    gradient.setZero();
    semantic.AddGradient(points, phase.Exaggeration, gradient);
    curvature = semanticCurvature;
    if (parameters.DisplacementWeight > 0.0)
    {
      displacement.AddGradient(points, parameters.DisplacementWeight, gradient);
      displacement.AddCurvature(points, parameters.DisplacementWeight, curvature);
    }
    if (phase.AlignmentWeight > 0.0)
    {
      alignment.AddGradient(points, phase.AlignmentWeight, gradient);
      alignment.AddCurvature(points, phase.AlignmentWeight, curvature);
    }
    if (!gradient.allFinite())
    {
      throw ParameterError("The optimization diverged in step " + std::to_string(step) +
        "; lower the Learning Rate (0 chooses one that suits) or the weights.");
    }
    optimizer.Step(points, gradient, curvature, phase.Momentum);
    ++step;
    if (step % recordEvery == 0)
    {
      record(step);
    }
  }
  if (result.History.back().Step != step)
  {
    record(step);
  }

  result.Position.resize(count, 2);
  for (Eigen::ArrayXd* array : { &result.TargetDisplacement, &result.SemanticLoss,
         &result.DisplacementLoss, &result.AlignmentLoss })
  {
    array->resize(count);
  }
  for (int i = 0; i < count; ++i)
  {
    const int element = arrangement.Element[i];
    result.Position.row(element) = points.row(i);
    result.TargetDisplacement[element] = targets[i];
    result.SemanticLoss[element] = semanticParts[i];
    result.DisplacementLoss[element] = displacementParts[i];
    result.AlignmentLoss[element] = alignmentParts[i];
  }
  return result;
}
}
