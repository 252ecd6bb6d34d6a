// SPDX-License-Identifier: BSD-3-Clause
#pragma once

namespace tdl
{
enum class SchedulerKind
{
  DDPM,
  DDIM,
  PNDM,
  LMS,
  Euler,
  EulerAncestral,
  Heun,
  DPMSolver,
  UniPC,
  LCM,
  FlowMatchEuler,
  ModelsOwn ///< The one that the model's scheduler_config.json names.
};

/** The name by which users know a scheduler. */
const char* SchedulerName(SchedulerKind kind);
}
