// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace tdl
{
class Configuration;

/** As the functions of InPlace.h, it takes the memory of its argument where it can. */
using Activation = at::Tensor (*)(at::Tensor);

/** The activation function that transformers calls `name`; null where none of ours bears it. */
Activation FindActivation(const std::string& name);

/**
 * The name of an activation function at `key` of a configuration.
 * @throws FileError naming the key when there is no such function.
 */
std::string ReadActivation(
  const Configuration& file, const std::string& key, const std::string& fallback);
}
