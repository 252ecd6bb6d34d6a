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

/**
 * One perplexity per range: the parameter, as far as the range's size allows, else a warning.
 * @param iterations Number of iterations that have elements.
 */
std::vector<double> ChoosePerplexities(const EmbeddingParameters& parameters,
  const std::vector<Range>& ranges, std::size_t iterations, std::vector<std::string>& warnings);

/**
 * t-SNE units per unit of the layout. A t-SNE map of n points has an area of about pi n. Within an
 * iteration, it gets a scale of twice sqrt(pi n / area), the area being that of a ring, or of a
 * column as high as the tree is wide, of the width of one spacing: points lie beside each other in
 * it, where a line would keep fewer neighborhoods. Smaller scales spread the branches further
 * apart. Over all elements, the map is larger than the extent, so that displacement leaves room for
 * it.
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
