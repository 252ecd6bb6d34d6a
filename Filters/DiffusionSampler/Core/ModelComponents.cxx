// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/ModelComponents.h"

#include "Filters/Foundation/Error.h"

#include <ATen/ATen.h>

#include <filesystem>

namespace tdl
{
std::string ComponentFolder(
  const std::string& folder, const std::string& component, const std::string& file)
{
  const std::filesystem::path root(folder);
  for (const std::filesystem::path& place : { root / component, root })
  {
    if (std::filesystem::exists(place / file))
    {
      return place.string();
    }
  }
  throw FileError("Model folder '" + folder + "' has no " + component + "/" + file +
    "; download the whole model.");
}

Configuration ReadSchedulerConfig(const std::string& folder)
{
  const std::string file = "scheduler_config.json";
  return Configuration(ComponentFolder(folder, "scheduler", file) + "/" + file);
}

at::Tensor Timesteps(const at::Tensor& samples, double timestep)
{
  return at::full({ samples.size(0) }, timestep, samples.options());
}
}
