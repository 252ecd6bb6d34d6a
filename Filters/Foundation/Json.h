// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Foundation/Error.h"

#include <nlohmann/json.hpp>

#include <string>

namespace tdl
{
/**
 * Levels that a JSON text of a user may nest: far more than any needs, and far from the end of the
 * stack when a value is copied or written, which goes down level by level.
 */
constexpr int MaximumJsonDepth = 64;

/**
 * Parses a JSON text.
 * @param name how errors call the text.
 * @param remedy ends the error where it nests too deep: "flatten its provenance".
 * @throws FileError where it nests deeper than MaximumJsonDepth, nlohmann::json::exception where it
 * is not valid.
 */
template <typename Json>
Json ParseShallowJson(const std::string& text, const std::string& name, const std::string& remedy)
{
  return Json::parse(text,
    [&](int depth, typename Json::parse_event_t, Json&)
    {
      if (depth > MaximumJsonDepth)
      {
        throw FileError(name + " nests deeper than " + std::to_string(MaximumJsonDepth) +
          " levels; " + remedy + ".");
      }
      return true;
    });
}
}
