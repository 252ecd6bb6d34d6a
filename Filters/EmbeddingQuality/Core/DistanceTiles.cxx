// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EmbeddingQuality/Core/DistanceTiles.h"

#include "Filters/EvolutionaryEmbedding/Core/Simd.h"

namespace tdl
{
namespace
{
/** Versions for several processors are symbols that shared libraries export, unless they are local.
 */
TDL_SIMD_CLONES void Measure(const double* queries, const DistanceTile::Lanes* tile, int dimension,
  DistanceTile::Distances* distances)
{
  constexpr int group = DistanceTile::Group;
  constexpr int vectorWidth = DistanceTile::VectorWidth;
  constexpr double farthest = std::numeric_limits<double>::max();
  for (int first = 0; first < DistanceTile::Width; first += vectorWidth)
  {
    // Loops that are unrolled into one vector per query, or as many as it takes. The compiler's own
    // type of a vector as wide as this stays in memory where the processor's are narrower.
    std::array<std::array<double, vectorWidth>, group> sums{};
    const double* query = queries;
    for (int d = 0; d < dimension; ++d, ++tile, query += group)
    {
#pragma GCC unroll 6
      for (int q = 0; q < group; ++q)
      {
#pragma omp simd
        for (int row = 0; row < vectorWidth; ++row)
        {
          const double difference = tile->Row[row] - query[q];
          sums[q][row] += difference * difference;
        }
      }
    }
    for (int q = 0; q < group; ++q)
    {
      for (int row = 0; row < vectorWidth; ++row)
      {
        distances[q][first + row] = std::min(sums[q][row], farthest);
      }
    }
  }
}
}

void MeasureTile(const double* queries, const DistanceTile::Lanes* tile, int dimension,
  DistanceTile::Distances* distances)
{
  Measure(queries, tile, dimension, distances);
}
}
