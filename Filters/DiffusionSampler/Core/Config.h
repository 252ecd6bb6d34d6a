// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Foundation/Error.h"

#include <nlohmann/json.hpp>

#include <string>

namespace tdl
{
/**
 * Value of a key of scheduler_config.json; `fallback` where it is absent or null.
 * @throws FileError when the value is of another type.
 */
template <typename T>
T SchedulerOption(const nlohmann::json& config, const std::string& key, const T& fallback)
{
  const auto value = config.find(key);
  if (value == config.end() || value->is_null())
  {
    return fallback;
  }
  try
  {
    return value->get<T>();
  }
  catch (const nlohmann::json::type_error&)
  {
    throw FileError("scheduler_config.json: " + key + " has the value " + value->dump() +
      ", which is of the wrong type; correct the file.");
  }
}

/** The error for a value of a key that this library does not know. */
inline FileError UnsupportedOption(
  const std::string& key, const std::string& value, const std::string& supported)
{
  return FileError("scheduler_config.json: " + key + " '" + value +
    "' is not supported; choose a model with one of " + supported + ".");
}
}
