// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/DiffusionSampler/Core/NoiseSchedule.h"
#include "Filters/DiffusionSampler/Core/Prediction.h"
#include "Filters/DiffusionSampler/Core/SchedulerKind.h"

#include <functional>
#include <memory>
#include <vector>

namespace tdl
{
/** Returns fresh standard normal noise of the sample's shape. */
using NoiseSource = std::function<at::Tensor()>;

/**
 * Walks a sample from pure noise to an image in N steps, at timesteps it chooses from the noise
 * schedule. Agrees with the diffusers class of the same name, given the same scheduler_config.json,
 * network outputs and noise.
 */
class Scheduler
{
public:
  /**
   * @param config a diffusers scheduler_config.json, of whichever class; each piece reads its keys.
   * @param steps N, in [1, num_train_timesteps].
   * @throws FileError when a value of the configuration is of the wrong type or not supported,
   *         ParameterError when `steps` is out of range.
   */
  static std::unique_ptr<Scheduler> Create(
    SchedulerKind kind, const Configuration& config, int steps);

  virtual ~Scheduler() = default;

  /** N. */
  int NumberOfSteps() const { return static_cast<int>(this->Timesteps.size()); }

  /**
   * The timestep of the sample before step i in [0, N): what the network is told. After the last
   * step, i = N, it is -1, one below that of the faintest noise.
   */
  int Timestep(int step) const;

  /** The noise level of the sample before step i in [0, N), see tdl::Sigma; 0 after the last. */
  double NoiseLevel(int step) const;

  struct Advanced
  {
    at::Tensor Sample;
    Prediction Predicted;
  };

  /**
   * One step.
   * @param step i in [0, N).
   * @param sample the sample before the step, (B, C, H, W).
   * @param output the network's output for it, (B, C, H, W), or (B, 2C, H, W) where the network
   *        predicts the variance too.
   * @param noise asked at most once.
   */
  virtual Advanced Advance(int step, const at::Tensor& sample, const at::Tensor& output,
    const NoiseSource& noise) const = 0;

protected:
  Scheduler(const Configuration& config, int steps);

  NoiseSchedule Schedule;
  PredictionType Type;
  std::vector<int> Timesteps;
};
}
