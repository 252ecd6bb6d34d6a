// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <Eigen/Core>

#include <vector>

namespace tdl
{
/** sRGB, each component in [0, 1]. */
using Color = Eigen::Vector3d;

/**
 * Colors [P] that tell prompts apart and show which belong together: the prompts of a group are
 * neighbors on the circle of hues, and a gap lies between groups. All have a similar lightness, so
 * that they stand out from light and dark backgrounds, alternating a little within a group.
 * Made in OKLCh (B. Ottosson, "A perceptual color space for image processing", 2020).
 * @param groups group of each prompt [P]; any integers.
 */
std::vector<Color> PromptColors(const std::vector<int>& groups);

/** Contrast between two colors as WCAG 2 defines it, from 1 (none) to 21 (black and white). */
double Contrast(const Color& a, const Color& b);
}
