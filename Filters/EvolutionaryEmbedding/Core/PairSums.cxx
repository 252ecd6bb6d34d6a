// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/PairSums.h"

#include "Filters/EvolutionaryEmbedding/Core/Simd.h"

namespace tdl
{
TDL_SIMD_CLONES void SumPairs(
  double atX, double atY, const double* x, const double* y, int begin, int end, PairSums& sums)
{
  double sum = 0.0;
  double forceX = 0.0;
  double forceY = 0.0;
#pragma omp simd reduction(+ : sum, forceX, forceY)
  for (int j = begin; j < end; ++j)
  {
    const double offsetX = atX - x[j];
    const double offsetY = atY - y[j];
    const double similarity = 1.0 / (1.0 + offsetX * offsetX + offsetY * offsetY);
    sum += similarity;
    forceX += similarity * similarity * offsetX;
    forceY += similarity * similarity * offsetY;
  }
  sums = { sum, forceX, forceY };
}
}
