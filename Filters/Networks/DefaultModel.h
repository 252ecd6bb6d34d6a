// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>

namespace tdl
{
/**
 * Folder of a model that comes with this software, `../share/tree-of-diffusion-life/models/<name>`
 * seen from the library that calls: the same in the build and in the install tree.
 */
std::string DefaultModelFolder(const std::string& name);
}
