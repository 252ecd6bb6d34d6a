// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Networks/AutoencoderBlocks.h"

namespace tdl
{
/** Shape of an AutoencoderKL: the keys of diffusers' config.json, with its defaults. */
struct AutoencoderKLConfig
{
  AutoencoderShape Shape;
  std::int64_t SampleSize = 32; ///< Width and height of a tile in image pixels.
  double ScalingFactor = 0.18215;
  double ShiftFactor = 0.0;
  std::vector<double> LatentsMean; ///< One per latent channel; empty where the file has none.
  std::vector<double> LatentsStd;  ///< As LatentsMean.
  bool ForceUpcast = true;         ///< The network overflows in float16 and is to run in float32.
  bool UseQuantConv = true;
  bool UsePostQuantConv = true;

  /** @throws FileError naming the key of a value that is not supported or not possible. */
  static AutoencoderKLConfig Read(const Configuration& file);
};

/** A normal distribution per latent value. */
struct LatentDistribution
{
  at::Tensor Mean;        ///< (B, LatentChannels, h, w)
  at::Tensor LogVariance; ///< The same shape; in [-30, 20].
};

/**
 * The variational autoencoder of latent diffusion models (diffusers' AutoencoderKL): Rombach et
 * al., "High-Resolution Image Synthesis with Latent Diffusion Models", 2022.
 *
 * It takes one image at a time, so that memory does not grow with the batch. Tiles bound it for
 * large images, too: where an image is larger than SampleSize and tiles are asked for, overlapping
 * tiles are processed alone and blended linearly, as with diffusers' enable_tiling.
 */
class AutoencoderKL : public torch::nn::Module
{
public:
  explicit AutoencoderKL(const AutoencoderKLConfig& config);

  /** Opens a folder that holds config.json and diffusion_pytorch_model.safetensors, for inference.
   */
  static std::shared_ptr<AutoencoderKL> Open(const std::string& folder);

  /**
   * @param images (B, InChannels, H, W) in [-1, 1].
   * @param tiled whether large images are encoded in tiles.
   * @return the latents' distribution before scaling, h = H / Factor, w = W / Factor.
   * @throws ParameterError when tiles are asked for and SampleSize is too small for any.
   */
  LatentDistribution Encode(const at::Tensor& images, bool tiled) const;

  /**
   * @param latents (B, LatentChannels, h, w) before scaling (Unscale makes them).
   * @param tiled whether large images are decoded in tiles.
   * @return images, (B, OutChannels, h Factor, w Factor), about in [-1, 1].
   * @throws ParameterError as Encode.
   */
  at::Tensor Decode(const at::Tensor& latents, bool tiled) const;

  /** Latents as encoded -> latents as the diffusion model has them. */
  at::Tensor Scale(const at::Tensor& latents) const;

  /** Latents of the diffusion model -> latents to decode. */
  at::Tensor Unscale(const at::Tensor& latents) const;

  const AutoencoderKLConfig& Config() const { return this->Settings; }

private:
  void CheckTiles() const;

  AutoencoderKLConfig Settings;
  std::shared_ptr<AutoencoderEncoder> Encoder;
  std::shared_ptr<AutoencoderDecoder> Decoder;
  std::shared_ptr<Conv2d> QuantConv;     ///< Absent where the configuration has none.
  std::shared_ptr<Conv2d> PostQuantConv; ///< Absent where the configuration has none.
};
}
