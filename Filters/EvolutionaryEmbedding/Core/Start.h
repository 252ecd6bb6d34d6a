// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/Elements.h"
#include "Filters/EvolutionaryEmbedding/Core/Layout.h"
#include "Filters/EvolutionaryEmbedding/Core/Points.h"
#include "Filters/EvolutionaryEmbedding/Core/Tiles.h"
#include "Filters/Foundation/Monitor.h"

#include <cstdint>
#include <vector>

namespace tdl
{
/**
 * The instances [n] so ordered that alike ones follow each other: leaves of their hierarchical
 * clustering or, of very many, by the angle of their mean features in a plane.
 */
std::vector<int> StartOrder(
  const Vectors& features, const Arrangement& arrangement, int threads, const Tick& tick);

/**
 * All elements of an instance on one ray or lane, the instances in an order.
 * @param targets [N] Displacement of each element.
 * @param compact Whether rings are smaller than they shall become.
 * @param seed Of the noise that disturbs the places, not the order.
 * @return N x 2.
 */
Points StartOnRings(Layout layout, const std::vector<int>& order, const Arrangement& arrangement,
  const Eigen::ArrayXd& targets, bool compact, std::uint64_t seed);

/**
 * As plain t-SNE is started: principal components, so small that all points repel alike.
 * @param scales One per range: t-SNE units per unit of the layout.
 */
Points StartInPlane(const Vectors& features, const std::vector<Range>& ranges,
  const std::vector<double>& scales, int threads, const Tick& tick);
}
