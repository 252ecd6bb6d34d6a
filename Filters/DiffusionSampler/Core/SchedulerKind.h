// SPDX-License-Identifier: BSD-3-Clause
#pragma once

namespace tdl
{
enum class SchedulerKind
{
  DDPM,
  DDIM
};

/** The name by which users know a scheduler. */
const char* SchedulerName(SchedulerKind kind);
}
