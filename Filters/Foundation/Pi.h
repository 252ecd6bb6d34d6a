// SPDX-License-Identifier: BSD-3-Clause
#pragma once

namespace tdl
{
constexpr double Pi = 3.14159265358979323846;
}
