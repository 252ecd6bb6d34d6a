// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Foundation/Testing/TemporaryFolder.h"
#include "Filters/Networks/ModelFolder.h"

#include <nlohmann/json.hpp>

#include <fstream>

namespace tdl
{
/** A scheduler_config.json of these keys, read. */
inline Configuration SchedulerConfig(const nlohmann::json& keys)
{
  const TemporaryFolder folder;
  const std::string path = (folder.Path / "scheduler_config.json").string();
  std::ofstream(path) << keys;
  return Configuration(path);
}
}
