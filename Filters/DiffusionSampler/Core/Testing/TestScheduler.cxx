// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/NoiseSchedule.h"
#include "Filters/DiffusionSampler/Core/Scheduler.h"
#include "Filters/DiffusionSampler/Core/Testing/SchedulerConfig.h"
#include "Filters/Foundation/Error.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>

using nlohmann::json;
using tdl::Scheduler;
using tdl::SchedulerKind;

namespace
{
at::Tensor Float32(const at::Tensor& values)
{
  return values.to(at::kFloat).view({ 2, 2, 2, 2 });
}

at::Tensor Elements()
{
  return at::arange(16, at::kDouble);
}

// The closed formulas of Testing/Golden/make_scheduler_trajectories.py.
at::Tensor Start()
{
  return Float32(2 * at::cos(0.5 + Elements()));
}

at::Tensor Output(int evaluation, const at::Tensor& input, bool variance)
{
  const at::Tensor values =
    Float32(1.5 * at::sin(0.9 * evaluation + 1.7 * Elements() + 0.3)) + 0.25 * at::cos(input);
  return variance ? at::cat({ values, values.abs() / 2 + 0.01 }, 1) : values;
}

at::Tensor Noise(int step)
{
  return Float32(1.2 * at::cos(1.3 * step + 2.1 * Elements()));
}

// Within 1e-5, of the value where that exceeds 1.
void ExpectNear(const at::Tensor& tensor, const std::vector<double>& expected)
{
  const at::Tensor values = tensor.flatten().to(at::kDouble);
  ASSERT_EQ(values.numel(), static_cast<std::int64_t>(expected.size()));
  for (std::size_t i = 0; i < expected.size(); ++i)
  {
    ASSERT_NEAR(values[i].item<double>(), expected[i], 1e-5 * std::max(1.0, std::abs(expected[i])));
  }
}

// All but flow matching.
constexpr SchedulerKind Diffusion[] = { SchedulerKind::DDPM, SchedulerKind::DDIM,
  SchedulerKind::PNDM, SchedulerKind::LMS, SchedulerKind::Euler, SchedulerKind::EulerAncestral,
  SchedulerKind::Heun, SchedulerKind::DPMSolver, SchedulerKind::UniPC, SchedulerKind::LCM };

std::string Message(SchedulerKind kind, const json& config, int steps)
{
  try
  {
    Scheduler::Create(kind, tdl::SchedulerConfig(config), steps);
    return "accepted";
  }
  catch (const tdl::Error& error)
  {
    return error.what();
  }
}
}

// Files of golden data below Testing/Data.
class Trajectories : public testing::TestWithParam<const char*>
{
};

TEST_P(Trajectories, AreThoseOfTheReference)
{
  std::ifstream file(std::string(TDL_TEST_DATA "/") + this->GetParam());
  const json cases = json::parse(file);
  ASSERT_FALSE(cases.empty());
  for (const json& one : cases)
  {
    SCOPED_TRACE(one["class"].dump() + one["config"].dump());
    const int steps = one["steps"];
    json config = one["config"];
    config["_class_name"] = one["class"];
    const auto scheduler =
      Scheduler::Create(SchedulerKind::ModelsOwn, tdl::SchedulerConfig(config), steps);
    ASSERT_EQ(scheduler->NumberOfSteps(), steps);
    const bool variance = config.value("variance_type", "").rfind("learned", 0) == 0;
    // Respaced timesteps hang on logarithms in float32. Where they are cut to integers, the last
    // bit decides about the first, whose sigma is that of a timestep.
    const bool solver =
      one["class"] == "DPMSolverMultistepScheduler" || one["class"] == "UniPCMultistepScheduler";
    const bool rounded =
      config.value("use_karras_sigmas", false) && config["beta_schedule"] != "squaredcos_cap_v2";
    const bool respaced = config.count("use_karras_sigmas") ||
      config.count("use_exponential_sigmas") || config.count("use_beta_sigmas");
    const bool cut = solver && respaced && !rounded;
    const auto tolerance = [cut](std::size_t evaluation)
    { return cut && evaluation == 0 ? 1.0 : 1e-3; };
    std::size_t evaluation = 0;
    const auto network = [&](const at::Tensor& input, double timestep)
    {
      EXPECT_NEAR(timestep, one["timesteps"].at(evaluation).get<double>(), tolerance(evaluation));
      return Output(static_cast<int>(evaluation++), input, variance);
    };
    Scheduler::State state = scheduler->Begin(Start());
    for (int step = 0; step < steps; ++step)
    {
      SCOPED_TRACE("step " + std::to_string(step));
      ASSERT_EQ(state.Step, step);
      const std::size_t before = evaluation;
      EXPECT_NEAR(
        scheduler->Timestep(step), one["timesteps"].at(before).get<double>(), tolerance(before));
      const auto predicted = scheduler->Advance(state, network, [=] { return Noise(step); });
      EXPECT_EQ(static_cast<int>(evaluation - before), scheduler->Evaluations(step));
      ExpectNear(state.Sample, one["samples"][step]);
      if (!one["images"].empty())
      {
        ExpectNear(predicted.Image, one["images"][step]);
      }
    }
    EXPECT_EQ(evaluation, one["timesteps"].size());
  }
}

