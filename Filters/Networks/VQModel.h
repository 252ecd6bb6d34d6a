// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Networks/AutoencoderBlocks.h"

namespace tdl
{
/** Shape of a VQModel: the keys of diffusers' config.json, with its defaults. */
struct VQModelConfig
{
  AutoencoderShape Shape;
  std::int64_t NumVqEmbeddings = 256;
  std::int64_t VqEmbedDim = 3; ///< Channels of a code; by default LatentChannels.
  double ScalingFactor = 0.18215;

  /** @throws FileError naming the key of a value that is not supported or not possible. */
  static VQModelConfig Read(const Configuration& file);
};

/**
 * The decoder of a vector-quantized autoencoder (diffusers' VQModel), as latent diffusion models
 * without text use it: van den Oord, Vinyals, Kavukcuoglu, "Neural Discrete Representation
 * Learning", 2017.
 */
class VQModel : public torch::nn::Module
{
public:
  explicit VQModel(const VQModelConfig& config);

  /** Opens a folder that holds config.json and diffusion_pytorch_model.safetensors, for inference;
   * the encoder's weights are left alone. */
  static std::shared_ptr<VQModel> Open(const std::string& folder);

  /**
   * Replaces every latent pixel by the nearest code and decodes one image at a time.
   * @param latents (B, VqEmbedDim, h, w) before scaling (Unscale makes them).
   * @return images, (B, OutChannels, h Factor, w Factor), about in [-1, 1].
   */
  at::Tensor Decode(const at::Tensor& latents) const;

  /** Latents of the diffusion model -> latents to decode. */
  at::Tensor Unscale(const at::Tensor& latents) const;

  const VQModelConfig& Config() const { return this->Settings; }

private:
  at::Tensor Quantize(const at::Tensor& latents) const;

  VQModelConfig Settings;
  at::Tensor Codes; ///< (NumVqEmbeddings, VqEmbedDim)
  std::shared_ptr<Conv2d> PostQuantConv;
  std::shared_ptr<AutoencoderDecoder> Decoder;
};
}
