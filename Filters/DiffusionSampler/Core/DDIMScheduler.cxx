// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/SchedulerSpacing.h"
#include "Filters/DiffusionSampler/Core/Schedulers.h"
#include "Filters/Networks/ModelFolder.h"

#include <ATen/ATen.h>

namespace tdl
{
namespace
{
// Denoising diffusion implicit models, Song et al. 2021, eq. 12 with sigma = 0. What diffusers
// gives its step as use_clipped_model_output is read from the configuration.
class DDIMScheduler : public AlphaBarScheduler
{
public:
  DDIMScheduler(const Configuration& config, const NoiseSchedule& schedule, int steps)
    : AlphaBarScheduler(config, schedule, { true, true },
        SpacedTimesteps(config, TimestepRule::Leading, schedule.NumberOfTimesteps(), steps))
    , Listed(!ListedTimesteps(config).empty())
    , Stride(schedule.NumberOfTimesteps() / steps)
    , UseClippedOutput(config.Get("use_clipped_model_output", false))
    , FinalAlphaBar(config.Get("set_alpha_to_one", true) ? 1.0 : schedule.AlphaBar(0))
  {
  }

protected:
  Prediction Move(State& state, const NoisePredictor& network, const NoiseSource&) const override
  {
    const Mixture mixture = this->MixtureAt(state.Step);
    Prediction predicted =
      this->Type.Read(this->Evaluate(network, state.Step, state.Sample), state.Sample, mixture);
    const at::Tensor noise = this->UseClippedOutput
      ? (state.Sample - mixture.Signal * predicted.Image) / mixture.Noise
      : predicted.Noise;
    const double next = this->Next(state.Step);
    const Mixture target =
      MixtureOf(next >= 0 ? this->Schedule.AlphaBar(static_cast<int>(next)) : this->FinalAlphaBar);
    state.Sample = target.Signal * predicted.Image + target.Noise * noise;
    return predicted;
  }

private:
  // The timestep that a step leads to. diffusers steps down by T / N also where the spacing's own
  // next timestep differs; listed timesteps know no such distance.
  double Next(int step) const
  {
    return this->Listed ? this->Timestep(step + 1) : this->Timestep(step) - this->Stride;
  }

  bool Listed;
  int Stride;
  bool UseClippedOutput; // The noise that is left is what the limited image leaves of the sample.
  double FinalAlphaBar;
};
}

std::unique_ptr<Scheduler> MakeDDIM(const Configuration& config, int steps)
{
  return std::make_unique<DDIMScheduler>(config, NoiseSchedule(config), steps);
}
}
