// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tdl
{
class Configuration;
class Conv2d;
class Embedding;
class GroupNorm;
class TimestepEmbedding;
class UNetDownBlock;
class UNetMidBlock;
class UNetUpBlock;

/** Shape of a UNet2DModel: the keys of diffusers' config.json, with its defaults. */
struct UNet2DConfig
{
  std::int64_t SampleSize = 0; ///< Image width and height in pixels; 0 where the file names none.
  std::int64_t InChannels = 3;
  std::int64_t OutChannels = 3;
  bool CenterInputSample = false;
  std::int64_t TimeEmbeddingDim = 0; ///< 0 = four times the first block's channels.
  double FreqShift = 0.0;
  bool FlipSinToCos = true;
  std::vector<std::string> DownBlockTypes{ "DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D",
    "AttnDownBlock2D" };
  std::vector<std::string> UpBlockTypes{ "AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D",
    "UpBlock2D" };
  std::vector<std::int64_t> BlockOutChannels{ 224, 448, 672, 896 };
  std::int64_t LayersPerBlock = 2;
  double MidBlockScaleFactor = 1.0;
  std::int64_t DownsamplePadding = 1;
  std::int64_t AttentionHeadDim = 8; ///< Width of a head; 0 = one head as wide as the block.
  std::int64_t NormNumGroups = 32;
  std::int64_t AttnNormNumGroups = 0; ///< Of the middle block's attention; 0 = NormNumGroups.
  double NormEps = 1e-5;
  bool ScaleShift = false; ///< resnet_time_scale_shift: "scale_shift" (true) or "default".
  bool AddAttention = true;
  std::int64_t NumClassEmbeds = 0; ///< 0 = not conditioned on a class.

  /** @throws FileError naming the key of a value that is not supported or not possible. */
  static UNet2DConfig Read(const Configuration& file);
};

/**
 * The denoising UNet of unconditional and class-conditional pixel diffusion models (diffusers'
 * UNet2DModel): Ho, Jain, Abbeel, "Denoising Diffusion Probabilistic Models", 2020, appendix B.
 */
class UNet2DModel : public torch::nn::Module
{
public:
  explicit UNet2DModel(const UNet2DConfig& config);
  ~UNet2DModel() override;

  /** Opens a folder that holds config.json and diffusion_pytorch_model.safetensors, for inference.
   */
  static std::shared_ptr<UNet2DModel> Open(const std::string& folder);

  /**
   * @param sample noisy images, (B, InChannels, H, W); H and W divisible by 2^(blocks - 1).
   * @param timesteps (B), the scheduler's timestep of each image.
   * @param classLabels (B) int64 in [0, NumClassEmbeds); undefined where NumClassEmbeds is 0.
   * @param activations becomes, unless null, what the middle block gives, averaged over the pixels:
   *        (B, channels of the last block).
   * @return the model's prediction, (B, OutChannels, H, W).
   */
  at::Tensor Forward(const at::Tensor& sample, const at::Tensor& timesteps,
    const at::Tensor& classLabels, at::Tensor* activations = nullptr) const;

  const UNet2DConfig& Config() const { return this->Settings; }

private:
  UNet2DConfig Settings;
  std::shared_ptr<Conv2d> ConvIn;
  std::shared_ptr<TimestepEmbedding> TimeEmbedding;
  std::shared_ptr<Embedding> ClassEmbedding;
  std::vector<std::shared_ptr<UNetDownBlock>> DownBlocks;
  std::shared_ptr<UNetMidBlock> MidBlock;
  std::vector<std::shared_ptr<UNetUpBlock>> UpBlocks;
  std::shared_ptr<GroupNorm> ConvNormOut;
  std::shared_ptr<Conv2d> ConvOut;
};
}
