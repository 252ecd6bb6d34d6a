// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/AlignmentLoss.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tdl
{
AlignmentLoss::AlignmentLoss(Layout layout, std::vector<int> next)
  : Kind(layout)
  , Next(std::move(next))
{
}

double AlignmentLoss::Evaluate(const Points& points, Eigen::ArrayXd& parts) const
{
  parts.setZero();
  for (Eigen::Index i = 0; i < points.rows(); ++i)
  {
    const int j = this->Next[i];
    if (j < 0)
    {
      continue;
    }
    double loss = 0.0;
    if (this->Kind == Layout::Rectilinear)
    {
      const double offset = points(j, 1) - points(i, 1);
      loss = offset * offset;
    }
    else
    {
      // r r' cos(angle between) is the scalar product.
      const double product = points(i, 0) * points(j, 0) + points(i, 1) * points(j, 1);
      loss = 2.0 *
        std::max(0.0,
          std::hypot(points(i, 0), points(i, 1)) * std::hypot(points(j, 0), points(j, 1)) -
            product);
    }
    parts[i] += 0.5 * loss;
    parts[j] += 0.5 * loss;
  }
  return parts.mean();
}

void AlignmentLoss::AddGradient(const Points& points, double weight, Points& gradient) const
{
  const double share = 2.0 * weight / static_cast<double>(points.rows());
  for (Eigen::Index i = 0; i < points.rows(); ++i)
  {
    const int j = this->Next[i];
    if (j < 0)
    {
      continue;
    }
    if (this->Kind == Layout::Rectilinear)
    {
      const double slope = share * (points(j, 1) - points(i, 1));
      gradient(i, 1) -= slope;
      gradient(j, 1) += slope;
    }
    else
    {
      const Displacement a = DisplacementOf(this->Kind, points(i, 0), points(i, 1));
      const Displacement b = DisplacementOf(this->Kind, points(j, 0), points(j, 1));
      gradient(i, 0) += share * (b.Value * a.DirectionX - points(j, 0));
      gradient(i, 1) += share * (b.Value * a.DirectionY - points(j, 1));
      gradient(j, 0) += share * (a.Value * b.DirectionX - points(i, 0));
      gradient(j, 1) += share * (a.Value * b.DirectionY - points(i, 1));
    }
  }
}

void AlignmentLoss::AddCurvature(const Points& points, double weight, Points& curvature) const
{
  // Each pair adds 2 to a point's own second derivative and 2 to the mixed one; across the radius,
  // the own grows with the ratio of the radii.
  const double share = 2.0 * weight / static_cast<double>(points.rows());
  const auto add = [&](Eigen::Index at, Eigen::Index other)
  {
    double ratio = 1.0;
    if (this->Kind == Layout::Radial)
    {
      const double radius = std::hypot(points(at, 0), points(at, 1));
      ratio = std::hypot(points(other, 0), points(other, 1)) / std::max(radius, 1e-9);
    }
    curvature(at, 0) += 2.0 * share;
    curvature(at, 1) += (1.0 + std::max(1.0, ratio)) * share;
  };
  for (Eigen::Index i = 0; i < points.rows(); ++i)
  {
    if (this->Next[i] >= 0)
    {
      add(i, this->Next[i]);
      add(this->Next[i], i);
    }
  }
}
}
