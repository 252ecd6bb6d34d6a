// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/SchedulerSpacing.h"
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
// Pseudo numerical methods for diffusion models, Liu et al. 2022: a linear multistep method of
// order four. Without skip_prk_steps its first three steps are of the Runge-Kutta kind, with it the
// first is of Heun's and the order grows.
class PNDMScheduler : public AlphaBarScheduler
{
public:
  PNDMScheduler(const Configuration& config, const NoiseSchedule& schedule, int steps)
    : AlphaBarScheduler(config, schedule, {},
        SpacedTimesteps(config, TimestepRule::Leading, schedule.NumberOfTimesteps(), steps))
    , RungeKuttaSteps(config.Get("skip_prk_steps", false) ? 0 : 3)
    , Stride(schedule.NumberOfTimesteps() / steps)
    , FinalAlphaBar(config.Get("set_alpha_to_one", false) ? 1.0 : schedule.AlphaBar(0))
  {
    if (ReadPredictionTarget(config) == PredictionTarget::Sample)
    {
      config.Refuse("prediction_type");
    }
    if (this->AlphaBar(0) <= 0)
    {
      config.Refuse("rescale_betas_zero_snr"); // its steps divide by the signal
    }
    if (steps <= this->RungeKuttaSteps)
    {
      throw ParameterError("Inference Steps is " + std::to_string(steps) +
        "; Scheduler PNDM begins with 3 Runge-Kutta steps (skip_prk_steps is off), so choose at "
        "least 4.");
    }
  }

  int Evaluations(int step) const override
  {
    if (step < this->RungeKuttaSteps)
    {
      return 4;
    }
    return step == 0 && this->NumberOfSteps() > 1 ? 2 : 1;
  }

protected:
  Prediction Move(State& state, const NoisePredictor& network, const NoiseSource&) const override
  {
    const at::Tensor start = state.Sample;
    const int timestep = this->TimestepOf(state.Step);
    const at::Tensor output = this->Evaluate(network, state.Step, start);
    Prediction predicted = this->Type.Read(output, start, this->MixtureAt(state.Step));

    std::vector<at::Tensor>& outputs = state.History;
    outputs.push_back(output);
    if (outputs.size() > 4)
    {
      outputs.erase(outputs.begin());
    }
    const auto latest = outputs.rbegin();
    if (state.Step < this->RungeKuttaSteps)
    {
      // diffusers halves T / N also where the spacing's own stride differs.
      const int half = this->Stride / 2;
      const int end = this->TimestepOf(state.Step + 1);
      const auto evaluate = [&](const at::Tensor& sample, int at)
      { return network(sample, at).narrow(1, 0, sample.size(1)); };
      const at::Tensor second =
        evaluate(this->Moved(start, output, timestep, timestep - half), end + half);
      const at::Tensor third =
        evaluate(this->Moved(start, second, timestep, end + half), end + half);
      const at::Tensor fourth = evaluate(this->Moved(start, third, timestep, end), end);
      state.Sample =
        this->Moved(start, (output + 2 * second + 2 * third + fourth) / 6, timestep, end);
      return predicted;
    }
    if (state.Step == 0)
    {
      state.Sample = this->Moved(start, output, timestep, timestep - this->Stride);
      if (this->NumberOfSteps() > 1)
      {
        const int end = this->TimestepOf(1);
        const at::Tensor second = this->Evaluate(network, 1, state.Sample);
        state.Sample = this->Moved(start, (output + second) / 2, end + this->Stride, end);
      }
      return predicted;
    }
    at::Tensor mean; // Adams-Bashforth
    if (outputs.size() == 2)
    {
      mean = (3 * latest[0] - latest[1]) / 2;
    }
    else if (outputs.size() == 3)
    {
      mean = (23 * latest[0] - 16 * latest[1] + 5 * latest[2]) / 12;
    }
    else
    {
      mean = (55 * latest[0] - 59 * latest[1] + 37 * latest[2] - 9 * latest[3]) / 24;
    }
    state.Sample = this->Moved(start, mean, timestep, timestep - this->Stride);
    return predicted;
  }

private:
  int TimestepOf(int step) const { return static_cast<int>(this->Timestep(step)); }

  // Eq. 9, from one timestep to another; below 0 is the result.
  at::Tensor Moved(const at::Tensor& sample, const at::Tensor& output, int from, int to) const
  {
    const double alphaBar = this->Schedule.AlphaBar(from);
    const double nextAlphaBar = to >= 0 ? this->Schedule.AlphaBar(to) : this->FinalAlphaBar;
    const at::Tensor noise = this->Type.Read(output, sample, MixtureOf(alphaBar)).Noise;
    const double divisor =
      alphaBar * std::sqrt(1 - nextAlphaBar) + std::sqrt(alphaBar * (1 - alphaBar) * nextAlphaBar);
    return std::sqrt(nextAlphaBar / alphaBar) * sample -
      ((nextAlphaBar - alphaBar) / divisor) * noise;
  }

  int RungeKuttaSteps;
  int Stride;
  double FinalAlphaBar;
};
}

std::unique_ptr<Scheduler> MakePNDM(const Configuration& config, int steps)
{
  return std::make_unique<PNDMScheduler>(config, NoiseSchedule(config), steps);
}
}
