// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/SchedulerSpacing.h"
#include "Filters/DiffusionSampler/Core/Schedulers.h"
#include "Filters/Networks/ModelFolder.h"

#include <ATen/ATen.h>

namespace tdl
{
namespace
{
// Denoising diffusion implicit models, Song et al. 2021, eq. 12 with sigma = 0.
class DDIMScheduler : public AlphaBarScheduler
{
public:
  DDIMScheduler(const Configuration& config, const NoiseSchedule& schedule, int steps)
    : AlphaBarScheduler(config, schedule, { true, true },
        SpacedTimesteps(config, TimestepRule::Leading, schedule.NumberOfTimesteps(), steps))
    , Stride(schedule.NumberOfTimesteps() / steps)
    , FinalAlphaBar(config.Get("set_alpha_to_one", true) ? 1.0 : schedule.AlphaBar(0))
  {
  }

protected:
  Prediction Move(State& state, const NoisePredictor& network, const NoiseSource&) const override
  {
    // diffusers steps down by T / N also where the spacing's own next timestep differs.
    const int next = static_cast<int>(this->Timestep(state.Step)) - this->Stride;
    const Mixture mixture =
      MixtureOf(next >= 0 ? this->Schedule.AlphaBar(next) : this->FinalAlphaBar);
    Prediction predicted = this->Type.Read(
      this->Evaluate(network, state.Step, state.Sample), state.Sample, this->MixtureAt(state.Step));
    state.Sample = mixture.Signal * predicted.Image + mixture.Noise * predicted.Noise;
    return predicted;
  }

private:
  int Stride;
  double FinalAlphaBar;
};
}

std::unique_ptr<Scheduler> MakeDDIM(const Configuration& config, int steps)
{
  return std::make_unique<DDIMScheduler>(config, NoiseSchedule(config), steps);
}
}
