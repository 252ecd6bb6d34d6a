// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/NoiseSchedule.h"
#include "Filters/DiffusionSampler/Core/Testing/SchedulerConfig.h"
#include "Filters/Foundation/Error.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

using nlohmann::json;

namespace
{
// ab of betas given by a function of t, in double.
template <typename Function>
void ExpectBetas(const json& config, int timesteps, Function beta)
{
  const tdl::NoiseSchedule schedule(tdl::SchedulerConfig(config));
  ASSERT_EQ(schedule.NumberOfTimesteps(), timesteps);
  double alphaBar = 1;
  for (int t = 0; t < timesteps; ++t)
  {
    alphaBar *= 1 - beta(t);
    ASSERT_NEAR(schedule.AlphaBar(t) / alphaBar, 1, 1e-5) << "t = " << t;
  }
}
}

TEST(NoiseSchedule, LinearIsTheDefault)
{
  ExpectBetas(json::object(), 1000, [](int t) { return 1e-4 + t * (0.02 - 1e-4) / 999; });
}

TEST(NoiseSchedule, ScaledLinearIsLinearInTheRoot)
{
  const json config{ { "beta_schedule", "scaled_linear" }, { "beta_start", 0.0004 },
    { "beta_end", 0.01 }, { "num_train_timesteps", 100 } };
  ExpectBetas(config, 100, [](int t) { return std::pow(0.02 + t * (0.1 - 0.02) / 99, 2); });
}

TEST(NoiseSchedule, CosineFollowsItsClosedForm)
{
  const tdl::NoiseSchedule schedule(
    tdl::SchedulerConfig({ { "beta_schedule", "squaredcos_cap_v2" } }));
  const auto root = [](double t)
  { return std::cos((t / 1000 + 0.008) / 1.008 * std::acos(-1.0) / 2); };
  for (int t = 0; t < 999; ++t) // the last beta is capped
  {
    ASSERT_NEAR(std::sqrt(schedule.AlphaBar(t)), root(t + 1) / root(0), 1e-5) << "t = " << t;
  }
  EXPECT_NEAR(schedule.AlphaBar(999) / schedule.AlphaBar(998), 0.001, 1e-6);
}

TEST(NoiseSchedule, IsAsExactAsTheConfigurationAsks)
{
  // The last beta is capped at 0.999, which float32 cannot hold.
  json config{ { "beta_schedule", "squaredcos_cap_v2" } };
  const auto ratio = [&config]
  {
    const tdl::NoiseSchedule schedule(tdl::SchedulerConfig(config));
    return schedule.AlphaBar(999) / schedule.AlphaBar(998);
  };
  EXPECT_GT(std::abs(ratio() - 0.001), 1e-9);
  config["float64_betas"] = true;
  EXPECT_NEAR(ratio(), 0.001, 1e-15);
  config = { { "float64_betas", true } };
  const tdl::NoiseSchedule linear(tdl::SchedulerConfig(config));
  double alphaBar = 1;
  for (int t = 0; t < 1000; ++t)
  {
    alphaBar *= 1 - (1e-4 + t * (0.02 - 1e-4) / 999);
  }
  EXPECT_NEAR(linear.AlphaBar(999) / alphaBar, 1, 1e-12);
}

TEST(NoiseSchedule, TrainedBetasOverrideTheRest)
{
  const json config{ { "trained_betas", { 0.1, 0.2, 0.5 } }, { "beta_schedule", "unknown" } };
  ExpectBetas(config, 3, [](int t) { return std::array{ 0.1, 0.2, 0.5 }[t]; });
}

TEST(NoiseSchedule, NullMeansTheDefault)
{
  ExpectBetas(json{ { "trained_betas", nullptr }, { "beta_end", nullptr } }, 1000,
    [](int t) { return 1e-4 + t * (0.02 - 1e-4) / 999; });
}

TEST(NoiseSchedule, ZeroTerminalSnrEndsInPureNoiseAndKeepsTheFirstLevel)
{
  const tdl::NoiseSchedule plain(tdl::SchedulerConfig(json::object()));
  const tdl::NoiseSchedule rescaled(tdl::SchedulerConfig({ { "rescale_betas_zero_snr", true } }));
  EXPECT_NEAR(rescaled.AlphaBar(0), plain.AlphaBar(0), 1e-6);
  EXPECT_EQ(rescaled.AlphaBar(999), 0);
  EXPECT_GT(rescaled.AlphaBar(998), 0);
}

TEST(NoiseSchedule, SigmaIsTheNoiseToSignalRatio)
{
  EXPECT_DOUBLE_EQ(tdl::Sigma(0.5), 1);
  EXPECT_DOUBLE_EQ(tdl::Sigma(1), 0);
  EXPECT_DOUBLE_EQ(tdl::Sigma(0.1), 3);
  EXPECT_NEAR(tdl::Sigma(0), 4096, 1e-3) << "finite for pure noise";
}

TEST(NoiseSchedule, NamesWhatItDoesNotSupport)
{
  const auto message = [](const json& config) -> std::string
  {
    try
    {
      tdl::NoiseSchedule schedule(tdl::SchedulerConfig(config));
      return "accepted";
    }
    catch (const tdl::FileError& error)
    {
      return error.what();
    }
  };
  const auto expectMention = [&message](const json& config, const std::string& words)
  { EXPECT_NE(message(config).find(words), std::string::npos) << message(config); };
  expectMention(
    { { "beta_schedule", "sigmoid" } }, "has beta_schedule = \"sigmoid\", which is not");
  expectMention({ { "beta_start", "small" } }, "has beta_start = \"small\", which is not");
  expectMention({ { "float64_betas", 64 } }, "has float64_betas = 64, which is not");
  expectMention({ { "num_train_timesteps", 0 } }, "has num_train_timesteps = 0, which is not");
  const std::string range = "asks for betas outside [0, 1]; correct beta_start, beta_end or";
  expectMention({ { "beta_end", 2 } }, range);
  expectMention({ { "trained_betas", { 0.1, -0.1 } } }, range);
}