INSTANTIATE_TEST_SUITE_P(Scheduler, Trajectories,
  testing::Values("SchedulerTrajectories.json", "Glide/trajectories.json"),
  [](const auto& suite)
  { return std::string(suite.param).front() == 'G' ? "Glide" : "Diffusers"; });

TEST(Scheduler, PredictionTypesAgreeOnTheSameSample)
{
  const double alphaBar = 0.3;
  const at::Tensor image = Float32(0.9 * at::sin(Elements()));
  const at::Tensor noise = Noise(0);
  const at::Tensor sample = std::sqrt(alphaBar) * image + std::sqrt(1 - alphaBar) * noise;
  const at::Tensor velocity = std::sqrt(alphaBar) * noise - std::sqrt(1 - alphaBar) * image;
  const std::pair<const char*, at::Tensor> outputs[] = { { "epsilon", noise }, { "sample", image },
    { "v_prediction", velocity } };
  for (const auto& [type, output] : outputs)
  {
    const auto prediction =
      tdl::PredictionType(
        tdl::SchedulerConfig({ { "prediction_type", type } }), tdl::PredictionLimits{})
        .Read(output, sample, { std::sqrt(alphaBar), std::sqrt(1 - alphaBar) });
    EXPECT_TRUE(at::allclose(prediction.Image, image, 0, 1e-6)) << type;
    EXPECT_TRUE(at::allclose(prediction.Noise, noise, 0, 1e-6)) << type;
  }
}

TEST(Scheduler, TrueNoiseLeadsDDIMBackToTheImage)
{
  const auto scheduler =
    Scheduler::Create(SchedulerKind::DDIM, tdl::SchedulerConfig(json::object()), 20);
  const tdl::NoiseSchedule schedule(tdl::SchedulerConfig(json::object()));
  const at::Tensor image = Float32(0.9 * at::sin(Elements()));
  const double first = schedule.AlphaBar(static_cast<int>(scheduler->Timestep(0)));
  Scheduler::State state =
    scheduler->Begin(std::sqrt(first) * image + std::sqrt(1 - first) * Noise(0));
  while (state.Step < 20)
  {
    scheduler->Advance(state, [](const at::Tensor&, double) { return Noise(0); }, {});
  }
  EXPECT_TRUE(at::allclose(state.Sample, image, 0, 1e-4));
}

TEST(Scheduler, TimestepsAndNoiseLevelsFallToTheFinalImage)
{
  for (const auto kind : Diffusion)
  {
    for (const char* spacing : { "leading", "linspace", "trailing" })
    {
      for (const int steps : { 1, 2, 7, 50, 500, 999 })
      {
        if ((kind == SchedulerKind::PNDM && steps < 4) ||
          (kind == SchedulerKind::LCM && steps > 50))
        {
          continue;
        }
        SCOPED_TRACE(
          std::string(tdl::SchedulerName(kind)) + " " + spacing + " " + std::to_string(steps));
        const auto scheduler =
          Scheduler::Create(kind, tdl::SchedulerConfig({ { "timestep_spacing", spacing } }), steps);
        EXPECT_EQ(scheduler->Timestep(steps), -1);
        EXPECT_EQ(scheduler->NoiseLevel(steps), 0);
        for (int step = 0; step < steps; ++step)
        {
          ASSERT_GT(scheduler->Timestep(step), scheduler->Timestep(step + 1));
          ASSERT_GT(scheduler->NoiseLevel(step), scheduler->NoiseLevel(step + 1));
        }
      }
    }
  }
}

