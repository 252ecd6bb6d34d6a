// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Foundation/Monitor.h"

#include <cstddef>
#include <vector>

namespace tdl
{
/**
 * Coordinates along the principal components of the data (Pearson 1901), those of largest variance
 * first. As in scikit-learn, each component points to where its largest coefficient by magnitude is
 * positive. The same bits at any number of threads.
 *
 * @param features N x dimension, row by row; finite.
 * @param components how many, from 1 to min(N - 1, dimension).
 * @return N x components, row by row.
 * @throws ParameterError when `components` is out of range.
 */
std::vector<float> PrincipalComponents(
  const float* features, std::size_t rows, int dimension, int components, int threads,
  const Tick& tick = [](double) {});
}
