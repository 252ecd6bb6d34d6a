// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/NoiseSchedule.h"

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
at::Tensor Table(const std::vector<double>& values, at::ScalarType type)
{
  return at::tensor(values, at::kDouble).to(type);
}

// Nichol and Dhariwal 2021, eq. 17, each beta capped at 0.999.
at::Tensor CosineBetas(std::int64_t timesteps, at::ScalarType type)
{
  const auto alphaBar = [](double s)
  { return std::pow(std::cos((s + 0.008) / 1.008 * std::acos(-1.0) / 2), 2); };
  std::vector<double> betas(timesteps);
  for (std::int64_t t = 0; t < timesteps; ++t)
  {
    const double ratio = alphaBar((t + 1.0) / timesteps) / alphaBar(double(t) / timesteps);
    betas[t] = std::min(1 - ratio, 0.999);
  }
  return Table(betas, type);
}

// Lin et al. 2024, algorithm 1: shift and scale sqrt(ab) such that the last timestep is pure noise.
at::Tensor ZeroTerminalSnr(const at::Tensor& betas)
{
  at::Tensor root = at::cumprod(1 - betas, 0).sqrt();
  const at::Tensor first = root[0].clone();
  const at::Tensor last = root[-1].clone();
  const at::Tensor alphaBar = ((root - last) * (first / (first - last))).square();
  at::Tensor alphas = alphaBar.clone();
  alphas.slice(0, 1).div_(alphaBar.slice(0, 0, -1));
  return 1 - alphas;
}

at::Tensor Betas(const Configuration& config)
{
  const auto type = config.Get("float64_betas", false) ? at::kDouble : at::kFloat;
  const auto trained = config.Get<std::vector<double>>("trained_betas", {});
  if (!trained.empty())
  {
    return Table(trained, type);
  }
  const auto name = config.Get<std::string>("_class_name", "");
  const bool lcm = name == "LCMScheduler";
  const bool latent = lcm || name == "HeunDiscreteScheduler";
  const auto timesteps = config.GetCount("num_train_timesteps", 1000);
  const double start = config.Get("beta_start", latent ? 0.00085 : 0.0001);
  const double end = config.Get("beta_end", latent ? 0.012 : 0.02);
  const auto schedule = config.Get<std::string>("beta_schedule", lcm ? "scaled_linear" : "linear");
  if (schedule == "linear")
  {
    return at::linspace(start, end, timesteps, type);
  }
  if (schedule == "scaled_linear")
  {
    return at::linspace(std::sqrt(start), std::sqrt(end), timesteps, type).square();
  }
  if (schedule == "squaredcos_cap_v2")
  {
    return CosineBetas(timesteps, type);
  }
  config.Refuse("beta_schedule");
}
}

NoiseSchedule::NoiseSchedule(const Configuration& config)
{
  at::Tensor betas = Betas(config);
  if (config.Get("rescale_betas_zero_snr", false))
  {
    betas = ZeroTerminalSnr(betas);
  }
  if (!((betas >= 0) & (betas <= 1)).all().item<bool>())
  {
    throw FileError("'" + config.Path() +
      "' asks for betas outside [0, 1]; correct beta_start, beta_end or trained_betas.");
  }
  const at::Tensor alphaBar = at::cumprod(1 - betas, 0).to(at::kDouble).contiguous();
  this->AlphaBars.assign(
    alphaBar.data_ptr<double>(), alphaBar.data_ptr<double>() + alphaBar.numel());
}

double Sigma(double alphaBar)
{
  const double ab = alphaBar > 0 ? alphaBar : std::ldexp(1.0, -24);
  return std::sqrt((1 - ab) / ab);
}
}
