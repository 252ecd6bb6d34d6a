// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/SchedulerSpacing.h"
#include "Filters/DiffusionSampler/Core/Schedulers.h"
#include "Filters/Networks/ModelFolder.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace tdl
{
namespace
{
// Refuses what keeps the noise levels of these schedulers from being those of the noise schedule.
void RequireDiffusionSigmas(const Configuration& config)
{
  config.Require("use_flow_sigmas", false);
  config.Require("use_lu_lambdas", false);
}

// How timesteps are made of respaced noise levels; elsewhere they are cut.
enum class Rounding
{
  Karras,
  KarrasUnlessCosine
};

SigmaSteps Spaced(const Configuration& config, int steps, Rounding rounding)
{
  RequireDiffusionSigmas(config);
  const NoiseSchedule schedule(config);
  const SigmaTable table(schedule);
  SigmaSteps spaced;
  spaced.Timesteps =
    SpacedTimesteps(config, TimestepRule::AboveZero, schedule.NumberOfTimesteps(), steps);
  const SigmaSpacing spacing(config);
  if (spacing.IsAny())
  {
    const bool rounds = spacing.IsKarras() &&
      (rounding == Rounding::Karras ||
        config.Get<std::string>("beta_schedule", "linear") != "squaredcos_cap_v2");
    spaced.Sigmas = spacing.Spread(table.Largest(), table.Smallest(), steps);
    std::transform(spaced.Sigmas.begin(), spaced.Sigmas.end(), spaced.Timesteps.begin(),
      [&](double sigma)
      {
        // The largest sigma lies on a timestep; whether diffusers cuts it to that or to the one
        // below hangs on the last bit of a float32. Here it stays.
        const double timestep = table.Timestep(sigma);
        return rounds ? std::nearbyint(timestep) : std::floor(timestep + 1e-3);
      });
  }
  else
  {
    for (const double timestep : spaced.Timesteps)
    {
      spaced.Sigmas.push_back(table.Sigma(timestep));
    }
  }
  const auto final = config.Get<std::string>("final_sigmas_type", "zero");
  if (final != "zero" && final != "sigma_min")
  {
    config.Refuse("final_sigmas_type");
  }
  // UniPC's last step keeps a respaced sigma, which is the schedule's smallest unless given.
  const double smallest =
    spacing.IsAny() && rounding == Rounding::Karras ? spaced.Sigmas.back() : table.Smallest();
  spaced.Sigmas.push_back(final == "zero" ? 0.0 : smallest);
  Finish(config, spaced);
  return spaced;
}

// Base of schedulers that solve the diffusion's equation in lambda = log(signal / noise), in which
// its linear part has a closed form (Lu et al. 2022), and keep samples at unit variance.
class LambdaScheduler : public Scheduler
{
protected:
  LambdaScheduler(const Configuration& config, const SigmaSteps& steps)
    : Scheduler(PredictionType(config, { std::nullopt, true }), steps.Timesteps,
        { steps.Sigmas.begin(), steps.Sigmas.end() - 1 }, 1)
    , Order(static_cast<int>(config.GetCount("solver_order", 2)))
    , LowerOrderFinal(config.Get("lower_order_final", true))
    , EndsClean(steps.Sigmas.back() == 0)
  {
    if (this->Order > 2)
    {
      config.Refuse("solver_order");
    }
    for (const double sigma : steps.Sigmas)
    {
      const double scale = std::hypot(sigma, 1);
      this->Levels.push_back({ 1 / scale, sigma / scale, -std::log(sigma) });
    }
  }

  struct Level
  {
    double Signal;
    double Noise;
    double Lambda; ///< Infinite without noise.
  };

  Prediction Predict(const NoisePredictor& network, const State& state) const
  {
    const Level& level = this->Levels[state.Step];
    return this->Type.Read(this->Evaluate(network, state.Step, state.Sample), state.Sample,
      { level.Signal, level.Noise });
  }

  // Keeps the latest predicted images.
  static void Remember(State& state, const at::Tensor& image)
  {
    state.History.push_back(image);
    if (state.History.size() > 2)
    {
      state.History.erase(state.History.begin());
    }
  }

  int Order;
  bool LowerOrderFinal;
  bool EndsClean;
  std::vector<Level> Levels; ///< [N + 1], the last that of the result.
};

// DPM-Solver++(2M), Lu et al. 2022 (arXiv 2211.01095), algorithm 2, and its stochastic form.
class DPMSolverScheduler : public LambdaScheduler
{
public:
  DPMSolverScheduler(const Configuration& config, int steps)
    : LambdaScheduler(config, Spaced(config, steps, Rounding::KarrasUnlessCosine))
  {
    const auto algorithm = config.Get<std::string>("algorithm_type", "dpmsolver++");
    this->Stochastic = algorithm == "sde-dpmsolver++";
    if (!this->Stochastic && algorithm != "dpmsolver++")
    {
      config.Refuse("algorithm_type");
    }
    // The solver types of UniPC and DEIS mean this one here, as in diffusers.
    const auto solver = config.Get<std::string>("solver_type", "midpoint");
    const auto known = { "midpoint", "bh1", "bh2", "logrho" };
    if (std::find(known.begin(), known.end(), solver) == known.end())
    {
      config.Refuse("solver_type");
    }
    if (config.Get<std::string>("lambda_min_clipped", "-Infinity") != "-Infinity")
    {
      config.Refuse("lambda_min_clipped");
    }
    this->FirstOrderFinal = this->EndsClean || config.Get("euler_at_final", false) ||
      (this->LowerOrderFinal && steps < 15);
  }

protected:
  Prediction Move(
    State& state, const NoisePredictor& network, const NoiseSource& noise) const override
  {
    const int step = state.Step;
    const Level& now = this->Levels[step];
    const Level& next = this->Levels[step + 1];
    const double change = next.Lambda - now.Lambda;

    Prediction predicted = this->Predict(network, state);
    Remember(state, predicted.Image);
    const bool final = step + 1 == this->NumberOfSteps() && this->FirstOrderFinal;
    at::Tensor image = predicted.Image;
    if (this->Order == 2 && step > 0 && !final)
    {
      const double former = now.Lambda - this->Levels[step - 1].Lambda;
      image = image + (0.5 * change / former) * (image - state.History.front());
    }
    const double decay = std::exp(-change);
    if (this->Stochastic)
    {
      state.Sample = (next.Noise / now.Noise * decay) * state.Sample +
        (next.Signal * (1 - decay * decay)) * image +
        (next.Noise * std::sqrt(1 - decay * decay)) * noise();
    }
    else
    {
      state.Sample =
        (next.Noise / now.Noise) * state.Sample - (next.Signal * std::expm1(-change)) * image;
    }
    return predicted;
  }

private:
  bool Stochastic;
  bool FirstOrderFinal;
};

// UniPC, Zhao et al. 2023, with B(h) = e^h - 1, of the predicted image. A step's evaluation also
// corrects the sample that it was made for.
class UniPCScheduler : public LambdaScheduler
{
public:
  UniPCScheduler(const Configuration& config, int steps)
    : LambdaScheduler(config, Spaced(config, steps, Rounding::Karras))
    , Uncorrected(config.Get<std::vector<int>>("disable_corrector", {}))
  {
    config.Require("predict_x0", true);
    config.Require("use_dynamic_shifting", false);
    if (config.Has("solver_p"))
    {
      config.Refuse("solver_p");
    }
    // The solver types of other schedulers mean this one here, as in diffusers.
    const auto solver = config.Get<std::string>("solver_type", "bh2");
    const auto known = { "bh2", "midpoint", "heun", "logrho" };
    if (std::find(known.begin(), known.end(), solver) == known.end())
    {
      config.Refuse("solver_type");
    }
    if (this->Order > 1 && !this->LowerOrderFinal && this->EndsClean)
    {
      config.Refuse("lower_order_final"); // the second order is infinite without noise
    }
  }

protected:
  Prediction Move(State& state, const NoisePredictor& network, const NoiseSource&) const override
  {
    const int step = state.Step;
    Prediction predicted = this->Predict(network, state);
    const bool corrects = step > 0 &&
      std::find(this->Uncorrected.begin(), this->Uncorrected.end(), step - 1) ==
        this->Uncorrected.end();
    state.Former = corrects ? this->Corrected(state, predicted.Image) : state.Sample;
    Remember(state, predicted.Image);

    const double change = this->Change(step);
    at::Tensor image = predicted.Image;
    if (this->OrderAt(step) == 2)
    {
      image = image + 0.5 * (state.History.front() - image) / this->Ratio(step);
    }
    state.Sample = this->Moved(state.Former, step, image, std::expm1(-change));
    return predicted;
  }

private:
  int OrderAt(int step) const
  {
    const int left = this->LowerOrderFinal ? this->NumberOfSteps() - step : this->Order;
    return std::min({ this->Order, left, step + 1 });
  }

  // h of a step, and the step before as its multiple, which is negative.
  double Change(int step) const
  {
    return this->Levels[step + 1].Lambda - this->Levels[step].Lambda;
  }
  double Ratio(int step) const { return -this->Change(step - 1) / this->Change(step); }

  at::Tensor Moved(const at::Tensor& sample, int step, const at::Tensor& image, double growth) const
  {
    const Level& next = this->Levels[step + 1];
    return (next.Noise / this->Levels[step].Noise) * sample - (next.Signal * growth) * image;
  }

  // The sample that the step before should have led to, given the image predicted from where it
  // led.
  at::Tensor Corrected(const State& state, const at::Tensor& predicted) const
  {
    const int step = state.Step - 1;
    const at::Tensor& image = state.History.back();
    const double growth = std::expm1(-this->Change(step)); // B, and the first phi function times h
    if (this->OrderAt(step) == 1)
    {
      return this->Moved(state.Former, step, image + 0.5 * (predicted - image), growth);
    }
    // Weights such that polynomials of second degree are integrated exactly.
    const double negative = -this->Change(step);
    const double second = growth / negative - 1;
    const double third = second / negative - 0.5;
    const double ratio = this->Ratio(step);
    const double former = (2 * third - second) / growth / (ratio - 1);
    const double latter = second / growth - former;
    return this->Moved(state.Former, step,
      image + (former / ratio) * (state.History.front() - image) + latter * (predicted - image),
      growth);
  }

  std::vector<int> Uncorrected;
};
}

std::unique_ptr<Scheduler> MakeDPMSolver(const Configuration& config, int steps)
{
  return std::make_unique<DPMSolverScheduler>(config, steps);
}

std::unique_ptr<Scheduler> MakeUniPC(const Configuration& config, int steps)
{
  return std::make_unique<UniPCScheduler>(config, steps);
}
}
