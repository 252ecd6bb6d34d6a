// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/Choices.h"

#include "Filters/EvolutionaryEmbedding/Core/Affinities.h"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace tdl
{
void CheckParameters(const EmbeddingParameters& parameters)
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
  demand(parameters.Snapshots >= 0, "Snapshots", parameters.Snapshots, "0 or more");
}

std::vector<Range> ComparedRanges(const Arrangement& arrangement, NeighborhoodScope scope)
{
  return scope == NeighborhoodScope::WithinIteration
    ? arrangement.Rings
    : std::vector<Range>{ { 0, arrangement.Size() } };
}

std::vector<double> ChoosePerplexities(const EmbeddingParameters& parameters,
  const std::vector<Range>& ranges, std::size_t iterations, std::vector<std::string>& warnings)
{
  // Over all elements, an element's own trajectory is nearest: its neighborhood must reach beyond.
  const double automatic = parameters.Scope == NeighborhoodScope::WithinIteration
    ? 20.0
    : std::max(3.0 * iterations, std::min(300.0, ranges.front().Size() / 30.0));
  std::vector<double> perplexities;
  double smallest = parameters.Perplexity;
  for (const Range& range : ranges)
  {
    const double maximum = MaximumPerplexity(range.Size());
    perplexities.push_back(parameters.Perplexity > 0.0 ? std::min(parameters.Perplexity, maximum)
                                                       : std::clamp(0.5 * maximum, 1.0, automatic));
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

std::vector<double> ChooseScales(const EmbeddingParameters& parameters,
  const std::vector<Range>& ranges, const Eigen::ArrayXd& targets)
{
  const bool within = parameters.Scope == NeighborhoodScope::WithinIteration;
  const double extent = std::max(1.0, targets.maxCoeff());
  std::vector<double> scales;
  for (const Range& range : ranges)
  {
    double perUnit = (parameters.Layout == Layout::Radial ? 0.25 : 0.5) / extent;
    if (within)
    {
      perUnit = parameters.Layout == Layout::Radial ? 1.4 / std::sqrt(targets[range.Begin])
                                                    : 2.0 / std::sqrt(extent);
    }
    scales.push_back(perUnit * std::sqrt(static_cast<double>(range.Size())));
  }
  return scales;
}

Eigen::ArrayXd TargetsOf(const Arrangement& arrangement, const std::vector<double>& rings)
{
  return Eigen::ArrayXd::NullaryExpr(arrangement.Size(),
    [&](Eigen::Index position) { return rings[arrangement.Iteration[position]]; });
}

double LongestStep(const Eigen::ArrayXd& targets)
{
  return 0.05 * std::max(1.0, targets.maxCoeff());
}

int RecordEvery(int elements)
{
  return elements <= 10000 ? 10 : 50;
}

ParameterError Diverged(int step)
{
  return ParameterError("The optimization diverged in step " + std::to_string(step) +
    "; lower the Learning Rate (0 chooses one that suits) or the weights.");
}
}
