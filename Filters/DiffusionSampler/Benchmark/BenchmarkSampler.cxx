// SPDX-License-Identifier: BSD-3-Clause
//
// Samples a model and tells how long a step takes, and how long the bare network; benchmark.py runs
// it beside diffusers.

#include "Filters/DiffusionSampler/Core/DiffusionModel.h"
#include "Filters/DiffusionSampler/Core/DiffusionSampler.h"
#include "Filters/Foundation/ForEach.h"
#include "Filters/Foundation/Threads.h"
#include "Filters/Networks/InferenceScope.h"
#include "Filters/Networks/Memory.h"

#include <ATen/ATen.h>
#include <CLI/CLI.hpp>
#include <c10/core/InferenceMode.h>
#include <nlohmann/json.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

namespace
{
double Now()
{
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(time).count();
}

double PeakMegabytes()
{
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024.0;
}

double Median(std::vector<double> values)
{
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Median seconds of a step, with the first and the last, which does more than step, left out.
double StepSeconds(const tdl::SamplerParameters& parameters)
{
  std::vector<double> ticks;
  tdl::SampleImages(parameters, {},
    [&ticks](const tdl::Progress&)
    {
      ticks.push_back(Now());
      return true;
    });
  std::vector<double> steps;
  for (std::size_t tick = 1; tick + 1 < ticks.size(); ++tick)
  {
    steps.push_back(ticks[tick] - ticks[tick - 1]);
  }
  return Median(steps);
}

// Median seconds in which every instance went through the network once, each on one thread.
double BareSeconds(const tdl::DiffusionModel& model, const std::string& prompt, bool guided,
  int instances, int threads, int repeats)
{
  const tdl::InferenceScope scope(1);
  tdl::Condition condition = model.Encode(prompt);
  if (guided)
  {
    condition = tdl::Concatenate({ condition, condition });
  }
  std::vector<std::int64_t> shape = model.SampleShape();
  shape[0] = guided ? 2 : 1;
  const at::Tensor sample = at::randn(shape);
  std::vector<double> seconds;
  for (int repeat = 0; repeat < repeats; ++repeat)
  {
    const double begin = Now();
    tdl::ForEach(instances, threads,
      [&](int)
      {
        const c10::InferenceMode inference;
        model.Forward(sample, 500.0, condition, nullptr);
      });
    seconds.push_back(Now() - begin);
  }
  return Median(seconds);
}

int Run(int argc, char** argv)
{
  tdl::SamplerParameters parameters;
  parameters.InferenceSteps = 10;
  parameters.CaptureEvery = std::numeric_limits<int>::max();
  parameters.CapturePredictedImage = false;
  parameters.Decoding = tdl::LatentDecoding::LinearApproximation;
  std::string prompt;
  CLI::App app("Samples a model and tells how long a step takes, and how long the bare network");
  app.option_defaults()->always_capture_default();
  app.add_option("folder", parameters.ModelFolder, "Folder of the model")->required();
  app.add_option("prompt", prompt, "What to sample")->required();
  app.add_option("--instances", parameters.InstancesPerPrompt, "Images, sampled together");
  app.add_option("--steps", parameters.InferenceSteps, "Steps, at least 3");
  app.add_option("--guidance", parameters.GuidanceScale, "1: without");
  app.add_option("--threads", parameters.Threads, "0 = all cores");
  CLI11_PARSE(app, argc, argv);
  if (parameters.InferenceSteps < 3)
  {
    throw std::runtime_error("The first and the last step do not count; set --steps to 3 or more.");
  }
  parameters.Prompts = { prompt };
  parameters.BatchSize = parameters.InstancesPerPrompt;

  const double step = StepSeconds(parameters);
  const double peak = PeakMegabytes();
  tdl::ModelOptions options;
  options.Decoding = parameters.Decoding;
  const auto model = tdl::DiffusionModel::Open(parameters.ModelFolder, options);
  const double bare =
    BareSeconds(*model, prompt, parameters.GuidanceScale != 1.0, parameters.InstancesPerPrompt,
      tdl::ResolveThreads(parameters.Threads), parameters.InferenceSteps);
  std::cout << nlohmann::json({ { "step_s", step }, { "bare_s", bare }, { "peak_mb", peak },
                 { "weights_mb", model->WeightBytes() / 1048576.0 } })
            << "\n";
  return 0;
}
}

int main(int argc, char** argv)
{
  try
  {
    return Run(argc, argv);
  }
  catch (const std::exception& error)
  {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
