// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/Elements.h"
#include "Filters/EvolutionaryEmbedding/Core/Layout.h"

#include <vector>

namespace tdl
{
/**
 * Target displacement of each iteration, in units of the mean spacing: the first that occurs has
 * that of its index, and so has the last; between, they are spaced equally or in proportion to
 * the noise level. Radial displacements begin with 1, so that the root is a ring too.
 * @return [K], K - 1 being the last iteration that occurs. Iterations that do not occur lie
 * between their neighbors.
 * @throws DataError when noise levels are not finite or neither fall nor rise with the iteration.
 */
std::vector<double> RingDisplacements(
  Layout layout, const Elements& elements, const Arrangement& arrangement);
}