TEST(Scheduler, HigherOrdersComeCloserToTheSolutionThanEuler)
{
  // Images of one pixel value x_0 ~ N(m, s^2): the network is known, and so is where noise leads.
  const tdl::NoiseSchedule schedule(tdl::SchedulerConfig(json::object()));
  const double mean = 0.4;
  const double deviation = 0.5;
  const auto network = [&](const at::Tensor& input, double timestep)
  {
    const double alphaBar = schedule.AlphaBar(static_cast<int>(timestep));
    const double variance = alphaBar * deviation * deviation + 1 - alphaBar;
    return std::sqrt(1 - alphaBar) / variance * (input - std::sqrt(alphaBar) * mean);
  };
  const auto error = [&](SchedulerKind kind, int steps)
  {
    const auto scheduler = Scheduler::Create(kind,
      tdl::SchedulerConfig({ { "timestep_spacing", "trailing" }, { "clip_sample", false },
        { "skip_prk_steps", true } }),
      steps);
    Scheduler::State state = scheduler->Begin(Start());
    while (state.Step < steps)
    {
      scheduler->Advance(state, network, {});
    }
    const double solution = deviation; // per unit of noise, which begins at unit variance
    return (state.Sample - (mean + solution * Start())).abs().max().item<double>();
  };
  const double euler = error(SchedulerKind::Euler, 20);
  EXPECT_LT(euler, 0.3);
  for (const auto kind : { SchedulerKind::PNDM, SchedulerKind::LMS, SchedulerKind::Heun,
         SchedulerKind::DPMSolver, SchedulerKind::UniPC })
  {
    EXPECT_LT(error(kind, 20), euler / 2) << tdl::SchedulerName(kind);
  }
}

TEST(Scheduler, NetworkInputHasUnitVariance)
{
  for (const auto kind : Diffusion)
  {
    const auto scheduler = Scheduler::Create(kind, tdl::SchedulerConfig(json::object()), 10);
    const at::Tensor noise = Start();
    const at::Tensor input = scheduler->NetworkInput(0, scheduler->Begin(noise).Sample);
    EXPECT_TRUE(at::allclose(input, noise, 0, 0.02)) << tdl::SchedulerName(kind);
  }
}

TEST(Scheduler, RefusesStepsOutOfRange)
{
  for (const int steps : { -1, 0, 1001 })
  {
    EXPECT_EQ(Message(SchedulerKind::DDIM, json::object(), steps),
      "Inference Steps is " + std::to_string(steps) +
        "; the model was trained with 1000 timesteps, so choose 1 to 1000.");
  }
  EXPECT_EQ(Message(SchedulerKind::DDIM, { { "steps_offset", 1 } }, 1000),
    "Inference Steps 1000 with the model's steps_offset 1 leaves the timesteps of the training; "
    "choose fewer steps.");
}

TEST(Scheduler, TakesTimestepsThatAreListed)
{
  const json listed{ { "timesteps", { 900, 30, 7 } } };
  for (const auto kind : { SchedulerKind::DDPM, SchedulerKind::DDIM, SchedulerKind::DPMSolver })
  {
    const auto scheduler = Scheduler::Create(kind, tdl::SchedulerConfig(listed), 3);
    EXPECT_EQ(scheduler->Timestep(0), 900);
    EXPECT_EQ(scheduler->Timestep(1), 30);
    EXPECT_EQ(scheduler->Timestep(2), 7);
    EXPECT_EQ(scheduler->Timestep(3), -1);
  }
  const std::string message = Message(SchedulerKind::DDIM, listed, 4);
  EXPECT_NE(message.find("Inference Steps is 4, but '"), std::string::npos) << message;
  EXPECT_NE(message.find("lists the timesteps of 3; choose"), std::string::npos) << message;
  for (const json& wrong :
    { json{ 1, 2, 3 }, json{ 5, 5, 1 }, json{ 1000, 5, 1 }, json{ 5, 1, -1 }, json{ "a", 1, 0 } })
  {
    const std::string refusal = Message(SchedulerKind::DDIM, { { "timesteps", wrong } }, 3);
    EXPECT_NE(refusal.find("has timesteps = " + wrong.dump()), std::string::npos) << refusal;
  }
}

