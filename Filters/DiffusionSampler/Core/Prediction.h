// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/core/Tensor.h>

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

/**
 * How a network's output is read: as the noise ("epsilon"), the image ("sample") or the velocity
 * v = sqrt(ab) eps - sqrt(1 - ab) x_0 ("v_prediction"; Salimans and Ho 2022, appendix D), and how
 * far the predicted image may go: clipped to a range, or by dynamic thresholding (Saharia et al.
 * 2022, section 2.3).
 *
 * Read from the keys of a diffusers scheduler_config.json: prediction_type, clip_sample,
 * clip_sample_range, thresholding, dynamic_thresholding_ratio, sample_max_value.
 */
class PredictionType
{
public:
  /** @throws FileError when a value is of the wrong type or not supported. */
  explicit PredictionType(const Configuration& config);

  /**
   * @param output what the network returned for `sample`, of the same shape.
   * @param alphaBar the sample's ab, see NoiseSchedule; positive unless the output is the velocity.
   */
  Prediction Read(const at::Tensor& output, const at::Tensor& sample, double alphaBar) const;

  /** Whether samples that are pure noise (ab = 0) have a finite prediction. */
  bool ReadsPureNoise() const { return this->Target != Kind::Epsilon; }

private:
  at::Tensor Limited(const at::Tensor& image) const;

  enum class Kind
  {
    Epsilon,
    Sample,
    Velocity
  };
  Kind Target;
  bool Clip;
  double ClipRange;
  bool Threshold;
  double ThresholdRatio;
  double ThresholdMaximum;
};
}
