// SPDX-License-Identifier: BSD-3-Clause
#include "Representations/TreeAxes/Core/Colors.h"

#include "Filters/Foundation/Pi.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace tdl
{
namespace
{
Color FromOklch(double lightness, double chroma, double hue)
{
  const double a = chroma * std::cos(hue);
  const double b = chroma * std::sin(hue);
  const double l = std::pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3);
  const double m = std::pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3);
  const double s = std::pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3);
  const Color linear(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s);
  return linear.cwiseMax(0.0).cwiseMin(1.0).unaryExpr(
    [](double c) { return c <= 0.0031308 ? 12.92 * c : 1.055 * std::pow(c, 1.0 / 2.4) - 0.055; });
}

double Luminance(const Color& color)
{
  const Color linear = color.unaryExpr(
    [](double c) { return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4); });
  return linear.dot(Color(0.2126, 0.7152, 0.0722));
}
}

std::vector<Color> PromptColors(const std::vector<int>& groups)
{
  constexpr double start = 250.0 * Pi / 180.0;
  constexpr double lightness[2] = { 0.64, 0.75 };
  constexpr double chroma = 0.14;
  // In steps from one prompt of a group to the next.
  constexpr double gapBetweenGroups = 2.0;

  std::map<int, std::vector<std::size_t>> members;
  for (std::size_t prompt = 0; prompt < groups.size(); ++prompt)
  {
    members[groups[prompt]].push_back(prompt);
  }
  const double gap = members.size() > 1 ? gapBetweenGroups : 0.0;
  const double step = 2.0 * Pi / (groups.size() + gap * members.size());

  std::vector<Color> colors(groups.size());
  double hue = start;
  for (const auto& [group, prompts] : members)
  {
    for (std::size_t i = 0; i < prompts.size(); ++i)
    {
      colors[prompts[i]] = FromOklch(lightness[i % 2], chroma, hue);
      hue += step;
    }
    hue += gap * step;
  }
  return colors;
}

double Contrast(const Color& a, const Color& b)
{
  const double la = Luminance(a);
  const double lb = Luminance(b);
  return (std::max(la, lb) + 0.05) / (std::min(la, lb) + 0.05);
}
}
