// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/Scheduler.h"

#include "Filters/DiffusionSampler/Core/Schedulers.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Networks/ModelFolder.h"

#include <ATen/ATen.h>

#include <cmath>
#include <string>

namespace tdl
{
namespace
{
struct Entry
{
  SchedulerKind Kind;
  const char* Name;
  const char* Class; ///< of diffusers
  std::unique_ptr<Scheduler> (*Make)(const Configuration&, int);
};

constexpr Entry Entries[] = { { SchedulerKind::DDPM, "DDPM", "DDPMScheduler", MakeDDPM },
  { SchedulerKind::DDIM, "DDIM", "DDIMScheduler", MakeDDIM },
  { SchedulerKind::PNDM, "PNDM", "PNDMScheduler", MakePNDM },
  { SchedulerKind::LMS, "LMS", "LMSDiscreteScheduler", MakeLMS },
  { SchedulerKind::Euler, "Euler", "EulerDiscreteScheduler", MakeEuler },
  { SchedulerKind::EulerAncestral, "Euler Ancestral", "EulerAncestralDiscreteScheduler",
    MakeEulerAncestral },
  { SchedulerKind::Heun, "Heun", "HeunDiscreteScheduler", MakeHeun },
  { SchedulerKind::DPMSolver, "DPM-Solver++", "DPMSolverMultistepScheduler", MakeDPMSolver },
  { SchedulerKind::UniPC, "UniPC", "UniPCMultistepScheduler", MakeUniPC },
  { SchedulerKind::LCM, "LCM", "LCMScheduler", MakeLCM },
  { SchedulerKind::FlowMatchEuler, "Flow Match Euler", "FlowMatchEulerDiscreteScheduler",
    MakeFlowMatchEuler } };

const Entry& Find(SchedulerKind kind)
{
  for (const Entry& entry : Entries)
  {
    if (entry.Kind == kind)
    {
      return entry;
    }
  }
  throw ParameterError("Scheduler is " + std::to_string(static_cast<int>(kind)) +
    ", which stands for none; choose one of the list.");
}

std::vector<double> NoiseLevels(const NoiseSchedule& schedule, const std::vector<double>& timesteps)
{
  std::vector<double> sigmas;
  sigmas.reserve(timesteps.size());
  for (const double timestep : timesteps)
  {
    sigmas.push_back(Sigma(schedule.AlphaBar(static_cast<int>(timestep))));
  }
  return sigmas;
}
}

const char* SchedulerName(SchedulerKind kind)
{
  return kind == SchedulerKind::ModelsOwn ? "Model's Own" : Find(kind).Name;
}

SchedulerKind ResolveScheduler(SchedulerKind kind, const Configuration& config)
{
  if (kind != SchedulerKind::ModelsOwn)
  {
    return kind;
  }
  const auto name = config.Get<std::string>("_class_name", "");
  for (const Entry& entry : Entries)
  {
    if (name == entry.Class)
    {
      return entry.Kind;
    }
  }
  config.Refuse("_class_name");
}

std::unique_ptr<Scheduler> Scheduler::Create(
  SchedulerKind kind, const Configuration& config, int steps)
{
  const Entry& entry = Find(ResolveScheduler(kind, config));
  const bool flow = ReadPredictionTarget(config) == PredictionTarget::Flow;
  if (flow != (entry.Kind == SchedulerKind::FlowMatchEuler))
  {
    throw ParameterError("Scheduler " + std::string(entry.Name) +
      " does not fit the model, which '" + config.Path() +
      (flow ? "' says was" : "' does not say was") + " trained by flow matching; choose " +
      (flow ? SchedulerName(SchedulerKind::FlowMatchEuler) : "another") + ".");
  }
  return entry.Make(config, steps);
}

Scheduler::Scheduler(const PredictionType& type, std::vector<double> timesteps,
  std::vector<double> sigmas, double initialNoise)
  : Type(type)
  , Timesteps(std::move(timesteps))
  , Sigmas(std::move(sigmas))
  , InitialNoise(initialNoise)
{
}

int Scheduler::Evaluations(int) const
{
  return 1;
}

double Scheduler::Timestep(int step) const
{
  return step < this->NumberOfSteps() ? this->Timesteps.at(step) : -1;
}

double Scheduler::NoiseLevel(int step) const
{
  return step < this->NumberOfSteps() ? this->Sigmas.at(step) : 0.0;
}

Scheduler::State Scheduler::Begin(const at::Tensor& noise) const
{
  State state;
  state.Sample = this->InitialNoise == 1 ? noise : noise * this->InitialNoise;
  return state;
}

at::Tensor Scheduler::NetworkInput(int, const at::Tensor& sample) const
{
  return sample;
}

Prediction Scheduler::Advance(
  State& state, const NoisePredictor& network, const NoiseSource& noise) const
{
  Prediction predicted = this->Move(state, network, noise);
  ++state.Step;
  return predicted;
}

at::Tensor Scheduler::Evaluate(
  const NoisePredictor& network, int step, const at::Tensor& sample) const
{
  return network(this->NetworkInput(step, sample), this->Timestep(step))
    .narrow(1, 0, sample.size(1));
}

AlphaBarScheduler::AlphaBarScheduler(const Configuration& config, const NoiseSchedule& schedule,
  const PredictionLimits& limits, const std::vector<double>& timesteps)
  : Scheduler(PredictionType(config, limits), timesteps, NoiseLevels(schedule, timesteps), 1)
  , Schedule(schedule)
{
  if (this->AlphaBar(0) <= 0 && !this->Type.ReadsPureNoise())
  {
    throw FileError("'" + config.Path() +
      "' has rescale_betas_zero_snr, which starts from pure noise, with prediction_type epsilon, "
      "which shows no image there; set v_prediction or sample.");
  }
}

double AlphaBarScheduler::AlphaBar(int step) const
{
  return this->Schedule.AlphaBar(static_cast<int>(this->Timestep(step)));
}

Mixture AlphaBarScheduler::MixtureAt(int step) const
{
  return MixtureOf(this->AlphaBar(step));
}

Mixture MixtureOf(double alphaBar)
{
  return { std::sqrt(alphaBar), std::sqrt(1 - alphaBar) };
}
}
