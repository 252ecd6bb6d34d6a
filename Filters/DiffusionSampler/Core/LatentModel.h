// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/DiffusionSampler/Core/DiffusionModel.h"

#include <functional>
#include <optional>

namespace tdl
{
class AutoencoderKL;
class VQModel;

/** Latents as a diffusion model has them, (B, C, h, w) -> their images, (B, 3, h F, w F). */
using LatentsToImages = std::function<at::Tensor(const at::Tensor&)>;

/**
 * The affine map from a latent pixel to the color of its F x F image pixels that is closest to a
 * decoder, in the sense of least squares.
 *
 * For Stable Diffusion's autoencoder such a map is known from photographs. Here it is found from
 * the decoder itself, whichever it is: from what that makes of 16 images of 8 x 8 latent pixels,
 * noise of unit variance that is the stronger the coarser it is (amplitude 1 / sqrt(n) on a grid of
 * n x n), as latents of photographs are. A fit to white noise is far worse for them, and one to
 * photographs is useless for latents with some noise. The same decoder always gives the same map.
 */
class LinearDecoder
{
public:
  /**
   * @param channels C.
   * @param factor F.
   */
  LinearDecoder(
    const LatentsToImages& decoder, std::int64_t channels, std::int64_t factor, at::Device device);

  /** Latents (B, C, h, w) -> images (B, 3, h, w). */
  at::Tensor Decode(const at::Tensor& latents) const;

  /** The share of the decoded colors' variance that the map explains, at most 1. */
  double ExplainedVariance() const { return this->Explained; }

private:
  at::Tensor Weight; ///< (3, C, 1, 1)
  at::Tensor Bias;   ///< (3)
  double Explained;
};

/** Base of models whose samples are latents of an autoencoder. */
class LatentModel : public DiffusionModel
{
public:
  std::vector<std::int64_t> ImageShape() const override;
  at::Tensor Decode(const at::Tensor& samples, const Condition& condition) const override;
  nlohmann::json Details() const override;

protected:
  /** @param scheduler latents are not clipped unless it says so. */
  LatentModel(std::string folder, Configuration scheduler, const ModelOptions& options);

  /**
   * Opens the autoencoder of the model.
   * @param component its folder: an AutoencoderKL or a VQModel.
   * @param channels of the samples. @throws FileError when those of the latents differ.
   * @param precision in which it runs; a VQModel runs in single precision.
   */
  void OpenAutoencoder(
    const std::string& component, std::int64_t channels, at::ScalarType precision);
  void OpenVQModel(const std::string& component, std::int64_t channels);

  /** Image pixels of the autoencoder per latent pixel, in either direction. */
  std::int64_t PixelsPerLatent() const { return this->Factor; }

private:
  void UseDecoder(LatentsToImages decoder, std::int64_t channels, std::int64_t imageChannels,
    std::int64_t factor);

  LatentDecoding Decoding;
  LatentsToImages Decoder;
  std::optional<LinearDecoder> Approximation;
  std::int64_t ImageChannels = 0;
  std::int64_t Factor = 0;
};
}
