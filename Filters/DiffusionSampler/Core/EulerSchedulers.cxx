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
// Timesteps and noise levels; what follows the last step is free of noise.
SigmaSteps Spaced(const Configuration& config, int steps, bool respaces)
{
  const NoiseSchedule schedule(config);
  const SigmaTable table(schedule);
  SigmaSteps spaced;
  spaced.Timesteps =
    SpacedTimesteps(config, TimestepRule::Fractional, schedule.NumberOfTimesteps(), steps);
  for (const double timestep : spaced.Timesteps)
  {
    spaced.Sigmas.push_back(table.Sigma(timestep));
  }
  if (respaces)
  {
    const SigmaSpacing spacing(config);
    if (spacing.IsAny())
    {
      spaced.Sigmas = spacing.Spread(spaced.Sigmas.front(), spaced.Sigmas.back(), steps);
      std::transform(spaced.Sigmas.begin(), spaced.Sigmas.end(), spaced.Timesteps.begin(),
        [&table](double sigma) { return static_cast<float>(table.Timestep(sigma)); });
    }
  }
  spaced.Sigmas.push_back(0);
  Finish(config, spaced);
  return spaced;
}

// Base of schedulers that keep samples as x_0 + sigma eps and follow dx / dsigma = eps (Karras et
// al. 2022, eq. 1) from one sigma to the next.
class SigmaScheduler : public Scheduler
{
public:
  at::Tensor NetworkInput(int step, const at::Tensor& sample) const override
  {
    return sample / std::hypot(this->NoiseLevel(step), 1);
  }

protected:
  SigmaScheduler(const Configuration& config, const PredictionLimits& limits, SigmaSteps steps)
    : Scheduler(PredictionType(config, limits), steps.Timesteps,
        { steps.Sigmas.begin(), steps.Sigmas.end() - 1 }, InitialNoise(config, steps))
    , Sigmas(std::move(steps.Sigmas))
  {
  }

  // dx / dsigma, with the limits of the predicted image.
  at::Tensor Slope(const Prediction& predicted, const at::Tensor& sample, int step) const
  {
    return (sample - predicted.Image) / this->Sigmas[step];
  }

  Prediction Predict(const NoisePredictor& network, int step, const at::Tensor& sample) const
  {
    return this->Type.Read(
      this->Evaluate(network, step, sample), sample, { 1.0, this->Sigmas[step] });
  }

  std::vector<double> Sigmas; ///< [N + 1], the last that of the result.

private:
  static double InitialNoise(const Configuration& config, const SigmaSteps& steps)
  {
    const double largest = steps.Sigmas.front();
    return config.Get<std::string>("timestep_spacing", "linspace") == "leading"
      ? std::hypot(largest, 1)
      : largest;
  }
};

// Karras et al. 2022, algorithm 2 without churn and correction.
class EulerScheduler : public SigmaScheduler
{
public:
  EulerScheduler(const Configuration& config, int steps)
    : SigmaScheduler(config, {}, Spaced(config, steps, true))
  {
    config.Require<std::string>("interpolation_type", "linear");
    config.Require<std::string>("timestep_type", "discrete");
    const auto final = config.Get<std::string>("final_sigmas_type", "zero");
    if (final == "sigma_min")
    {
      this->Sigmas.back() = Sigma(NoiseSchedule(config).AlphaBar(0));
    }
    else if (final != "zero")
    {
      config.Refuse("final_sigmas_type");
    }
  }

protected:
  Prediction Move(State& state, const NoisePredictor& network, const NoiseSource&) const override
  {
    const int step = state.Step;
    Prediction predicted = this->Predict(network, step, state.Sample);
    state.Sample = state.Sample +
      (this->Sigmas[step + 1] - this->Sigmas[step]) * this->Slope(predicted, state.Sample, step);
    return predicted;
  }
};

