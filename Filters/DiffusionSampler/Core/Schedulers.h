// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/DiffusionSampler/Core/NoiseSchedule.h"
#include "Filters/DiffusionSampler/Core/Scheduler.h"

namespace tdl
{
/**
 * Base of schedulers that keep samples at unit variance, sqrt(ab) x_0 + sqrt(1 - ab) eps, and step
 * from one timestep of the training to another.
 */
class AlphaBarScheduler : public Scheduler
{
protected:
  /**
   * @throws FileError when the noise schedule begins with pure noise, of which the prediction type
   *         cannot tell the image.
   */
  AlphaBarScheduler(const Configuration& config, const NoiseSchedule& schedule,
    const PredictionLimits& limits, const std::vector<double>& timesteps);

  /** ab of the sample before step i in [0, N). */
  double AlphaBar(int step) const;

  /** How the sample before step i in [0, N) is mixed. */
  Mixture MixtureAt(int step) const;

  NoiseSchedule Schedule;
};

/** How a sample of unit variance with this ab is mixed. */
Mixture MixtureOf(double alphaBar);

/** The schedulers of Scheduler::Create, each with its parameters and errors. */
std::unique_ptr<Scheduler> MakeDDPM(const Configuration& config, int steps);
std::unique_ptr<Scheduler> MakeDDIM(const Configuration& config, int steps);
std::unique_ptr<Scheduler> MakePNDM(const Configuration& config, int steps);
std::unique_ptr<Scheduler> MakeLMS(const Configuration& config, int steps);
std::unique_ptr<Scheduler> MakeEuler(const Configuration& config, int steps);
std::unique_ptr<Scheduler> MakeEulerAncestral(const Configuration& config, int steps);
std::unique_ptr<Scheduler> MakeHeun(const Configuration& config, int steps);
std::unique_ptr<Scheduler> MakeDPMSolver(const Configuration& config, int steps);
std::unique_ptr<Scheduler> MakeUniPC(const Configuration& config, int steps);
std::unique_ptr<Scheduler> MakeLCM(const Configuration& config, int steps);
std::unique_ptr<Scheduler> MakeFlowMatchEuler(const Configuration& config, int steps);
}
