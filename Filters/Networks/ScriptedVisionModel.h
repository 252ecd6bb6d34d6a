// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Networks/VisionModel.h"

#include <cstdint>
#include <memory>
#include <string>

namespace torch::jit
{
struct Module;
}

namespace tdl
{
/**
 * A network stored as TorchScript, whose forward takes preprocessed images (B, C, H, W) and gives a
 * tensor, or several as a tuple, a list or a dictionary.
 *
 * Pooled is the first tensor of shape (B, C) or (B, C, 1, 1), which in a dictionary may be under
 * "pooler_output" or "image_embeds"; patches are those of the first (B, C, H, W). Class token,
 * class scores and hidden states are not told apart.
 */
class ScriptedVisionModel : public VisionModel
{
public:
  /** @throws FileError as OpenTorchScript does. */
  ScriptedVisionModel(const std::string& path, c10::Device device);
  ~ScriptedVisionModel() override;

  /** @throws DataError when the network fails with these images or gives none of the above. */
  Output Forward(const at::Tensor& pixels, const Request& request) const override;
  std::int64_t Channels() const override { return 0; }
  std::int64_t HiddenLayers() const override { return 0; }

private:
  std::string Path;
  std::unique_ptr<torch::jit::Module> Network;
};
}
