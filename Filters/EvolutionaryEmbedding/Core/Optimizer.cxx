// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/Optimizer.h"

#include <algorithm>
#include <cmath>

namespace tdl
{
Optimizer::Optimizer(Layout layout, Eigen::Index count, double longestStep, int threads)
  : Kind(layout)
  , LongestStep(longestStep)
  , Threads(threads)
  , Velocity(Points::Zero(count, 2))
  , Gains(Eigen::Array<float, Eigen::Dynamic, 2>::Ones(count, 2))
{
}

bool Optimizer::Step(
  Points& points, const Points& gradient, const Points& curvature, double momentum)
{
  // A component that keeps its direction grows its gain, one that turns back shrinks it.
  const auto move = [momentum](double slope, double velocity, double bound, float& gain)
  {
    gain = slope * velocity < 0.0 ? gain + 0.2f : std::max(0.8f * gain, 0.01f);
    return momentum * velocity - gain * slope / bound;
  };
  bool finite = true;
#pragma omp parallel for num_threads(this->Threads) reduction(&& : finite)
  for (Eigen::Index i = 0; i < points.rows(); ++i)
  {
    const Displacement frame = DisplacementOf(this->Kind, points(i, 0), points(i, 1));
    const double x = frame.DirectionX;
    const double y = frame.DirectionY;
    const double stepAlong = move(x * gradient(i, 0) + y * gradient(i, 1),
      x * this->Velocity(i, 0) + y * this->Velocity(i, 1), curvature(i, 0), this->Gains(i, 0));
    const double stepAcross = move(x * gradient(i, 1) - y * gradient(i, 0),
      x * this->Velocity(i, 1) - y * this->Velocity(i, 0), curvature(i, 1), this->Gains(i, 1));
    // Where the curvature changes quickly (the center of the radial layout), a step can overshoot;
    // bounded, the next ones recover.
    const double shrink = std::min(1.0,
      this->LongestStep /
        std::max(std::sqrt(stepAlong * stepAlong + stepAcross * stepAcross), 1e-150));
    this->Velocity(i, 0) = shrink * (x * stepAlong - y * stepAcross);
    this->Velocity(i, 1) = shrink * (y * stepAlong + x * stepAcross);
    points(i, 0) += this->Velocity(i, 0);
    points(i, 1) += this->Velocity(i, 1);
    finite = finite && std::isfinite(gradient(i, 0)) && std::isfinite(gradient(i, 1));
  }
  return finite;
}
}
