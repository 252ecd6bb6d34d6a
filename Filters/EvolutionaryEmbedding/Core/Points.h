// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <Eigen/Core>

namespace tdl
{
/** N x 2, a column per coordinate: points of the plane, and gradients with respect to them. */
using Points = Eigen::Array<double, Eigen::Dynamic, 2>;
}
