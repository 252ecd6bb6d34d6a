// SPDX-License-Identifier: BSD-3-Clause
//
// Samples a model and tells how long a step takes, how long the bare network, and what memory they
// take; benchmark.py runs it beside diffusers.

#include "Filters/DiffusionSampler/Core/DiffusionModel.h"
#include "Filters/DiffusionSampler/Core/DiffusionSampler.h"
#include "Filters/Foundation/ForEach.h"
#include "Filters/Foundation/Threads.h"
#include "Filters/Networks/Blas.h"
#include "Filters/Networks/Device.h"
#include "Filters/Networks/InferenceScope.h"
#include "Filters/Networks/Memory.h"

#include <ATen/ATen.h>
#include <CLI/CLI.hpp>
#include <c10/core/InferenceMode.h>
#include <nlohmann/json.hpp>
#include <torch/cuda.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace
{
double Now()
{
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(time).count();
}

// That of getrusage would be that of the program which started this one, where it was larger.
double PeakMegabytes()
{
  std::ifstream status("/proc/self/status");
  std::string word;
  double kilobytes = 0;
  while (status >> word)
  {
    if (word == "VmHWM:" && status >> kilobytes)
    {
      return kilobytes / 1024;
    }
  }
  throw std::runtime_error("/proc/self/status does not tell the peak memory; run this on Linux.");
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

// The network of a model with nothing around it.
class BareNetwork
{
public:
  // @param batch instances that go through it at once.
  BareNetwork(const tdl::DiffusionModel& model, at::Device device, const std::string& prompt,
    int batch, bool guided)
    : Model(model)
  {
    const c10::InferenceMode inference;
    std::vector<std::int64_t> shape = model.SampleShape();
    shape[0] = batch * (guided ? 2 : 1);
    this->Condition = tdl::Concatenate(std::vector<tdl::Condition>(shape[0], model.Encode(prompt)));
    this->Sample = at::randn(shape).to(device);
  }

  // Once, of one batch.
  void Run() const
  {
    const c10::InferenceMode inference;
    this->Model.Forward(this->Sample, 500.0, this->Condition, nullptr);
    if (this->Sample.is_cuda())
    {
      torch::cuda::synchronize();
    }
  }

  // Median seconds in which so many batches go through once, each on one thread.
  double Seconds(int batches, int threads, int repeats) const
  {
    const tdl::InferenceScope scope(1);
    std::vector<double> seconds;
    for (int repeat = 0; repeat < repeats; ++repeat)
    {
      const double begin = Now();
      tdl::ForEach(batches, threads, [this](int) { this->Run(); });
      seconds.push_back(Now() - begin);
    }
    return Median(seconds);
  }

private:
  const tdl::DiffusionModel& Model;
  tdl::Condition Condition;
  at::Tensor Sample;
};

int Run(int argc, char** argv)
{
  tdl::PrepareBlas();
  tdl::SamplerParameters parameters;
  parameters.InferenceSteps = 10;
  parameters.CaptureEvery = std::numeric_limits<int>::max();
  parameters.CapturePredictedImage = false;
  parameters.Decoding = tdl::LatentDecoding::LinearApproximation;
  std::string prompt;
  bool decode = false;
  CLI::App app("Samples a model and tells how long a step takes, and how long the bare network");
  app.option_defaults()->always_capture_default();
  app.add_option("folder", parameters.ModelFolder, "Folder of the model")->required();
  app.add_option("prompt", prompt, "What to sample")->required();
  app.add_option("--instances", parameters.InstancesPerPrompt, "Images, sampled together");
  app.add_option("--steps", parameters.InferenceSteps, "Steps, at least 3");
  app.add_option("--guidance", parameters.GuidanceScale, "1: without");
  app.add_option("--threads", parameters.Threads, "0 = all cores");
  app.add_option("--device", parameters.Device, "Where the model runs")
    ->transform(CLI::CheckedTransformer(std::map<std::string, tdl::DeviceKind>{
      { "cpu", tdl::DeviceKind::CPU }, { "cuda", tdl::DeviceKind::CUDA } }));
  app.add_option("--precision", parameters.Precision, "Numbers of the networks")
    ->transform(CLI::CheckedTransformer(std::map<std::string, tdl::PrecisionKind>{
      { "single", tdl::PrecisionKind::Single }, { "half", tdl::PrecisionKind::Half } }));
  app.add_flag("--decode", decode, "Capture every step, decoded by the model's autoencoder");
  CLI11_PARSE(app, argc, argv);
  if (parameters.InferenceSteps < 3)
  {
    throw std::runtime_error("The first and the last step do not count; set --steps to 3 or more.");
  }
  parameters.Prompts = { prompt };
  parameters.BatchSize = parameters.InstancesPerPrompt;
  if (decode)
  {
    parameters.CaptureEvery = 1;
    parameters.Decoding = tdl::LatentDecoding::Autoencoder;
  }

  const double before = PeakMegabytes();
  const double step = StepSeconds(parameters);
  const double peak = PeakMegabytes() - before;
  tdl::ModelOptions options;
  options.Device = tdl::ResolveDevice(parameters.Device, 0);
  options.Precision = tdl::ResolvePrecision(parameters.Precision, options.Device);
  options.Decoding = parameters.Decoding;
  const auto model = tdl::DiffusionModel::Open(parameters.ModelFolder, options);
  // As the sampler does: on the CPU each instance by itself, on a GPU all at once.
  const bool onCpu = options.Device.is_cpu();
  const int instances = parameters.InstancesPerPrompt;
  const int batches = onCpu ? instances : 1;
  const BareNetwork network(
    *model, options.Device, prompt, instances / batches, parameters.GuidanceScale != 1.0);
  const int threads = onCpu ? tdl::ResolveThreads(parameters.Threads) : 1;
  const double bare = network.Seconds(batches, threads, parameters.InferenceSteps);
  // Of as many batches as may be at work at once.
  const double activations = std::min(batches, threads) *
    static_cast<double>(tdl::PeakTensorMemory([&network] { network.Run(); }));
  std::cout << nlohmann::json({ { "step_s", step }, { "bare_s", bare }, { "peak_mb", peak },
                 { "weights_mb", model->WeightBytes() / 1048576.0 },
                 { "activations_mb", activations / 1048576.0 } })
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
