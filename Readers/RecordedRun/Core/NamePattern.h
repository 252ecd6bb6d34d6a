// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Readers/Manifest/Manifest.h"

#include <string>
#include <vector>

namespace tdl
{
/**
 * The run that a folder's images are, by their names.
 *
 * A pattern is a path without extension in which {group}, {prompt} (texts), {instance}, {seed},
 * {step}, {timestep} (whole numbers) and {array} (Image, ...) stand for what they are called and
 * {*} for anything: `{prompt}/{seed}/{step}`. Steps count up, timesteps down. The steps are
 * numbered from 0 on by their usual distance, so that one that is missing leaves a hole.
 *
 * Without a pattern the usual ones are tried: the last number of a name is its step, the one before
 * or in the folder's name its instance (its seed where it is called so), other folders are prompts
 * and groups.
 *
 * @param paths relative to the folder.
 * @param name how errors call the folder.
 * @throws FileError naming the file that does not follow the pattern or repeats an element.
 */
Manifest DescribeImages(
  const std::vector<std::string>& paths, const std::string& pattern, const std::string& name);
}
