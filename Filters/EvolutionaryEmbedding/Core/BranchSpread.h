// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/Points.h"

#include <vector>

namespace tdl
{
/**
 * Turns the branches of a radial layout until their leaves use the whole circle. Attraction draws
 * branches to one side, and what repels them is too weak at their distance to push them back. The
 * gaps between neighboring leaves that exceed an even spacing become equally wide; smaller ones,
 * which are within branches, stay. All points turn by the same increasing function of their angle,
 * so that radii and the order around the circle stay, and no lines cross.
 * @param next [N] The next iteration of the same instance, or -1 for a leaf.
 * @param points N x 2, changed in place.
 */
void SpreadBranches(const std::vector<int>& next, Points& points);
}