TEST(Scheduler, NamesWhatItDoesNotSupport)
{
  const auto expectMention = [](
                               SchedulerKind kind, const std::string& key, const std::string& value)
  {
    const std::string message = Message(kind, { { key, value } }, 10);
    const std::string words = "has " + key + " = \"" + value + "\", which is not supported";
    EXPECT_NE(message.find(words), std::string::npos) << message;
  };
  expectMention(SchedulerKind::DDIM, "timestep_spacing", "karras");
  expectMention(SchedulerKind::DDIM, "prediction_type", "score");
  expectMention(SchedulerKind::DDPM, "variance_type", "fixed_large_log");
  const json logarithm{ { "variance_type", "fixed_large_log" } };
  EXPECT_EQ(Message(SchedulerKind::DDIM, logarithm, 10), "accepted") << "not a key of DDIM";
  EXPECT_NE(Message(SchedulerKind::DDIM,
              { { "rescale_betas_zero_snr", true }, { "timestep_spacing", "trailing" } }, 10),
    "accepted")
    << "epsilon cannot be read from pure noise";
}

TEST(Scheduler, NamesTheKeysThatItsSamplersDoNotSupport)
{
  const auto message = [](SchedulerKind kind, const std::string& key, const json& value)
  {
    const std::string text = Message(kind, { { key, value } }, 10);
    const std::string words = "has " + key + " = " + value.dump() + ", which is not supported";
    return text.find(words) != std::string::npos ? "" : key + ": " + text;
  };
  for (const auto kind :
    { SchedulerKind::PNDM, SchedulerKind::LMS, SchedulerKind::Euler, SchedulerKind::EulerAncestral,
      SchedulerKind::Heun, SchedulerKind::DPMSolver, SchedulerKind::UniPC })
  {
    EXPECT_EQ(message(kind, "timestep_spacing", "karras"), "") << tdl::SchedulerName(kind);
    EXPECT_EQ(message(kind, "steps_offset", "one"), "") << tdl::SchedulerName(kind);
  }
  EXPECT_EQ(message(SchedulerKind::PNDM, "prediction_type", "sample"), "");
  EXPECT_EQ(message(SchedulerKind::EulerAncestral, "prediction_type", "sample"), "");
  EXPECT_EQ(message(SchedulerKind::Euler, "interpolation_type", "log_linear"), "");
  EXPECT_EQ(message(SchedulerKind::Euler, "timestep_type", "continuous"), "");
  EXPECT_EQ(message(SchedulerKind::Euler, "final_sigmas_type", "one"), "");
  EXPECT_EQ(message(SchedulerKind::Heun, "beta_schedule", "exp"), "");
  EXPECT_EQ(message(SchedulerKind::LCM, "original_inference_steps", 2000), "");
  for (const auto kind : { SchedulerKind::DPMSolver, SchedulerKind::UniPC })
  {
    EXPECT_EQ(message(kind, "solver_order", 3), "");
    EXPECT_EQ(message(kind, "solver_order", 0), "");
    EXPECT_EQ(message(kind, "use_flow_sigmas", true), "");
    EXPECT_EQ(message(kind, "final_sigmas_type", "one"), "");
  }
  EXPECT_EQ(message(SchedulerKind::DPMSolver, "algorithm_type", "dpmsolver"), "");
  EXPECT_EQ(message(SchedulerKind::DPMSolver, "solver_type", "heun"), "");
  EXPECT_EQ(message(SchedulerKind::DPMSolver, "use_lu_lambdas", true), "");
  EXPECT_EQ(message(SchedulerKind::DPMSolver, "lambda_min_clipped", -5.1), "");
  EXPECT_EQ(message(SchedulerKind::UniPC, "predict_x0", false), "");
  EXPECT_EQ(message(SchedulerKind::UniPC, "solver_type", "bh1"), "");
  EXPECT_EQ(message(SchedulerKind::UniPC, "lower_order_final", false), "");
  EXPECT_EQ(message(SchedulerKind::UniPC, "solver_p", { { "a", 1 } }), "");
  EXPECT_EQ(message(SchedulerKind::LMS, "sigma_min", -1), "");
  EXPECT_EQ(message(SchedulerKind::ModelsOwn, "_class_name", "TCDScheduler"), "");
  EXPECT_EQ(
    Message(SchedulerKind::DPMSolver, { { "lambda_min_clipped", "-Infinity" } }, 10), "accepted")
    << "as ReadJsonObject gives diffusers' default";

  const json flow{ { "_class_name", "FlowMatchEulerDiscreteScheduler" } };
  const auto flowMessage = [&](const std::string& key, const json& value)
  {
    json config = flow;
    config[key] = value;
    const std::string text = Message(SchedulerKind::FlowMatchEuler, config, 10);
    const std::string words = "has " + key + " = " + value.dump() + ", which is not supported";
    return text.find(words) != std::string::npos ? "" : key + ": " + text;
  };
  EXPECT_EQ(Message(SchedulerKind::FlowMatchEuler, flow, 10), "accepted");
  EXPECT_EQ(flowMessage("shift", 0), "");
  EXPECT_EQ(flowMessage("shift_terminal", 1), "");
  EXPECT_EQ(flowMessage("use_dynamic_shifting", true), "");
  EXPECT_EQ(flowMessage("invert_sigmas", true), "");
}

