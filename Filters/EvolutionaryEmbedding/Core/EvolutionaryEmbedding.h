// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/Elements.h"
#include "Filters/EvolutionaryEmbedding/Core/Layout.h"
#include "Filters/EvolutionaryEmbedding/Core/Neighbors.h"
#include "Filters/EvolutionaryEmbedding/Core/Points.h"
#include "Filters/Foundation/Monitor.h"

#include <cstdint>
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
  /** Weight alpha >= 0 of the displacement loss. */
  double DisplacementWeight = 1.0;
  /** Weight beta >= 0 of the alignment loss; stiffer in the first half of the steps. */
  double AlignmentWeight = 0.05;
  /** Steps of the optimization, >= 0. */
  int Steps = 500;
  /** Factor >= 1 on the affinities during the first quarter of the steps. */
  double EarlyExaggeration = 4.0;
  /** Step length per unit of t-SNE's gradient, > 0, or 0 for a twelfth of the compared elements. */
  double LearningRate = 0.0;
  /** Seed of the noise that the start is disturbed by. */
  std::uint64_t Seed = 0;
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
  /** Losses of the start, of every tenth step (of 10,000 elements or more: fiftieth), of the
   * result. */
  std::vector<LossRecord> History;
  /** Sentences for the user on parameters that were adjusted. */
  std::vector<std::string> Warnings;
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
 * @throws DataError for elements that Arrange refuses or noise levels that do not order the
 * iterations; ParameterError for a parameter out of its range or one that makes the optimization
 * diverge.
 */
EmbeddingResult Embed(
  const Elements& elements, const EmbeddingParameters& parameters, const Monitor& monitor = {});
}
