// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/Start.h"

#include "Filters/EvolutionaryEmbedding/Core/InstanceOrder.h"
#include "Filters/Foundation/Pi.h"
#include "Filters/Foundation/PrincipalComponents.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <utility>

namespace tdl
{
namespace
{
/** First two principal components of the rows, N x 2; zero where there are fewer. */
Points PrincipalPlane(const Vectors& rows, int threads, const Tick& tick)
{
  const int components =
    static_cast<int>(std::min<Eigen::Index>({ 2, rows.rows() - 1, rows.cols() }));
  Points plane = Points::Zero(rows.rows(), 2);
  if (components > 0)
  {
    const std::vector<float> coordinates = PrincipalComponents(
      rows.data(), rows.rows(), static_cast<int>(rows.cols()), components, threads, tick);
    plane.leftCols(components) =
      Eigen::Map<const FeatureMatrix>(coordinates.data(), rows.rows(), components)
        .cast<double>()
        .array();
  }
  return plane;
}

/**
 * Instances by the angle of their mean features in the plane of these means' principal components:
 * coarser than their tree, but fast for any number of instances.
 */
std::vector<int> OrderByAngle(
  const Vectors& features, const Arrangement& arrangement, int threads, const Tick& tick)
{
  Eigen::MatrixXd sums = Eigen::MatrixXd::Zero(features.cols(), arrangement.Instances);
  std::vector<int> elements(arrangement.Instances, 0);
  for (const Range& ring : arrangement.Rings)
  {
    // What all have in common at an iteration tells nothing apart.
    const Eigen::RowVectorXd center =
      features.middleRows(ring.Begin, ring.Size()).cast<double>().colwise().mean();
    for (int position = ring.Begin; position < ring.End; ++position)
    {
      sums.col(arrangement.Instance[position]) +=
        (features.row(position).cast<double>() - center).transpose();
      ++elements[arrangement.Instance[position]];
    }
  }
  Vectors means(arrangement.Instances, features.cols());
  for (int instance = 0; instance < arrangement.Instances; ++instance)
  {
    means.row(instance) = (sums.col(instance) / elements[instance]).transpose().cast<float>();
  }
  const Points plane = PrincipalPlane(means, threads, tick);
  std::vector<int> order(arrangement.Instances);
  std::iota(order.begin(), order.end(), 0);
  const auto key = [&plane](int i)
  { return std::make_pair(std::atan2(plane(i, 1), plane(i, 0)), i); };
  std::sort(order.begin(), order.end(), [&key](int a, int b) { return key(a) < key(b); });
  return order;
}

}

std::vector<int> StartOrder(
  const Vectors& features, const Arrangement& arrangement, int threads, const Tick& tick)
{
  constexpr int largestTree = 4000; // instances, whose dissimilarities take 64 MB
  return arrangement.Instances <= largestTree
    ? OrderInstances(InstanceDissimilarities(features, arrangement, threads, tick))
    : OrderByAngle(features, arrangement, threads, tick);
}

Points StartOnRings(Layout layout, const std::vector<int>& order, const Arrangement& arrangement,
  const Eigen::ArrayXd& targets, bool compact, std::uint64_t seed)
{
  const auto count = static_cast<double>(order.size());
  // A quarter of the distance to the next instance disturbs, but does not change the order.
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> noise(-0.25, 0.25);
  std::vector<double> place(order.size()); // in (0, 1)
  for (std::size_t rank = 0; rank < order.size(); ++rank)
  {
    place[order[rank]] = (static_cast<double>(rank) + 0.5 + noise(random)) / count;
  }

  // Compact, branches find their order before they are far apart. Were columns at one displacement
  // exactly, nothing would ever push their points off it.
  const double radiusShare = compact ? 0.1 : 1.0;
  const double height = 0.3 * std::max(1.0, targets.maxCoeff());
  Points points(arrangement.Size(), 2);
  for (int i = 0; i < arrangement.Size(); ++i)
  {
    const double at = place[arrangement.Instance[i]];
    if (layout == Layout::Radial)
    {
      points(i, 0) = radiusShare * targets[i] * std::cos(2.0 * Pi * at);
      points(i, 1) = radiusShare * targets[i] * std::sin(2.0 * Pi * at);
    }
    else
    {
      points(i, 0) = targets[i] + 0.2 * noise(random);
      points(i, 1) = height * (at - 0.5);
    }
  }
  return points;
}

Points StartInPlane(const Vectors& features, const std::vector<Range>& ranges,
  const std::vector<double>& scales, int threads, const Tick& tick)
{
  Points points = PrincipalPlane(features, threads, tick);
  const double deviation = std::sqrt(points.col(0).square().mean());
  for (std::size_t r = 0; r < ranges.size(); ++r)
  {
    points.middleRows(ranges[r].Begin, ranges[r].Size()) *=
      1e-4 / (scales[r] * std::max(deviation, 1e-300));
  }
  return points;
}
}
