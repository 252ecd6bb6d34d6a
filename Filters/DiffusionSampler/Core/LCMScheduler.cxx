// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/Schedulers.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Networks/ModelFolder.h"

#include <ATen/ATen.h>

#include <cmath>
#include <string>

namespace tdl
{
namespace
{
// Some of the timesteps for which the model was distilled, decreasing.
std::vector<double> DistilledTimesteps(const Configuration& config, int total, int steps)
{
  const auto original = config.GetCount("original_inference_steps", 50);
  if (original > total)
  {
    config.Refuse("original_inference_steps");
  }
  if (steps < 1 || steps > original)
  {
    throw ParameterError("Inference Steps is " + std::to_string(steps) +
      "; the model was distilled for at most " + std::to_string(original) +
      " steps of Scheduler LCM, so choose 1 to " + std::to_string(original) + ".");
  }
  std::vector<double> timesteps;
  for (std::int64_t i = 0; i < steps; ++i)
  {
    const std::int64_t timestep = (original - i * original / steps) * (total / original) - 1;
    timesteps.push_back(static_cast<double>(timestep));
  }
  return timesteps;
}

// Latent consistency models, Luo et al. 2023, algorithm 3: predicts the image at once and adds
// fresh noise for the next step.
class LCMScheduler : public AlphaBarScheduler
{
public:
  LCMScheduler(const Configuration& config, const NoiseSchedule& schedule, int steps)
    : AlphaBarScheduler(config, schedule, { false, true },
        DistilledTimesteps(config, schedule.NumberOfTimesteps(), steps))
    , TimestepScale(config.Get("timestep_scaling", 10.0))
  {
  }

protected:
  Prediction Move(
    State& state, const NoisePredictor& network, const NoiseSource& noise) const override
  {
    Prediction predicted = this->Type.Read(
      this->Evaluate(network, state.Step, state.Sample), state.Sample, this->MixtureAt(state.Step));
    // The boundary condition: at timestep 0 the image is the sample itself.
    constexpr double dataVariance = 0.25;
    const double time = this->Timestep(state.Step) * this->TimestepScale;
    const double square = time * time + dataVariance;
    predicted.Image =
      (time / std::sqrt(square)) * predicted.Image + (dataVariance / square) * state.Sample;
    state.Sample = predicted.Image;
    if (state.Step + 1 < this->NumberOfSteps())
    {
      const Mixture next = this->MixtureAt(state.Step + 1);
      state.Sample = next.Signal * predicted.Image + next.Noise * noise();
    }
    return predicted;
  }

private:
  double TimestepScale;
};
}

std::unique_ptr<Scheduler> MakeLCM(const Configuration& config, int steps)
{
  return std::make_unique<LCMScheduler>(config, NoiseSchedule(config), steps);
}
}
