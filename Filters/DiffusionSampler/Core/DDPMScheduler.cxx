// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/SchedulerSpacing.h"
#include "Filters/DiffusionSampler/Core/Schedulers.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Networks/ModelFolder.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace tdl
{
namespace
{
// Denoising diffusion probabilistic models, Ho et al. 2020, eq. 7.
class DDPMScheduler : public AlphaBarScheduler
{
public:
  DDPMScheduler(const Configuration& config, const NoiseSchedule& schedule, int steps)
    : AlphaBarScheduler(config, schedule, { true, true },
        SpacedTimesteps(config, TimestepRule::Leading, schedule.NumberOfTimesteps(), steps))
  {
    const auto type = config.Get<std::string>("variance_type", "fixed_small");
    const auto known = std::find(std::begin(VarianceNames), std::end(VarianceNames), type);
    if (known == std::end(VarianceNames))
    {
      config.Refuse("variance_type");
    }
    this->Variance = static_cast<VarianceKind>(known - std::begin(VarianceNames));
  }

protected:
  Prediction Move(
    State& state, const NoisePredictor& network, const NoiseSource& noise) const override
  {
    const double alphaBar = this->AlphaBar(state.Step);
    const double nextAlphaBar =
      state.Step + 1 < this->NumberOfSteps() ? this->AlphaBar(state.Step + 1) : 1.0;
    const double alpha = alphaBar / nextAlphaBar;
    const double beta = 1 - alpha;

    const auto channels = state.Sample.size(1);
    const double timestep = this->Timestep(state.Step);
    const at::Tensor output = network(state.Sample, timestep);
    Prediction predicted =
      this->Type.Read(output.narrow(1, 0, channels), state.Sample, this->MixtureAt(state.Step));
    state.Sample = (std::sqrt(nextAlphaBar) * beta / (1 - alphaBar)) * predicted.Image +
      (std::sqrt(alpha) * (1 - nextAlphaBar) / (1 - alphaBar)) * state.Sample;
    if (timestep > 0)
    {
      const double smallest = std::max(beta * (1 - nextAlphaBar) / (1 - alphaBar), 1e-20);
      state.Sample += this->Deviation(smallest, beta, output, channels) * noise();
    }
    return predicted;
  }

private:
  // The standard deviation of the noise that a step adds.
  at::Tensor Deviation(
    double smallest, double largest, const at::Tensor& output, std::int64_t channels) const
  {
    if (this->Variance == VarianceKind::Learned || this->Variance == VarianceKind::LearnedRange)
    {
      if (output.size(1) != 2 * channels)
      {
        throw FileError("The variance_type of the model's scheduler_config.json asks for a network "
                        "that predicts the variance, and this one does not; choose DDIM.");
      }
      const at::Tensor learned = output.narrow(1, channels, channels);
      if (this->Variance == VarianceKind::Learned)
      {
        return learned.sqrt();
      }
      const at::Tensor share = (learned + 1) / 2;
      return at::exp(0.5 * (share * std::log(largest) + (1 - share) * std::log(smallest)));
    }
    return at::scalar_tensor(
      std::sqrt(this->Variance == VarianceKind::FixedLarge ? largest : smallest), output.options());
  }

  // diffusers' fixed_small_log takes a logarithm and undoes it: the same as fixed_small.
  static constexpr const char* VarianceNames[] = { "fixed_small", "fixed_small_log", "fixed_large",
    "learned", "learned_range" };
  enum class VarianceKind
  {
    FixedSmall,
    FixedSmallLog,
    FixedLarge,
    Learned,
    LearnedRange
  };
  VarianceKind Variance;
};
}

std::unique_ptr<Scheduler> MakeDDPM(const Configuration& config, int steps)
{
  return std::make_unique<DDPMScheduler>(config, NoiseSchedule(config), steps);
}
}
