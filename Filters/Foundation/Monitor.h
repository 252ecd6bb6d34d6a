// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <functional>
#include <string_view>

namespace tdl
{
/** What an algorithm reports while it runs. */
struct Progress
{
  /** The stage under way, in words for a status bar ("Sampling", "Neighbors"). */
  std::string_view Stage;
  /** Share of the whole run that is done, in [0, 1], never decreasing. */
  double Fraction = 0.0;
};

/**
 * Called from the thread that runs the algorithm, at least once per step. Returns true to go on,
 * false to stop; an algorithm that is stopped returns what it has finished. An empty monitor means
 * "go on".
 */
using Monitor = std::function<bool(const Progress&)>;

/** Reports to a monitor that may be empty. */
inline bool Continue(const Monitor& monitor, std::string_view stage, double fraction)
{
  return !monitor || monitor(Progress{ stage, fraction });
}
}
