// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/SchedulerSpacing.h"
#include "Filters/DiffusionSampler/Core/Schedulers.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Networks/ModelFolder.h"

#include <ATen/ATen.h>

#include <string>

namespace tdl
{
namespace
{
// Noise shares from 1 down, those of large images shifted towards noise (Esser et al. 2024, eq.
// 23).
SigmaSteps Spaced(const Configuration& config, int steps)
{
  config.Require("use_dynamic_shifting", false);
  config.Require("invert_sigmas", false);
  const auto total = config.GetCount("num_train_timesteps", 1000);
  const double shift = config.Get("shift", 1.0);
  const double terminal = config.Get("shift_terminal", 0.0);
  if (!(shift > 0))
  {
    config.Refuse("shift");
  }
  if (!(terminal >= 0 && terminal < 1))
  {
    config.Refuse("shift_terminal");
  }
  if (steps < 1 || steps > total)
  {
    throw ParameterError("Inference Steps is " + std::to_string(steps) +
      "; the model was trained with " + std::to_string(total) + " timesteps, so choose 1 to " +
      std::to_string(total) + ".");
  }
  const auto shifted = [shift](double sigma) { return shift * sigma / (1 + (shift - 1) * sigma); };
  // diffusers shifts the range's ends, then what lies evenly between them again.
  const double smallest = shifted(1.0 / static_cast<double>(total));
  SigmaSteps spaced;
  for (int i = 0; i < steps; ++i)
  {
    const double share = steps > 1 ? i / (steps - 1.0) : 0.0;
    spaced.Sigmas.push_back(shifted(1 + share * (smallest - 1)));
  }
  if (terminal > 0)
  {
    const double scale = (1 - spaced.Sigmas.back()) / (1 - terminal);
    for (double& sigma : spaced.Sigmas)
    {
      sigma = 1 - (1 - sigma) / scale;
    }
  }
  const SigmaSpacing spacing(config);
  if (spacing.IsAny())
  {
    spaced.Sigmas = spacing.Spread(spaced.Sigmas.front(), spaced.Sigmas.back(), steps);
  }
  for (const double sigma : spaced.Sigmas)
  {
    spaced.Timesteps.push_back(static_cast<float>(sigma) * static_cast<double>(total));
  }
  spaced.Sigmas.push_back(0);
  Finish(config, spaced);
  return spaced;
}

// Flow matching: straight ways from noise to images, (1 - sigma) x_0 + sigma eps (Lipman et al.
// 2023; Liu et al. 2023).
class FlowMatchEulerScheduler : public Scheduler
{
public:
  FlowMatchEulerScheduler(const Configuration& config, const SigmaSteps& steps)
    : Scheduler(PredictionType(config, {}), steps.Timesteps,
        { steps.Sigmas.begin(), steps.Sigmas.end() - 1 }, 1)
    , Stochastic(config.Get("stochastic_sampling", false))
  {
  }

protected:
  Prediction Move(
    State& state, const NoisePredictor& network, const NoiseSource& noise) const override
  {
    const double now = this->NoiseLevel(state.Step);
    const double next = this->NoiseLevel(state.Step + 1);
    const at::Tensor output = this->Evaluate(network, state.Step, state.Sample);
    Prediction predicted = this->Type.Read(output, state.Sample, { 1 - now, now });
    state.Sample = this->Stochastic ? (1 - next) * predicted.Image + next * noise()
                                    : state.Sample + (next - now) * output;
    return predicted;
  }

private:
  bool Stochastic;
};
}

std::unique_ptr<Scheduler> MakeFlowMatchEuler(const Configuration& config, int steps)
{
  return std::make_unique<FlowMatchEulerScheduler>(config, Spaced(config, steps));
}
}
