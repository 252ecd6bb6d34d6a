// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <random>
#include <string>

namespace tdl::testing
{
/**
 * Calls `parse` with `count` damaged copies of `valid`: cut short, or with one to four bytes
 * replaced. The parsers' tests run under sanitizers, which turn a wrong access into a failure.
 */
template <typename Parse>
void ForEachMutation(const std::string& valid, int count, Parse&& parse)
{
  std::mt19937 random(20240617);
  const auto below = [&random](std::size_t bound)
  { return static_cast<std::size_t>(random()) % bound; };
  for (int i = 0; i < count; ++i)
  {
    std::string text = valid;
    if (i % 2 == 0)
    {
      text.resize(below(valid.size()));
    }
    else
    {
      for (std::size_t flips = 1 + below(4); flips > 0; --flips)
      {
        text[below(text.size())] = static_cast<char>(below(256));
      }
    }
    parse(text);
  }
}
}
