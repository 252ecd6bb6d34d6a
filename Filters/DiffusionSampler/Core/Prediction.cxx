// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/Prediction.h"

#include "Filters/Networks/ModelFolder.h"

#include <ATen/ATen.h>

#include <cmath>
#include <string>

namespace tdl
{
PredictionType::PredictionType(const Configuration& config)
  : Clip(config.Get("clip_sample", true))
  , ClipRange(config.Get("clip_sample_range", 1.0))
  , Threshold(config.Get("thresholding", false))
  , ThresholdRatio(config.Get("dynamic_thresholding_ratio", 0.995))
  , ThresholdMaximum(config.Get("sample_max_value", 1.0))
{
  const auto type = config.Get<std::string>("prediction_type", "epsilon");
  if (type == "epsilon")
  {
    this->Target = Kind::Epsilon;
  }
  else if (type == "sample")
  {
    this->Target = Kind::Sample;
  }
  else if (type == "v_prediction")
  {
    this->Target = Kind::Velocity;
  }
  else
  {
    config.Refuse("prediction_type");
  }
}

at::Tensor PredictionType::Limited(const at::Tensor& image) const
{
  if (this->Threshold)
  {
    const at::Tensor magnitude = image.flatten(1).abs();
    const at::Tensor bound = at::quantile(magnitude, this->ThresholdRatio, 1)
                               .clamp(1.0, this->ThresholdMaximum)
                               .view({ -1, 1, 1, 1 });
    return image.clamp(-bound, bound) / bound;
  }
  return this->Clip ? image.clamp(-this->ClipRange, this->ClipRange) : image;
}

Prediction PredictionType::Read(
  const at::Tensor& output, const at::Tensor& sample, double alphaBar) const
{
  const double signal = std::sqrt(alphaBar);
  const double noise = std::sqrt(1 - alphaBar);
  switch (this->Target)
  {
    case Kind::Epsilon:
      return { this->Limited((sample - noise * output) / signal), output };
    case Kind::Sample:
      return { this->Limited(output), (sample - signal * output) / noise };
    default:
      return { this->Limited(signal * sample - noise * output), signal * output + noise * sample };
  }
}
}
