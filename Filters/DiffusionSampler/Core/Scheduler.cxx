// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/Scheduler.h"

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
// Table 2 of Lin et al. 2024. Halves are rounded to even, as NumPy does.
std::vector<int> SpacedTimesteps(const Configuration& config, int total, int steps)
{
  if (steps < 1 || steps > total)
  {
    throw ParameterError("Inference Steps is " + std::to_string(steps) +
      "; the model was trained with " + std::to_string(total) + " timesteps, so choose 1 to " +
      std::to_string(total) + ".");
  }
  const auto spacing = config.Get<std::string>("timestep_spacing", "leading");
  const int offset = config.Get("steps_offset", 0);
  std::function<double(int)> timestep;
  if (spacing == "leading")
  {
    timestep = [=](int i) { return (steps - 1 - i) * (total / steps) + offset; };
  }
  else if (spacing == "linspace")
  {
    const double stride = steps > 1 ? (total - 1.0) / (steps - 1) : 0.0;
    timestep = [=](int i) { return (steps - 1 - i) * stride; };
  }
  else if (spacing == "trailing")
  {
    timestep = [=](int i) { return std::nearbyint(total - i * (double(total) / steps)) - 1; };
  }
  else
  {
    config.Refuse("timestep_spacing");
  }

  std::vector<int> timesteps(steps);
  for (int i = 0; i < steps; ++i)
  {
    timesteps[i] = static_cast<int>(std::nearbyint(timestep(i)));
  }
  if (timesteps.front() >= total || timesteps.back() < 0)
  {
    throw ParameterError("Inference Steps " + std::to_string(steps) +
      " with the model's steps_offset " + std::to_string(offset) +
      " leaves the timesteps of the training; choose fewer steps.");
  }
  return timesteps;
}

// Denoising diffusion probabilistic models, Ho et al. 2020, eq. 7.
class DDPMScheduler : public Scheduler
{
public:
  DDPMScheduler(const Configuration& config, int steps)
    : Scheduler(config, steps)
  {
    const auto type = config.Get<std::string>("variance_type", "fixed_small");
    const auto known = std::find(std::begin(VarianceNames), std::end(VarianceNames), type);
    if (known == std::end(VarianceNames))
    {
      config.Refuse("variance_type");
    }
    this->Variance = static_cast<VarianceKind>(known - std::begin(VarianceNames));
  }

  Advanced Advance(int step, const at::Tensor& sample, const at::Tensor& output,
    const NoiseSource& noise) const override
  {
    const int next = this->Timestep(step + 1);
    const double alphaBar = this->Schedule.AlphaBar(this->Timestep(step));
    const double nextAlphaBar = next >= 0 ? this->Schedule.AlphaBar(next) : 1.0;
    const double alpha = alphaBar / nextAlphaBar;
    const double beta = 1 - alpha;

    const auto channels = sample.size(1);
    Prediction predicted = this->Type.Read(output.narrow(1, 0, channels), sample, alphaBar);
    at::Tensor result = (std::sqrt(nextAlphaBar) * beta / (1 - alphaBar)) * predicted.Image +
      (std::sqrt(alpha) * (1 - nextAlphaBar) / (1 - alphaBar)) * sample;
    if (this->Timestep(step) > 0)
    {
      const double smallest = std::max(beta * (1 - nextAlphaBar) / (1 - alphaBar), 1e-20);
      result += this->Deviation(smallest, beta, output, channels) * noise();
    }
    return { result, predicted };
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

// Denoising diffusion implicit models, Song et al. 2021, eq. 12 with sigma = 0.
class DDIMScheduler : public Scheduler
{
public:
  DDIMScheduler(const Configuration& config, int steps)
    : Scheduler(config, steps)
    , Stride(this->Schedule.NumberOfTimesteps() / steps)
    , FinalAlphaBar(config.Get("set_alpha_to_one", true) ? 1.0 : this->Schedule.AlphaBar(0))
  {
  }

  Advanced Advance(
    int step, const at::Tensor& sample, const at::Tensor& output, const NoiseSource&) const override
  {
    const int timestep = this->Timestep(step);
    // diffusers steps down by T / N also where the spacing's own next timestep differs.
    const int next = timestep - this->Stride;
    const double nextAlphaBar = next >= 0 ? this->Schedule.AlphaBar(next) : this->FinalAlphaBar;

    Prediction predicted = this->Type.Read(
      output.narrow(1, 0, sample.size(1)), sample, this->Schedule.AlphaBar(timestep));
    at::Tensor result =
      std::sqrt(nextAlphaBar) * predicted.Image + std::sqrt(1 - nextAlphaBar) * predicted.Noise;
    return { result, predicted };
  }

private:
  int Stride;
  double FinalAlphaBar;
};
}

const char* SchedulerName(SchedulerKind kind)
{
  return kind == SchedulerKind::DDPM ? "DDPM" : "DDIM";
}

Scheduler::Scheduler(const Configuration& config, int steps)
  : Schedule(config)
  , Type(config)
  , Timesteps(SpacedTimesteps(config, this->Schedule.NumberOfTimesteps(), steps))
{
  if (this->Schedule.AlphaBar(this->Timesteps.front()) <= 0 && !this->Type.ReadsPureNoise())
  {
    throw FileError("'" + config.Path() +
      "' has rescale_betas_zero_snr, which starts from pure noise, with prediction_type epsilon, "
      "which shows no image there; set v_prediction or sample.");
  }
}

std::unique_ptr<Scheduler> Scheduler::Create(
  SchedulerKind kind, const Configuration& config, int steps)
{
  if (kind == SchedulerKind::DDPM)
  {
    return std::make_unique<DDPMScheduler>(config, steps);
  }
  return std::make_unique<DDIMScheduler>(config, steps);
}

int Scheduler::Timestep(int step) const
{
  return step < this->NumberOfSteps() ? this->Timesteps.at(step) : -1;
}

double Scheduler::NoiseLevel(int step) const
{
  return step < this->NumberOfSteps() ? Sigma(this->Schedule.AlphaBar(this->Timestep(step))) : 0.0;
}
}
