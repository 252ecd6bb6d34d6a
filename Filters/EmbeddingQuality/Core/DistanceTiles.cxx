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
  constexpr int Group = DistanceTile::Group;
  constexpr int VectorWidth = DistanceTile::VectorWidth;
  constexpr double farthest = std::numeric_limits<double>::max();
  for (int first = 0; first < DistanceTile::Width; first += VectorWidth)
  {
    // Loops that are unrolled into one vector per query, or as many as it takes. The compiler's own
    // type of a vector as wide as this stays in memory where the processor's are narrower.
    std::array<std::array<double, VectorWidth>, Group> sums{};
    const double* query = queries;
    for (int d = 0; d < dimension; ++d, ++tile, query += Group)
    {
#pragma GCC unroll 6
      for (int q = 0; q < Group; ++q)
      {
#pragma omp simd
        for (int row = 0; row < VectorWidth; ++row)
        {
          const double difference = tile->Row[row] - query[q];
          sums[q][row] += difference * difference;
        }
      }
    }
    for (int q = 0; q < Group; ++q)
    {
      for (int row = 0; row < VectorWidth; ++row)
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