// Goes below the next noise level and adds fresh noise up to it (Song et al. 2021, eq. 16, with
// eta = 1, in terms of sigma).
class EulerAncestralScheduler : public SigmaScheduler
{
public:
  EulerAncestralScheduler(const Configuration& config, int steps)
    : SigmaScheduler(config, {}, Spaced(config, steps, false))
  {
    if (ReadPredictionTarget(config) == PredictionTarget::Sample)
    {
      config.Refuse("prediction_type");
    }
  }

protected:
  Prediction Move(
    State& state, const NoisePredictor& network, const NoiseSource& noise) const override
  {
    const int step = state.Step;
    const double from = this->Sigmas[step];
    const double to = this->Sigmas[step + 1];
    const double up = to * std::sqrt(1 - (to / from) * (to / from));
    const double down = to * to / from;
    Prediction predicted = this->Predict(network, step, state.Sample);
    state.Sample =
      state.Sample + (down - from) * this->Slope(predicted, state.Sample, step) + up * noise();
    return predicted;
  }
};

// Karras et al. 2022, algorithm 2 without churn: Euler's step, corrected by the slope at its end.
class HeunScheduler : public SigmaScheduler
{
public:
  HeunScheduler(const Configuration& config, int steps)
    : SigmaScheduler(config, { false, false }, Spaced(config, steps, true))
  {
  }

  int Evaluations(int step) const override { return step + 1 < this->NumberOfSteps() ? 2 : 1; }

protected:
  Prediction Move(State& state, const NoisePredictor& network, const NoiseSource&) const override
  {
    const int step = state.Step;
    const double change = this->Sigmas[step + 1] - this->Sigmas[step];
    const at::Tensor start = state.Sample;
    Prediction predicted = this->Predict(network, step, start);
    const at::Tensor slope = this->Slope(predicted, start, step);
    state.Sample = start + change * slope;
    if (step + 1 < this->NumberOfSteps())
    {
      const Prediction end = this->Predict(network, step + 1, state.Sample);
      state.Sample = start + (change / 2) * (slope + this->Slope(end, state.Sample, step + 1));
    }
    return predicted;
  }
};

// A linear multistep method: the slopes of the last four steps as a polynomial in sigma, which is
// integrated.
class LMSScheduler : public SigmaScheduler
{
public:
  LMSScheduler(const Configuration& config, int steps)
    : SigmaScheduler(config, {}, Spaced(config, steps, true))
  {
  }

protected:
  Prediction Move(State& state, const NoisePredictor& network, const NoiseSource&) const override
  {
    const int step = state.Step;
    Prediction predicted = this->Predict(network, step, state.Sample);
    std::vector<at::Tensor>& slopes = state.History;
    slopes.push_back(this->Slope(predicted, state.Sample, step));
    if (slopes.size() > 4)
    {
      slopes.erase(slopes.begin());
    }
    const int order = static_cast<int>(slopes.size());
    for (int i = 0; i < order; ++i)
    {
      state.Sample = state.Sample + this->Weight(step, order, i) * slopes[order - 1 - i];
    }
    return predicted;
  }

private:
  // Integral over a step of the polynomial that is 1 at the sigma i steps before and 0 at the
  // others; it is of third degree at most, for which two points of Gauss are exact.
  double Weight(int step, int order, int i) const
  {
    const double middle = (this->Sigmas[step] + this->Sigmas[step + 1]) / 2;
    const double half = (this->Sigmas[step + 1] - this->Sigmas[step]) / 2;
    double sum = 0;
    for (const double side : { -1.0, 1.0 })
    {
      const double sigma = middle + side * half / std::sqrt(3.0);
      double product = 1;
      for (int k = 0; k < order; ++k)
      {
        if (k != i)
        {
          product *=
            (sigma - this->Sigmas[step - k]) / (this->Sigmas[step - i] - this->Sigmas[step - k]);
        }
      }
      sum += product;
    }
    return half * sum;
  }
};
}

std::unique_ptr<Scheduler> MakeEuler(const Configuration& config, int steps)
{
  return std::make_unique<EulerScheduler>(config, steps);
}

std::unique_ptr<Scheduler> MakeEulerAncestral(const Configuration& config, int steps)
{
  return std::make_unique<EulerAncestralScheduler>(config, steps);
}

std::unique_ptr<Scheduler> MakeHeun(const Configuration& config, int steps)
{
  return std::make_unique<HeunScheduler>(config, steps);
}

std::unique_ptr<Scheduler> MakeLMS(const Configuration& config, int steps)
{
  return std::make_unique<LMSScheduler>(config, steps);
}
}
