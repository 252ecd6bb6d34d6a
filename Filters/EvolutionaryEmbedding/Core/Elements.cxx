// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/Elements.h"

#include "Filters/Foundation/Error.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <tuple>

namespace tdl
{
namespace
{
/** A bound that only a timestep or a sum taken for an index exceeds; each iteration is a ring. */
constexpr int IterationLimit = 100000;

void Check(const Elements& elements)
{
  const int count = elements.Count;
  if (count == 0 || elements.Dimension == 0)
  {
    throw DataError("The feature table is empty; feed a table with at least one element.");
  }
  if (static_cast<int>(elements.Instance.size()) != count ||
    static_cast<int>(elements.Iteration.size()) != count)
  {
    throw DataError("There are " + std::to_string(count) + " feature vectors, " +
      std::to_string(elements.Instance.size()) + " instances and " +
      std::to_string(elements.Iteration.size()) + " iterations; give one of each per element.");
  }
  const auto features = elements.FeatureRows();
  for (int row = 0; row < count; ++row)
  {
    if (!features.row(row).allFinite())
    {
      throw DataError("Row " + std::to_string(row) +
        " of the features holds NaN or infinity; remove the row or encode its image again.");
    }
    if (elements.Iteration[row] < 0 || elements.Iteration[row] >= IterationLimit)
    {
      throw DataError("Row " + std::to_string(row) + " has iteration " +
        std::to_string(elements.Iteration[row]) +
        "; number the captured iterations 0, 1, 2 and so on.");
    }
  }
}
}

Arrangement Arrange(const Elements& elements)
{
  Check(elements);
  const int count = elements.Count;

  std::vector<int> instances = elements.Instance;
  std::sort(instances.begin(), instances.end());
  instances.erase(std::unique(instances.begin(), instances.end()), instances.end());

  Arrangement result;
  result.Instances = static_cast<int>(instances.size());
  result.Element.resize(count);
  std::iota(result.Element.begin(), result.Element.end(), 0);
  const auto key = [&](int e)
  { return std::make_tuple(elements.Iteration[e], elements.Instance[e], e); };
  std::sort(
    result.Element.begin(), result.Element.end(), [&](int a, int b) { return key(a) < key(b); });

  result.Iteration.resize(count);
  result.Instance.resize(count);
  result.Next.assign(count, -1);
  result.Previous.assign(count, -1);
  std::vector<int> latest(result.Instances, -1);
  for (int position = 0; position < count; ++position)
  {
    const int element = result.Element[position];
    const int iteration = elements.Iteration[element];
    const int instance = static_cast<int>(
      std::lower_bound(instances.begin(), instances.end(), elements.Instance[element]) -
      instances.begin());
    result.Iteration[position] = iteration;
    result.Instance[position] = instance;

    if (position == 0 || result.Iteration[position - 1] != iteration)
    {
      result.Rings.push_back({ position, position });
    }
    result.Rings.back().End = position + 1;

    const int previous = latest[instance];
    if (previous >= 0)
    {
      if (result.Iteration[previous] == iteration)
      {
        throw DataError("Rows " + std::to_string(result.Element[previous]) + " and " +
          std::to_string(element) + " are both iteration " + std::to_string(iteration) +
          " of instance " + std::to_string(elements.Instance[element]) +
          "; keep one row per instance and iteration.");
      }
      result.Previous[position] = previous;
      result.Next[previous] = position;
    }
    latest[instance] = position;
  }
  return result;
}
}
