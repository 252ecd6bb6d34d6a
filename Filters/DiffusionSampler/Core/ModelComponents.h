// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Networks/ModelFolder.h"

#include <ATen/core/Tensor.h>

#include <string>

namespace tdl
{
/** What the components of models in diffusers' layout have in common. */

/** How networks' weights are named, those of text encoders excepted, see WeightFiles. */
constexpr char NetworkWeights[] = "diffusion_pytorch_model";

/** The one prompt of an unconditional model. */
constexpr char UnconditionalName[] = "Unconditional";

/**
 * The folder of a component, such as `unet`, by the configuration file it holds. Old models have
 * the files of their components beside model_index.json.
 * @throws FileError when there is none.
 */
std::string ComponentFolder(
  const std::string& folder, const std::string& component, const std::string& file = "config.json");

/** A model's scheduler_config.json. @throws FileError as ComponentFolder and Configuration. */
Configuration ReadSchedulerConfig(const std::string& folder);

/** A timestep as networks take it: (B) float32, for B samples. */
at::Tensor Timesteps(const at::Tensor& samples, double timestep);
}
