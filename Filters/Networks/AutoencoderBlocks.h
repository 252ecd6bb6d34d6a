// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tdl
{
class Configuration;
class Conv2d;
class GroupNorm;
class UNetDownBlock;
class UNetMidBlock;
class UNetUpBlock;

/** Shape of the encoder and decoder of diffusers' autoencoders: keys of config.json. */
struct AutoencoderShape
{
  std::int64_t InChannels = 3;  ///< Of the encoder's images.
  std::int64_t OutChannels = 3; ///< Of the decoder's images.
  std::int64_t LatentChannels = 4;
  std::vector<std::string> DownBlockTypes{ "DownEncoderBlock2D" };
  std::vector<std::string> UpBlockTypes{ "UpDecoderBlock2D" };
  std::vector<std::int64_t> BlockOutChannels{ 64 };
  std::int64_t LayersPerBlock = 1; ///< The decoder has one more.
  std::int64_t NormNumGroups = 32;
  bool MidBlockAddAttention = true;

  /**
   * @param latentChannels default of the class.
   * @throws FileError naming the key of a value that is not supported or not possible.
   */
  static AutoencoderShape Read(const Configuration& file, std::int64_t latentChannels);

  /** Image pixels per latent pixel in either direction. */
  std::int64_t Factor() const { return std::int64_t(1) << (this->BlockOutChannels.size() - 1); }
};

/** Images to latents: Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion
 * Models", 2022, appendix G. */
class AutoencoderEncoder : public torch::nn::Module
{
public:
  /** @param outputs channels of the result. */
  AutoencoderEncoder(const AutoencoderShape& shape, std::int64_t outputs);
  ~AutoencoderEncoder() override;
  /** (B, InChannels, H, W) -> (B, outputs, H / Factor, W / Factor), rounded down */
  at::Tensor Forward(const at::Tensor& images) const;

private:
  std::shared_ptr<Conv2d> ConvIn;
  std::vector<std::shared_ptr<UNetDownBlock>> DownBlocks;
  std::shared_ptr<UNetMidBlock> MidBlock;
  std::shared_ptr<GroupNorm> ConvNormOut;
  std::shared_ptr<Conv2d> ConvOut;
};

/** Latents to images, as AutoencoderEncoder. */
class AutoencoderDecoder : public torch::nn::Module
{
public:
  explicit AutoencoderDecoder(const AutoencoderShape& shape);
  ~AutoencoderDecoder() override;
  /** (B, LatentChannels, h, w) -> (B, OutChannels, h Factor, w Factor) */
  at::Tensor Forward(const at::Tensor& latents) const;

private:
  std::shared_ptr<Conv2d> ConvIn;
  std::shared_ptr<UNetMidBlock> MidBlock;
  std::vector<std::shared_ptr<UNetUpBlock>> UpBlocks;
  std::shared_ptr<GroupNorm> ConvNormOut;
  std::shared_ptr<Conv2d> ConvOut;
};

/**
 * Encodes or decodes a batch: on the CPU image by image, so that memory is that of one; a GPU is
 * not kept busy by one, so that it takes as many at once as have about four million pixels.
 * @param batch (B, ...)
 * @param pixels of an image, or of a tile where `process` goes by tiles.
 * @param process (b, ...) -> (b, ...)
 */
at::Tensor ProcessImages(const at::Tensor& batch, std::int64_t pixels,
  const std::function<at::Tensor(const at::Tensor&)>& process);
}
