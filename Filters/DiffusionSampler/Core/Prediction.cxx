// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/Prediction.h"

#include "Filters/Networks/ModelFolder.h"

#include <ATen/ATen.h>

#include <cmath>
#include <string>

namespace tdl
{
PredictionTarget ReadPredictionTarget(const Configuration& config)
{
  const bool flow = config.Get<std::string>("_class_name", "") == "FlowMatchEulerDiscreteScheduler";
  const auto type =
    config.Get<std::string>("prediction_type", flow ? "flow_prediction" : "epsilon");
  if (type == "epsilon")
  {
    return PredictionTarget::Epsilon;
  }
  if (type == "sample")
  {
    return PredictionTarget::Sample;
  }
  if (type == "v_prediction")
  {
    return PredictionTarget::Velocity;
  }
  if (type == "flow_prediction")
  {
    return PredictionTarget::Flow;
  }
  config.Refuse("prediction_type");
}

PredictionType::PredictionType(const Configuration& config, const PredictionLimits& limits)
  : Target(ReadPredictionTarget(config))
  , Clip(limits.Clips && config.Get("clip_sample", *limits.Clips))
  , ClipRange(config.Get("clip_sample_range", 1.0))
  , Threshold(limits.Thresholds && config.Get("thresholding", false))
  , ThresholdRatio(config.Get("dynamic_thresholding_ratio", 0.995))
  , ThresholdMaximum(config.Get("sample_max_value", 1.0))
{
  if (this->Clip && !(this->ClipRange > 0))
  {
    config.Refuse("clip_sample_range");
  }
  if (this->Threshold && !(this->ThresholdRatio >= 0 && this->ThresholdRatio <= 1))
  {
    config.Refuse("dynamic_thresholding_ratio");
  }
  if (this->Threshold && !(this->ThresholdMaximum > 0))
  {
    config.Refuse("sample_max_value");
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
  const at::Tensor& output, const at::Tensor& sample, const Mixture& mixture) const
{
  const auto [signal, noise] = mixture;
  switch (this->Target)
  {
    case PredictionTarget::Epsilon:
      return { this->Limited((sample - noise * output) / signal), output };
    case PredictionTarget::Sample:
      return { this->Limited(output), (sample - signal * output) / noise };
    case PredictionTarget::Velocity:
    {
      // The velocity is that of the sample scaled to unit variance.
      const double scale = std::hypot(signal, noise);
      const at::Tensor unit = sample / scale;
      return { this->Limited((signal / scale) * unit - (noise / scale) * output),
        (signal / scale) * output + (noise / scale) * unit };
    }
    default:
    {
      const double sum = signal + noise;
      return { this->Limited((sample - noise * output) / sum), (sample + signal * output) / sum };
    }
  }
}
}
