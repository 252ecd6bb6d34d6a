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

/**
 * Shape of a UNet2DConditionModel: the keys of diffusers' config.json, with its defaults. What the
 * file may give as one number for all blocks has one element per block here.
 */
struct UNet2DConditionConfig
{
  std::int64_t SampleHeight = 0; ///< In latent pixels; 0 where the file names none.
  std::int64_t SampleWidth = 0;
  std::int64_t InChannels = 4;
  std::int64_t OutChannels = 4;
  bool CenterInputSample = false;
  std::int64_t TimeEmbeddingDim = 0; ///< 0 = four times the first block's channels.
  double FreqShift = 0.0;
  bool FlipSinToCos = true;
  std::vector<std::string> DownBlockTypes{ "CrossAttnDownBlock2D", "CrossAttnDownBlock2D",
    "CrossAttnDownBlock2D", "DownBlock2D" };
  bool HasMidBlock = true; ///< mid_block_type: "UNetMidBlock2DCrossAttn" (true) or null.
  std::vector<std::string> UpBlockTypes{ "UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D",
    "CrossAttnUpBlock2D" };
  std::vector<std::int64_t> BlockOutChannels{ 320, 640, 1280, 1280 };
  std::vector<std::int64_t> LayersPerBlock;            ///< Default 2.
  std::vector<std::int64_t> TransformerLayersPerBlock; ///< Default 1.
  /** attention_head_dim, which is, its name notwithstanding, the number of heads; default 8. */
  std::vector<std::int64_t> AttentionHeads;
  std::vector<bool> OnlyCrossAttention;  ///< Default false.
  std::int64_t CrossAttentionDim = 1280; ///< Channels of the context.
  std::int64_t DownsamplePadding = 1;
  double MidBlockScaleFactor = 1.0;
  std::int64_t NormNumGroups = 32;
  double NormEps = 1e-5;
  bool ScaleShift = false; ///< resnet_time_scale_shift: "scale_shift" (true) or "default".
  bool UseLinearProjection = false;
  std::int64_t NumClassEmbeds = 0; ///< 0 = not conditioned on a class.
  /** addition_time_embed_dim where addition_embed_type is "text_time" (SDXL), otherwise 0. */
  std::int64_t AdditionTimeEmbedDim = 0;
  std::int64_t AdditionInputDim = 0; ///< projection_class_embeddings_input_dim of "text_time".
  std::int64_t TimeCondProjDim = 0;  ///< Width of the guidance embedding (LCM); 0 = none.
  std::int64_t ConvInKernel = 3;
  std::int64_t ConvOutKernel = 3;

  /** @throws FileError naming the key of a value that is not supported or not possible. */
  static UNet2DConditionConfig Read(const Configuration& file);
};

/** What a UNet2DConditionModel is conditioned on; B is the batch. */
struct UNet2DConditions
{
  at::Tensor Context;     ///< (B, tokens, CrossAttentionDim), the text encoder's hidden states.
  at::Tensor ClassLabels; ///< (B) int64 in [0, NumClassEmbeds); unused where that is 0.
  at::Tensor PooledText;  ///< (B, channels), the pooled text embedding; for "text_time".
  /** (B, 6), height and width of the original, top and left of the crop, height and width of the
   * target, in pixels; for "text_time". */
  at::Tensor TimeIds;
  /**
   * (B, TimeCondProjDim), EmbedTimesteps(1000 (guidance scale - 1), TimeCondProjDim, false, 1) of
   * latent consistency models; undefined = none.
   */
  at::Tensor Guidance;
};

/**
 * The denoising UNet of text-conditioned latent diffusion models (diffusers' UNet2DConditionModel;
 * Stable Diffusion 1, 2 and XL): Rombach, Blattmann, Lorenz, Esser, Ommer, "High-Resolution Image
 * Synthesis with Latent Diffusion Models", 2022; for XL Podell et al., "SDXL", 2023.
 */
class UNet2DConditionModel : public torch::nn::Module
{
public:
  explicit UNet2DConditionModel(const UNet2DConditionConfig& config);
  ~UNet2DConditionModel() override;

  /** Opens a folder that holds config.json and diffusion_pytorch_model.safetensors, for inference.
   */
  static std::shared_ptr<UNet2DConditionModel> Open(const std::string& folder);

  /**
   * @param sample noisy latents, (B, InChannels, H, W) of any size.
   * @param timesteps (B), the scheduler's timestep of each image.
   * @param activations becomes, unless null, what the middle block gives (without one, what the
   * last block on the way down gives), averaged over the pixels: (B, channels of the last block).
   * @return the model's prediction, (B, OutChannels, H, W).
   * @throws DataError when a condition the model needs is missing or has another shape.
   */
  at::Tensor Forward(const at::Tensor& sample, const at::Tensor& timesteps,
    const UNet2DConditions& conditions, at::Tensor* activations = nullptr) const;

  const UNet2DConditionConfig& Config() const { return this->Settings; }

private:
  at::Tensor EmbedTime(const at::Tensor& sample, const at::Tensor& timesteps,
    const UNet2DConditions& conditions) const;

  UNet2DConditionConfig Settings;
  std::shared_ptr<Conv2d> ConvIn;
  std::shared_ptr<TimestepEmbedding> TimeEmbedding;
  std::shared_ptr<Embedding> ClassEmbedding;
  std::shared_ptr<TimestepEmbedding> AddEmbedding;
  std::vector<std::shared_ptr<UNetDownBlock>> DownBlocks;
  std::shared_ptr<UNetMidBlock> MidBlock;
  std::vector<std::shared_ptr<UNetUpBlock>> UpBlocks;
  std::shared_ptr<GroupNorm> ConvNormOut;
  std::shared_ptr<Conv2d> ConvOut;
};
}
