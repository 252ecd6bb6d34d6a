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

/** Thrown where a monitor stops an algorithm that has nothing to return yet. */
struct Stopped
{
};

/**
 * What a part of an algorithm reports to: called from the thread that runs it, several times a
 * second, with the share of the part that is done, in [0, 1]. It throws Stopped to stop.
 */
using Tick = std::function<void(double)>;

/** Reports to a monitor that may be empty. */
inline bool Continue(const Monitor& monitor, std::string_view stage, double fraction)
{
  return !monitor || monitor(Progress{ stage, fraction });
}

/** Reports a part of the progress, from `begin` to `end`, to a monitor that outlives it. */
inline Tick StageTick(const Monitor& monitor, std::string_view stage, double begin, double end)
{
  return [&monitor, stage, begin, end](double done)
  {
    if (!Continue(monitor, stage, begin + done * (end - begin)))
    {
      throw Stopped();
    }
  };
}
}
