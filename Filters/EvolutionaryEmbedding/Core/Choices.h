// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/EvolutionaryEmbedding.h"
#include "Filters/Foundation/Error.h"

#include <string>
#include <vector>

// What the parameters and the elements decide before the first step.

namespace tdl
{
/** @throws ParameterError for a parameter out of its range. */
void CheckParameters(const EmbeddingParameters& parameters);

/** Ranges of positions whose elements are compared with each other. */
std::vector<Range> ComparedRanges(const Arrangement& arrangement, NeighborhoodScope scope);

/** One perplexity per range: the parameter, as far as the range's size allows, else a warning. */
std::vector<double> ChoosePerplexities(const EmbeddingParameters& parameters,
  const std::vector<Range>& ranges, std::vector<std::string>& warnings);

/**
 * t-SNE units per unit of the layout. A t-SNE map of n points has a half-extent of about sqrt(n).
 * Within an iteration, each ring gets the scale by which its points fill its circle; columns share
 * one, by which the tree becomes about as high as wide. Over all elements, the map fits the extent.
 * @param targets [N] Displacement of each element.
 */
std::vector<double> ChooseScales(const EmbeddingParameters& parameters,
  const std::vector<Range>& ranges, const Eigen::ArrayXd& targets);

/** Target displacement of each position [N] from that of each iteration. */
Eigen::ArrayXd TargetsOf(const Arrangement& arrangement, const std::vector<double>& rings);

/** No point moves farther in a step. */
double LongestStep(const Eigen::ArrayXd& targets);

/** How often losses are recorded, in steps. */
int RecordEvery(int elements);

/** To be thrown when the points or losses of a step are not finite. */
ParameterError Diverged(int step);
}
