// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/Neighbors.h"

#include <vector>

namespace tdl
{
/**
 * How different instances are over their whole runs, symmetric with a zero diagonal: the squared
 * distance of their features relative to the iteration's mean, averaged over the iterations that
 * both have. Instances that share none are as different as any two are on average (1).
 */
Eigen::MatrixXf InstanceDissimilarities(
  const Vectors& features, const Arrangement& arrangement, int threads,
  const Tick& tick = [](double) {});

/**
 * Orders instances so that alike ones are neighbors: the leaves of their average-linkage tree
 * (found by nearest-neighbor chains, Murtagh 1983), where each merge joins the two branches at the
 * ends that are most alike (Gruvaeus & Wainer 1972).
 * @return [n] The instances in order.
 */
std::vector<int> OrderInstances(const Eigen::MatrixXf& dissimilarities);
}
