// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/Elements.h"
#include "Filters/EvolutionaryEmbedding/Core/Layout.h"
#include "Filters/EvolutionaryEmbedding/Core/Neighbors.h"
#include "Filters/EvolutionaryEmbedding/Core/Points.h"
#include "Filters/Foundation/Monitor.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace tdl
{
/** Which elements an element is compared with. */
enum class NeighborhoodScope
{
  /** All: one t-SNE over every element. */
  AllElements,
  /** Those of the same iteration: one t-SNE per iteration. */
  WithinIteration
};

/** Parameters of the embedding and their defaults. */
struct EmbeddingParameters
{
  tdl::Layout Layout = tdl::Layout::Radial;
  NeighborhoodScope Scope = NeighborhoodScope::WithinIteration;
  tdl::Metric Metric = tdl::Metric::Euclidean;
  /**
   * Effective number of neighbors, >= 1, or 0 for a choice by the number of elements. At most a
   * third of the elements that an element is compared with; a larger one is lowered, with a
   * warning.
   */
  double Perplexity = 0.0;
  /** Weight alpha >= 0 of the displacement loss; less in the first third of the steps. */
  double DisplacementWeight = 0.7;
  /** Weight beta >= 0 of the alignment loss; stiffer in the first half of the steps. */
  double AlignmentWeight = 0.05;
  /** Steps of the optimization, >= 0. */
  int Steps = 500;
  /** Factor >= 1 on the affinities during the first quarter of the steps. */
  double EarlyExaggeration = 6.0;
  /**
   * Step length per unit of t-SNE's gradient, > 0, or 0 for a twelfth of the n compared elements;
   * of few, the lesser of 50 and n / 4.
   */
  double LearningRate = 0.0;
  /** Seed of the noise that the start is disturbed by. */
  std::uint64_t Seed = 0;
  /** How many states on the way are kept, equally spaced from the start to the last step; >= 0. */
  int Snapshots = 0;
  /** Number of threads, or 0 for all cores. The result does not depend on it. */
  int Threads = 0;
};

/** Losses after some steps: of method, unweighted, and their weighted total. */
struct LossRecord
{
  int Step = 0;
  double Total = 0.0;
  double Semantic = 0.0;
  double Displacement = 0.0;
  double Alignment = 0.0;
};

/** An embedding. Arrays [N] are in the order of the elements given. */
struct EmbeddingResult
{
  /** N x 2. One unit is the mean spacing of the rings. Empty when stopped before the first step. */
  Points Position;
  /** [N] Displacement that the element's iteration should have. */
  Eigen::ArrayXd TargetDisplacement;
  /** [N] The element's parts of the losses, unweighted; their means are the losses. */
  Eigen::ArrayXd SemanticLoss, DisplacementLoss, AlignmentLoss;
  /** [K] Target displacement of iteration k, K - 1 being the last that occurs. */
  std::vector<double> RingDisplacement;
  /** Steps done, and whether they began at points that other parameters had led to. */
  int Step = 0;
  bool Continued = false;
  /** Losses of the start, of every tenth step (of 10,000 elements or more: fiftieth), of the last.
   */
  std::vector<LossRecord> History;
  /** Share of the nearest neighbors that were found, 1 up to NeighborSearch::LargestExact. */
  double NeighborRecall = 1.0;
  /** Sentences for the user on parameters that were adjusted. */
  std::vector<std::string> Warnings;

  /**
   * Sets the arrays of the elements from those of another order.
   * @param placeOf [N] Where an element is in that order.
   */
  void SetArrays(const std::vector<int>& placeOf, const Points& points,
    const Eigen::ArrayXd& targets, const Eigen::ArrayXd& semantic,
    const Eigen::ArrayXd& displacement, const Eigen::ArrayXd& alignment, int threads);
};

/**
 * The evolutionary embedding of Prasad et al. (2024), arXiv 2406.17462: points y_e that minimize
 * C = semantic + alpha displacement + beta alignment. The semantic loss is that of t-SNE, over all
 * elements or the mean over the iterations; the displacement loss draws the elements of an
 * iteration to its ring or column; the alignment loss straightens the instances' trajectories.
 *
 * The first ring has a radius of one spacing, the first column is x = 0. The start lays the
 * instances around the circle or along the column in the order of their hierarchical clustering;
 * with the semantic loss alone it is plain t-SNE's, two principal components.
 *
 * It is made of elements once; then it can be started, stepped, watched, changed and continued.
 */
class EvolutionaryEmbedding
{
public:
  /**
   * Arranges the elements and finds their affinities.
   * @throws DataError for elements that Arrange refuses or noise levels that do not order the
   * iterations; ParameterError for a parameter out of its range; Stopped.
   */
  EvolutionaryEmbedding(
    const Elements& elements, const EmbeddingParameters& parameters, const Monitor& monitor = {});
  ~EvolutionaryEmbedding();

  /** Whether the same elements would have the same affinities under other parameters. */
  bool Serves(const EmbeddingParameters& parameters) const;

  /**
   * Places the points anew.
   * @param elements Those of the constructor.
   * @throws as the constructor.
   */
  void Start(
    const Elements& elements, const EmbeddingParameters& parameters, const Monitor& monitor = {});

  /**
   * Takes other parameters over, for which Serves is true. Where only the layout, the spacing or
   * the weights are others, the points go on from where they are, in the calmer second half of the
   * schedule, rings turned into columns and columns into rings; more steps alone continue the run;
   * anything else that the points depend on starts them anew.
   * @throws as Start.
   */
  void Update(
    const Elements& elements, const EmbeddingParameters& parameters, const Monitor& monitor = {});

  /**
   * Steps until all steps are done or the monitor stops, asked before each and in its middle: what
   * is done of a step then is left, for a next run to do anew.
   * @throws ParameterError when the parameters make the optimization diverge.
   */
  void Run(const Monitor& monitor = {});

  /** One step. */
  void Step();

  /** Whether all steps are done. */
  bool IsDone() const;

  /** The embedding after the last step or, of those kept, the last one not after `step`. */
  EmbeddingResult GetResult(double step = std::numeric_limits<double>::infinity());

private:
  struct State;
  std::unique_ptr<State> Self;
};

/** Makes, starts and runs an embedding; its Position is empty when stopped before the first step.
 */
EmbeddingResult Embed(
  const Elements& elements, const EmbeddingParameters& parameters, const Monitor& monitor = {});
}
