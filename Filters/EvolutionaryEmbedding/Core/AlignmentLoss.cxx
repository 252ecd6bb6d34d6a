// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/AlignmentLoss.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tdl
{
namespace
{
/** The loss of a pair of points. */
double PairLoss(Layout layout, const Points& points, Eigen::Index i, Eigen::Index j)
{
  if (layout == Layout::Rectilinear)
  {
    const double offset = points(j, 1) - points(i, 1);
    return offset * offset;
  }
  // r r' cos(angle between) is the scalar product.
  const double product = points(i, 0) * points(j, 0) + points(i, 1) * points(j, 1);
  const double radius = DisplacementOf(layout, points(i, 0), points(i, 1)).Value;
  const double other = DisplacementOf(layout, points(j, 0), points(j, 1)).Value;
  return 2.0 * std::max(0.0, radius * other - product);
}
}

AlignmentLoss::AlignmentLoss(Layout layout, std::vector<int> next, int threads)
  : Kind(layout)
  , Next(std::move(next))
  , Previous(this->Next.size(), -1)
  , Threads(threads)
{
  for (std::size_t i = 0; i < this->Next.size(); ++i)
  {
    if (this->Next[i] >= 0)
    {
      this->Previous[this->Next[i]] = static_cast<int>(i);
    }
  }
}

// Each point takes its own share of both its pairs, so that threads need not meet.

double AlignmentLoss::Evaluate(const Points& points, Eigen::ArrayXd& parts) const
{
#pragma omp parallel for num_threads(this->Threads)
  for (Eigen::Index i = 0; i < points.rows(); ++i)
  {
    parts[i] = 0.0;
    for (const int j : { this->Previous[i], this->Next[i] })
    {
      parts[i] += j < 0 ? 0.0 : 0.5 * PairLoss(this->Kind, points, i, j);
    }
  }
  return parts.mean();
}

void AlignmentLoss::AddGradient(const Points& points, double weight, Points& gradient) const
{
  const double share = 2.0 * weight / static_cast<double>(points.rows());
#pragma omp parallel for num_threads(this->Threads)
  for (Eigen::Index i = 0; i < points.rows(); ++i)
  {
    const Displacement own = DisplacementOf(this->Kind, points(i, 0), points(i, 1));
    for (const int j : { this->Previous[i], this->Next[i] })
    {
      if (j >= 0 && this->Kind == Layout::Rectilinear)
      {
        gradient(i, 1) += share * (points(i, 1) - points(j, 1));
      }
      else if (j >= 0)
      {
        const double other = DisplacementOf(this->Kind, points(j, 0), points(j, 1)).Value;
        gradient(i, 0) += share * (other * own.DirectionX - points(j, 0));
        gradient(i, 1) += share * (other * own.DirectionY - points(j, 1));
      }
    }
  }
}

void AlignmentLoss::AddCurvature(const Points& points, double weight, Points& curvature) const
{
  // Each pair adds 2 to a point's own second derivative and 2 to the mixed one; across the radius,
  // the own grows with the ratio of the radii.
  const double share = 2.0 * weight / static_cast<double>(points.rows());
#pragma omp parallel for num_threads(this->Threads)
  for (Eigen::Index i = 0; i < points.rows(); ++i)
  {
    const double radius = DisplacementOf(this->Kind, points(i, 0), points(i, 1)).Value;
    for (const int j : { this->Previous[i], this->Next[i] })
    {
      if (j >= 0)
      {
        const double ratio = this->Kind == Layout::Rectilinear
          ? 1.0
          : DisplacementOf(this->Kind, points(j, 0), points(j, 1)).Value / std::max(radius, 1e-9);
        curvature(i, 0) += 2.0 * share;
        curvature(i, 1) += (1.0 + std::max(1.0, ratio)) * share;
      }
    }
  }
}
}
