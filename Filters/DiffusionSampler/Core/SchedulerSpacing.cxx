// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/SchedulerSpacing.h"

#include "Filters/DiffusionSampler/Core/NoiseSchedule.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Networks/ModelFolder.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>

namespace tdl
{
namespace
{
// The incomplete beta function of equal parameters a, divided by the complete one, for x <= 1/2:
// its continued fraction (Abramowitz and Stegun, 26.5.8), from the far end.
double BetaDistribution(double a, double x)
{
  double fraction = 1;
  for (int m = 60; m >= 1; --m)
  {
    const double odd = -(a + m - 1) * (2 * a + m - 1) * x / ((a + 2 * m - 2) * (a + 2 * m - 1));
    const double even = m * (a - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    fraction = 1 + odd / (1 + even / fraction);
  }
  const double complete = std::exp(2 * std::lgamma(a) - std::lgamma(2 * a));
  return std::pow(x * (1 - x), a) / (a * complete * fraction);
}

// x such that a share p of the beta distribution of equal parameters a lies below it.
double BetaQuantile(double a, double p)
{
  if (p > 0.5)
  {
    return 1 - BetaQuantile(a, 1 - p);
  }
  double low = 0;
  double high = 0.5;
  for (int halving = 0; halving < 60; ++halving)
  {
    const double middle = (low + high) / 2;
    (BetaDistribution(a, middle) < p ? low : high) = middle;
  }
  return p > 0 ? high : 0;
}
}

std::vector<double> ListedTimesteps(const Configuration& config)
{
  const auto listed = config.Get<std::vector<int>>("timesteps", {});
  if (std::adjacent_find(listed.begin(), listed.end(), std::less_equal<>()) != listed.end())
  {
    config.Refuse("timesteps");
  }
  return { listed.begin(), listed.end() };
}

// Halves are rounded to even, as NumPy does.
std::vector<double> SpacedTimesteps(
  const Configuration& config, TimestepRule rule, int total, int steps)
{
  if (steps < 1 || steps > total)
  {
    throw ParameterError("Inference Steps is " + std::to_string(steps) +
      "; the model was trained with " + std::to_string(total) + " timesteps, so choose 1 to " +
      std::to_string(total) + ".");
  }
  auto listed = ListedTimesteps(config);
  if (!listed.empty())
  {
    if (listed.size() != static_cast<std::size_t>(steps))
    {
      throw ParameterError("Inference Steps is " + std::to_string(steps) + ", but '" +
        config.Path() + "' lists the timesteps of " + std::to_string(listed.size()) +
        "; choose that many.");
    }
    if (listed.front() >= total || listed.back() < 0)
    {
      config.Refuse("timesteps");
    }
    return listed;
  }
  const auto spacing = config.Get<std::string>(
    "timestep_spacing", rule == TimestepRule::Leading ? "leading" : "linspace");
  const int offset = config.Get("steps_offset", 0);
  const int points = rule == TimestepRule::AboveZero ? steps + 1 : steps;
  std::vector<double> timesteps(steps);
  for (int i = 0; i < steps; ++i)
  {
    if (spacing == "leading")
    {
      const int stride = total / points;
      timesteps[i] = (points - 1 - i) * stride + offset;
    }
    else if (spacing == "linspace")
    {
      const double stride = points > 1 ? (total - 1.0) / (points - 1) : 0.0;
      const double timestep = (points - 1 - i) * stride;
      timesteps[i] =
        rule == TimestepRule::Fractional ? static_cast<float>(timestep) : std::nearbyint(timestep);
    }
    else if (spacing == "trailing")
    {
      timesteps[i] = std::nearbyint(total - i * (double(total) / steps)) - 1;
    }
    else
    {
      config.Refuse("timestep_spacing");
    }
  }
  if (timesteps.front() >= total || timesteps.back() < 0)
  {
    throw ParameterError("Inference Steps " + std::to_string(steps) +
      " with the model's steps_offset " + std::to_string(offset) +
      " leaves the timesteps of the training; choose fewer steps.");
  }
  return timesteps;
}

SigmaSpacing::SigmaSpacing(const Configuration& config)
  : Spacing(Kind::None)
  , Largest(config.Get("sigma_max", std::numeric_limits<double>::quiet_NaN()))
  , Smallest(config.Get("sigma_min", std::numeric_limits<double>::quiet_NaN()))
{
  const std::pair<const char*, Kind> keys[] = { { "use_karras_sigmas", Kind::Karras },
    { "use_exponential_sigmas", Kind::Exponential }, { "use_beta_sigmas", Kind::Beta } };
  for (const auto& [key, kind] : keys)
  {
    if (!config.Get(key, false))
    {
      continue;
    }
    if (this->Spacing != Kind::None)
    {
      throw FileError("'" + config.Path() +
        "' asks for more than one of use_karras_sigmas, "
        "use_exponential_sigmas and use_beta_sigmas; keep one.");
    }
    this->Spacing = kind;
  }
  for (const char* key : { "sigma_max", "sigma_min" })
  {
    if (config.Has(key) && !(config.Get(key, 1.0) > 0))
    {
      config.Refuse(key);
    }
  }
}

std::vector<double> SigmaSpacing::Spread(double largest, double smallest, int count) const
{
  const double high = std::isnan(this->Largest) ? largest : this->Largest;
  const double low = std::isnan(this->Smallest) ? smallest : this->Smallest;
  std::vector<double> sigmas(count);
  for (int i = 0; i < count; ++i)
  {
    const double share = count > 1 ? i / (count - 1.0) : 0.0;
    if (this->Spacing == Kind::Karras)
    {
      const double root = std::pow(high, 1 / 7.0);
      sigmas[i] = std::pow(root + share * (std::pow(low, 1 / 7.0) - root), 7.0);
    }
    else if (this->Spacing == Kind::Exponential)
    {
      sigmas[i] = std::exp(std::log(high) + share * (std::log(low) - std::log(high)));
    }
    else
    {
      sigmas[i] = low + BetaQuantile(0.6, 1 - share) * (high - low);
    }
  }
  return sigmas;
}

SigmaTable::SigmaTable(const NoiseSchedule& schedule)
{
  for (int t = 0; t < schedule.NumberOfTimesteps(); ++t)
  {
    this->Sigmas.push_back(static_cast<float>(tdl::Sigma(schedule.AlphaBar(t))));
    this->Logarithms.push_back(std::log(this->Sigmas.back()));
  }
}

double SigmaTable::Sigma(double timestep) const
{
  const auto below = static_cast<std::size_t>(timestep);
  const double share = timestep - static_cast<double>(below);
  const double sigma = this->Sigmas.at(below);
  return share > 0 ? sigma + share * (this->Sigmas.at(below + 1) - sigma) : sigma;
}

double SigmaTable::Timestep(double sigma) const
{
  if (this->Logarithms.size() < 2)
  {
    return 0;
  }
  const double logarithm = std::log(std::max(sigma, 1e-10));
  const auto above =
    std::upper_bound(this->Logarithms.begin() + 1, this->Logarithms.end() - 1, logarithm);
  const double high = *above;
  const double low = *(above - 1);
  const double share = std::clamp((logarithm - low) / (high - low), 0.0, 1.0);
  return static_cast<double>(above - 1 - this->Logarithms.begin()) + share;
}

void Finish(const Configuration& config, SigmaSteps& steps)
{
  const std::size_t count = steps.Timesteps.size();
  for (double& sigma : steps.Sigmas)
  {
    sigma = static_cast<float>(sigma);
  }
  for (std::size_t i = 0; i < count; ++i)
  {
    // The result may keep the noise of the last step.
    const bool falls =
      steps.Sigmas[i] > steps.Sigmas[i + 1] || (i + 1 == count && steps.Sigmas[i] > 0);
    if (!falls || !std::isfinite(steps.Sigmas[i]))
    {
      throw ParameterError("The noise levels of " + std::to_string(count) +
        " Inference Steps by '" + config.Path() +
        "' do not fall from step to step; choose fewer steps or another Scheduler.");
    }
  }
}
}
