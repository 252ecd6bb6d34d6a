// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Foundation/Configuration.h"

#include <string>
#include <vector>

namespace torch::nn
{
class Module;
}

namespace tdl
{
/**
 * Fills a network's parameters and buffers from the folder's weights `stem` (one file, shards or a
 * variant: see WeightFiles), converted to the network's types. What has these types already stays
 * memory-mapped: it takes no memory of its own until it is written to. Tensor names are matched as
 * they are; a name in the file may carry `prefix`, with which some checkpoints nest the bare
 * network. Tensors whose names begin with one of `ignored` may be left over. An attention layer may
 * have the names it had in early versions of diffusers (query, key, value, proj_attn), its weights
 * then as of a 1x1 convolution, too.
 * @throws FileError when the file is missing or broken, or when tensors are missing, left over or
 * of another shape; the message counts them and names the first few.
 */
void LoadWeights(torch::nn::Module& network, const std::string& folder, const std::string& stem,
  const std::string& prefix = "", const std::vector<std::string>& ignored = {});
}
