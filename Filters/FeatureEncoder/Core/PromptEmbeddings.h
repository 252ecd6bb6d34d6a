// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace tdl
{
/**
 * What the text half of a CLIP model makes of prompts, in the space of its image embeddings.
 * @param folder a whole CLIPModel's, with its tokenizer (vocab.json, merges.txt).
 * @return (prompts, C) unit vectors; undefined when the folder is of another model or has no
 *         tokenizer.
 * @throws FileError when the folder is broken, DataError when a prompt is no text.
 */
at::Tensor EmbedPrompts(
  const std::string& folder, const std::vector<std::string>& prompts, at::Device device);

/** Scales vectors (B, C) to length 1. */
at::Tensor UnitVectors(const at::Tensor& vectors);
}
