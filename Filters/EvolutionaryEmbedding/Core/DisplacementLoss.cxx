// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/DisplacementLoss.h"

#include <algorithm>
#include <utility>

namespace tdl
{
DisplacementLoss::DisplacementLoss(Layout layout, Eigen::ArrayXd targets, int threads)
  : Kind(layout)
  , Targets(std::move(targets))
  , Threads(threads)
{
}

double DisplacementLoss::Evaluate(const Points& points, Eigen::ArrayXd& parts) const
{
#pragma omp parallel for num_threads(this->Threads)
  for (Eigen::Index i = 0; i < points.rows(); ++i)
  {
    const double error =
      DisplacementOf(this->Kind, points(i, 0), points(i, 1)).Value - this->Targets[i];
    parts[i] = error * error;
  }
  return parts.mean();
}

void DisplacementLoss::AddGradient(const Points& points, double weight, Points& gradient) const
{
  const double share = 2.0 * weight / static_cast<double>(points.rows());
#pragma omp parallel for num_threads(this->Threads)
  for (Eigen::Index i = 0; i < points.rows(); ++i)
  {
    const Displacement displacement = DisplacementOf(this->Kind, points(i, 0), points(i, 1));
    const double slope = share * (displacement.Value - this->Targets[i]);
    gradient(i, 0) += slope * displacement.DirectionX;
    gradient(i, 1) += slope * displacement.DirectionY;
  }
}

void DisplacementLoss::AddCurvature(const Points& points, double weight, Points& curvature) const
{
  const double share = 2.0 * weight / static_cast<double>(points.rows());
  curvature.col(0) += share;
  if (this->Kind == Layout::Radial)
  {
    // A ring curves: the less, the nearer a point outside is to it. Inside, it pushes sidewards.
#pragma omp parallel for num_threads(this->Threads)
    for (Eigen::Index i = 0; i < points.rows(); ++i)
    {
      const double radius = DisplacementOf(this->Kind, points(i, 0), points(i, 1)).Value;
      curvature(i, 1) += share * std::max(0.0, 1.0 - this->Targets[i] / std::max(radius, 1e-9));
    }
  }
}
}
