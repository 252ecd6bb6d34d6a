// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace tdl
{
class Configuration;

/** What a network says about a noisy sample, all of the sample's shape (B, C, H, W). */
struct Prediction
{
  /** The image x_0 without noise, limited as the scheduler's configuration asks. */
  at::Tensor Image;
  /** The noise eps in the sample. It belongs to x_0 before the limit, as in diffusers. */
  at::Tensor Noise;
};

/** How a sample is mixed: Signal x_0 + Noise eps. */
struct Mixture
{
  double Signal;
  double Noise;
};

/** Which limits of the predicted image a sampler's configuration may ask for. */
struct PredictionLimits
{
  /** Whether clip_sample is on where its key is absent; none: the sampler never clips. */
  std::optional<bool> Clips;
  /** Whether thresholding is a key of the sampler. */
  bool Thresholds = false;
};

/** What a network's output is. */
enum class PredictionTarget
{
  Epsilon,
  Sample,
  Velocity,
  Flow
};

/**
 * Read from prediction_type, which is absent for models of flow matching (class
 * FlowMatchEulerDiscreteScheduler) and else "epsilon" by default.
 * @throws FileError when the value is not supported.
 */
PredictionTarget ReadPredictionTarget(const Configuration& config);

/**
 * How a network's output is read: as the noise ("epsilon"), the image ("sample"), the velocity
 * v = sqrt(ab) eps - sqrt(1 - ab) x_0 ("v_prediction"; Salimans and Ho 2022, appendix D) or the
 * flow eps - x_0 ("flow_prediction"; Lipman et al. 2023), and how far the predicted image may go:
 * clipped to a range, or by dynamic thresholding (Saharia et al. 2022, section 2.3).
 *
 * Read from the keys of a diffusers scheduler_config.json: prediction_type, clip_sample,
 * clip_sample_range, thresholding, dynamic_thresholding_ratio, sample_max_value.
 */
class PredictionType
{
public:
  /** @throws FileError when a value is of the wrong type or not supported. */
  PredictionType(const Configuration& config, const PredictionLimits& limits);

  /**
   * @param output what the network returned for `sample`, of the same shape.
   * @param mixture the sample's; Signal is positive where the output is the noise.
   */
  Prediction Read(const at::Tensor& output, const at::Tensor& sample, const Mixture& mixture) const;

  /** Whether samples that are pure noise (ab = 0) have a finite prediction. */
  bool ReadsPureNoise() const { return this->Target != PredictionTarget::Epsilon; }

private:
  at::Tensor Limited(const at::Tensor& image) const;

  PredictionTarget Target;
  bool Clip;
  double ClipRange;
  bool Threshold;
  double ThresholdRatio;
  double ThresholdMaximum;
};
}
