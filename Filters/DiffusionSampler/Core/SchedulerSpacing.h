// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <vector>

namespace tdl
{
class Configuration;
class NoiseSchedule;

/** How a family of samplers spreads its steps over the timesteps of the training. */
enum class TimestepRule
{
  Leading,    ///< DDPM, DDIM, PNDM: timesteps of the training; spacing "leading" by default.
  Fractional, ///< Euler and its kin: between them too; "linspace" by default.
  AboveZero   ///< DPM-Solver++, UniPC: of N + 1, the last left out; "linspace" by default.
};

/**
 * The timesteps that a configuration lists, decreasing; none where it leaves their choice to the
 * number of steps. Read from the key timesteps, which is ours: what was chosen for a model by hand,
 * such as the 27 steps of GLIDE's upsampler.
 * @throws FileError when they do not fall.
 */
std::vector<double> ListedTimesteps(const Configuration& config);

/**
 * Timesteps of N steps, decreasing (Lin et al. 2024, table 2).
 *
 * Read from ListedTimesteps or else timestep_spacing (leading, linspace, trailing) and
 * steps_offset.
 * @param total the timesteps of the training.
 * @throws ParameterError when N is not in [1, total], leads out of the training's timesteps or is
 *         another number than that of the list,
 *         FileError when a value is of the wrong type or not supported.
 */
std::vector<double> SpacedTimesteps(
  const Configuration& config, TimestepRule rule, int total, int steps);

/**
 * Spreads noise levels otherwise than the timesteps do: use_karras_sigmas (Karras et al. 2022,
 * eq. 5, with rho = 7), use_exponential_sigmas (evenly in the logarithm) or use_beta_sigmas
 * (quantiles of a beta distribution, Lee et al. 2024), from sigma_max down to sigma_min.
 */
class SigmaSpacing
{
public:
  /** @throws FileError when more than one is asked for or a value is of the wrong type. */
  explicit SigmaSpacing(const Configuration& config);

  /** Whether any is asked for. */
  bool IsAny() const { return this->Spacing != Kind::None; }
  bool IsKarras() const { return this->Spacing == Kind::Karras; }

  /**
   * @param largest, smallest where sigma_max and sigma_min are absent; positive.
   * @return `count` noise levels, decreasing.
   */
  std::vector<double> Spread(double largest, double smallest, int count) const;

private:
  enum class Kind
  {
    None,
    Karras,
    Exponential,
    Beta
  };
  Kind Spacing;
  double Largest;  ///< NaN: not given.
  double Smallest; ///< Likewise.
};

/** The noise levels of a schedule's timesteps, see tdl::Sigma, increasing. */
class SigmaTable
{
public:
  explicit SigmaTable(const NoiseSchedule& schedule);

  /** Interpolated linearly between timesteps. */
  double Sigma(double timestep) const;

  /** Interpolated linearly in the logarithm of sigma. */
  double Timestep(double sigma) const;

  double Smallest() const { return this->Sigmas.front(); }
  double Largest() const { return this->Sigmas.back(); }

private:
  std::vector<float> Sigmas;
  std::vector<float> Logarithms;
};

/** What a sampler that steps from noise level to noise level walks along. */
struct SigmaSteps
{
  std::vector<double> Timesteps; ///< [N]
  std::vector<double> Sigmas;    ///< [N + 1], the last that of the result.
};

/**
 * Rounds the noise levels to float32, as diffusers has them.
 * @throws ParameterError when they do not fall with each step, since the steps are too many or the
 *         configuration's keys contradict each other.
 */
void Finish(const Configuration& config, SigmaSteps& steps);
}
