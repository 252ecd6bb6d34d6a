// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/DiffusionSampler/Core/Prediction.h"
#include "Filters/DiffusionSampler/Core/SchedulerKind.h"

#include <functional>
#include <memory>
#include <vector>

namespace tdl
{
/**
 * Returns a network's output for noisy samples: (B, C, H, W), or (B, 2C, H, W) where the network
 * predicts the variance too.
 * @param input what the network sees, (B, C, H, W), see Scheduler::NetworkInput.
 * @param timestep that of all samples; some schedulers ask between those of the training.
 */
using NoisePredictor = std::function<at::Tensor(const at::Tensor& input, double timestep)>;

/** Returns fresh standard normal noise of the sample's shape. */
using NoiseSource = std::function<at::Tensor()>;

/**
 * Leads samples from pure noise to images in N steps, at timesteps it chooses from the noise
 * schedule. Agrees with the diffusers class of the same name, given the same scheduler_config.json,
 * network outputs and noise.
 *
 * A scheduler itself does not change: any number of batches may go through it at the same time,
 * each with a State of its own.
 */
class Scheduler
{
public:
  /**
   * @param kind ModelsOwn means the one whose class the configuration names.
   * @param config a diffusers scheduler_config.json, of whichever class; each piece reads its keys.
   * @param steps N, in [1, num_train_timesteps].
   * @throws FileError when a value of the configuration is of the wrong type or not supported,
   *         ParameterError when `steps` is out of range for this scheduler or the scheduler does
   *         not fit the model.
   */
  static std::unique_ptr<Scheduler> Create(
    SchedulerKind kind, const Configuration& config, int steps);

  virtual ~Scheduler() = default;

  /** A batch on its way. */
  struct State
  {
    /** Steps done, 0 to N. */
    int Step = 0;
    /** (B, C, H, W) after them, as the scheduler scales it. */
    at::Tensor Sample;
    /** What multistep methods keep of former steps, the latest last. */
    std::vector<at::Tensor> History;
    /** The sample of the step before, where a method corrects it in hindsight. */
    at::Tensor Former;
  };

  /** N. */
  int NumberOfSteps() const { return static_cast<int>(this->Timesteps.size()); }

  /** How often step i in [0, N) asks the network. */
  virtual int Evaluations(int step) const;

  /**
   * The timestep of the sample before step i in [0, N): what the network is told. After the last
   * step, i = N, it is -1, one below that of the faintest noise.
   */
  double Timestep(int step) const;

  /**
   * The noise level of the sample before step i in [0, N), decreasing; 0 after the last. It is the
   * ratio of noise to signal, see tdl::Sigma, for flow matching the share of noise in [0, 1].
   */
  double NoiseLevel(int step) const;

  /** The state before the first step. @param noise standard normal, (B, C, H, W). */
  State Begin(const at::Tensor& noise) const;

  /**
   * The sample before step i in [0, N], or after the last, as the network sees it. Schedulers of
   * the Euler family keep samples as x_0 + sigma eps; this scales them to unit variance.
   */
  virtual at::Tensor NetworkInput(int step, const at::Tensor& sample) const;

  /**
   * One step. Where it asks the network more than once, the first time is for the sample before the
   * step itself.
   * @param noise asked at most once.
   * @return what the network said when first asked.
   * @throws FileError when the configuration asks for a variance that the network does not predict.
   */
  Prediction Advance(State& state, const NoisePredictor& network, const NoiseSource& noise) const;

protected:
  /**
   * @param timesteps [N]
   * @param sigmas [N] noise levels.
   * @param initialNoise the standard deviation of the first sample.
   */
  Scheduler(const PredictionType& type, std::vector<double> timesteps, std::vector<double> sigmas,
    double initialNoise);

  /** Advance, without counting the step. */
  virtual Prediction Move(
    State& state, const NoisePredictor& network, const NoiseSource& noise) const = 0;

  /** The network's output for the sample before step i, less a predicted variance. */
  at::Tensor Evaluate(const NoisePredictor& network, int step, const at::Tensor& sample) const;

  PredictionType Type;

private:
  std::vector<double> Timesteps;
  std::vector<double> Sigmas;
  double InitialNoise;
};

/**
 * The scheduler that `kind` means: itself, or for ModelsOwn the one whose class the configuration
 * names.
 * @throws FileError when that class is not supported.
 */
SchedulerKind ResolveScheduler(SchedulerKind kind, const Configuration& config);
}
