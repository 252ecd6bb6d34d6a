// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <vector>

namespace tdl
{
class Configuration;

/**
 * How much noise each timestep t of the training carries: x_t = sqrt(ab_t) x_0 + sqrt(1 - ab_t)
 * eps, where ab ("alpha bar") is the cumulative product of 1 - beta (Ho et al. 2020, eq. 4).
 *
 * Read from the keys of a diffusers scheduler_config.json: num_train_timesteps, beta_start,
 * beta_end, beta_schedule (linear, scaled_linear, squaredcos_cap_v2), trained_betas,
 * rescale_betas_zero_snr; an absent key has the default of the class that the file names, since
 * that is what the model was trained with, whichever scheduler samples it. The table is built in
 * float32, as diffusers' models were trained with it (1 - 0.999 is 5e-5 off there), or, where the
 * key float64_betas of ours is true, in float64, as GLIDE was; what is derived from it is double.
 */
class NoiseSchedule
{
public:
  /** @throws FileError when a value is of the wrong type, out of range or not supported. */
  explicit NoiseSchedule(const Configuration& config);

  /** T, the number of timesteps of the training. */
  int NumberOfTimesteps() const { return static_cast<int>(this->AlphaBars.size()); }

  /** ab_t for t in [0, T), decreasing in t. */
  double AlphaBar(int timestep) const { return this->AlphaBars.at(timestep); }

private:
  std::vector<double> AlphaBars;
};

/**
 * Noise level sqrt((1 - ab) / ab) of a sample scaled to x_0 + sigma eps. An ab of 0 counts as
 * 2^-24, as in diffusers, so that sigma is finite.
 */
double Sigma(double alphaBar);
}
