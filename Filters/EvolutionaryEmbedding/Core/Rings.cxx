// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/Rings.h"

#include "Filters/Foundation/Error.h"

#include <cmath>
#include <numeric>
#include <string>

namespace tdl
{
namespace
{
/** Mean noise level of each ring's elements. */
std::vector<double> NoiseLevels(const Elements& elements, const Arrangement& arrangement)
{
  std::vector<double> levels;
  for (const Range& ring : arrangement.Rings)
  {
    double sum = 0.0;
    for (int position = ring.Begin; position < ring.End; ++position)
    {
      sum += elements.NoiseLevel[arrangement.Element[position]];
    }
    levels.push_back(sum / ring.Size());
  }
  const double range = levels.back() - levels.front();
  for (std::size_t ring = 0; ring < levels.size(); ++ring)
  {
    const int iteration = arrangement.Iteration[arrangement.Rings[ring].Begin];
    if (!std::isfinite(levels[ring]) ||
      (ring > 0 && (levels[ring] - levels[ring - 1]) * range <= 0.0))
    {
      throw DataError("The noise level of iteration " + std::to_string(iteration) + " is " +
        std::to_string(levels[ring]) +
        ", which does not continue those before it; set Displacement Spacing to Iteration.");
    }
  }
  return levels;
}
}

std::vector<double> RingDisplacements(
  Layout layout, const Elements& elements, const Arrangement& arrangement)
{
  const int first = arrangement.Iteration.front();
  const int last = arrangement.Iteration.back();
  std::vector<double> result(last + 1);
  std::iota(result.begin(), result.end(), layout == Layout::Radial ? 1.0 : 0.0);
  if (elements.NoiseLevel.empty() || first == last)
  {
    return result;
  }

  const std::vector<double> levels = NoiseLevels(elements, arrangement);
  const double unit = (last - first) / (levels.back() - levels.front());
  int from = first;
  for (std::size_t ring = 1; ring < levels.size(); ++ring)
  {
    const int to = arrangement.Iteration[arrangement.Rings[ring].Begin];
    const double step = unit * (levels[ring] - levels[ring - 1]) / (to - from);
    for (int k = from + 1; k <= to; ++k)
    {
      result[k] = result[k - 1] + step;
    }
    from = to;
  }
  return result;
}
}
