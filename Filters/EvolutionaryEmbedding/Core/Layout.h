// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cmath>

namespace tdl
{
/** Which coordinate of the plane encodes the iteration. */
enum class Layout
{
  /** The distance from the origin: iterations are rings. */
  Radial,
  /** x: iterations are columns. */
  Rectilinear
};

/** The displacement of a point and the unit vector along which it grows. */
struct Displacement
{
  double Value = 0.0;
  double DirectionX = 1.0;
  double DirectionY = 0.0;
};

inline Displacement DisplacementOf(Layout layout, double x, double y)
{
  if (layout == Layout::Rectilinear)
  {
    return { x, 1.0, 0.0 };
  }
  const double radius = std::sqrt(x * x + y * y); // hypot guards against numbers that no ring has
  // At the origin every direction is as good.
  return radius > 0.0 ? Displacement{ radius, x / radius, y / radius } : Displacement{};
}
}