TEST(Scheduler, RefusesWhatDoesNotFitTogether)
{
  const auto expectMention =
    [](SchedulerKind kind, const json& config, int steps, const std::string& words)
  {
    const std::string message = Message(kind, config, steps);
    EXPECT_NE(message.find(words), std::string::npos) << message;
  };
  const json flow{ { "_class_name", "FlowMatchEulerDiscreteScheduler" } };
  for (const auto kind : Diffusion)
  {
    expectMention(kind, flow, 10, "says was trained by flow matching; choose Flow Match Euler.");
  }
  expectMention(SchedulerKind::FlowMatchEuler, json::object(), 10,
    "does not say was trained by flow matching; choose another.");
  expectMention(SchedulerKind::Euler,
    { { "use_karras_sigmas", true }, { "use_beta_sigmas", true } }, 10,
    "asks for more than one of");
  expectMention(SchedulerKind::PNDM, json::object(), 3, "so choose at least 4.");
  expectMention(SchedulerKind::PNDM,
    { { "rescale_betas_zero_snr", true }, { "prediction_type", "v_prediction" },
      { "timestep_spacing", "trailing" } },
    10, "has rescale_betas_zero_snr = true, which is not supported");
  expectMention(SchedulerKind::LCM, json::object(), 51, "so choose 1 to 50.");
  expectMention(SchedulerKind::UniPC, { { "timestep_spacing", "leading" } }, 1000,
    "do not fall from step to step; choose fewer steps or another Scheduler.");
  expectMention(SchedulerKind::Euler,
    { { "use_karras_sigmas", true }, { "sigma_min", 3 }, { "sigma_max", 2 } }, 10,
    "do not fall from step to step");
  expectMention(SchedulerKind::FlowMatchEuler, flow, 1001, "so choose 1 to 1000.");
  expectMention(static_cast<SchedulerKind>(99), json::object(), 10,
    "Scheduler is 99, which stands for none; choose one of the list.");
}

TEST(Scheduler, RefusesALearnedVarianceThatTheNetworkLacks)
{
  const auto scheduler = Scheduler::Create(
    SchedulerKind::DDPM, tdl::SchedulerConfig({ { "variance_type", "learned_range" } }), 10);
  Scheduler::State state = scheduler->Begin(Start());
  const auto network = [](const at::Tensor& input, double) { return Output(0, input, false); };
  EXPECT_THROW(scheduler->Advance(state, network, [] { return Noise(0); }), tdl::FileError);
}
