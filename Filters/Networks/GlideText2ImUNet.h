// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tdl
{
class Configuration;
class Conv2d;
class Embedding;
class GlideStage;
class GlideTextLayer;
class GroupNorm;
class LayerNorm;
class Linear;

/**
 * Shape of a GlideText2ImUNet. Its config.json, which Examples/convert_glide.py writes, has
 * _class_name "GlideText2ImUNet" and the keys below, named as the parameters of the published
 * implementation; the defaults are those of the published base model.
 */
struct GlideText2ImConfig
{
  std::int64_t SampleSize = 64;     ///< sample_size: width and height of the images.
  std::int64_t InChannels = 3;      ///< in_channels: of the images.
  std::int64_t OutChannels = 6;     ///< out_channels: the predicted noise and variance.
  bool SuperRes = false;            ///< super_res: an upsampler, which sees a smaller image too.
  std::int64_t ModelChannels = 192; ///< model_channels
  std::vector<std::int64_t> ChannelMult{ 1, 2, 3, 4 };      ///< channel_mult: per level.
  std::int64_t NumResBlocks = 3;                            ///< num_res_blocks: per level.
  std::vector<std::int64_t> AttentionDownsample{ 2, 4, 8 }; ///< attention_downsample: the levels
                                                            ///< that attend, as 2^level.
  std::int64_t NumHeadChannels = 64;                        ///< num_head_channels: width of a head.
  std::int64_t VocabSize = 50257;                           ///< n_vocab
  std::int64_t TextContext = 128;                           ///< text_ctx: tokens of a text.
  std::int64_t TextWidth = 512;                             ///< xf_width: channels of a token.
  std::int64_t TextLayers = 16;                             ///< xf_layers
  std::int64_t TextHeads = 8;                               ///< xf_heads

  /** @throws FileError naming the key of a value that is not supported or not possible. */
  static GlideText2ImConfig Read(const Configuration& file);

  /** Whether the pixels of a level attend. */
  bool Attends(std::size_t level) const;

  /** Channels of the last level and the middle stage. */
  std::int64_t MiddleChannels() const { return this->ModelChannels * this->ChannelMult.back(); }
};

/**
 * The denoising networks of GLIDE, for images and for enlarging them: a UNet whose pixels attend to
 * a text, which a transformer of its own encodes. Nichol et al., "GLIDE: Towards Photorealistic
 * Image Generation and Editing with Text-Guided Diffusion Models", 2022; the names of the weights
 * are those of the published checkpoints.
 */
class GlideText2ImUNet : public torch::nn::Module
{
public:
  /** What the transformer makes of B texts; W is TextWidth, T is TextContext. */
  struct Text
  {
    at::Tensor Summary; ///< (B, 4 ModelChannels), added to the time embedding.
    at::Tensor Tokens;  ///< (B, W, T), what pixels attend to.
  };

  explicit GlideText2ImUNet(const GlideText2ImConfig& config);
  ~GlideText2ImUNet() override;

  /** Opens a folder that holds config.json and diffusion_pytorch_model.safetensors, for inference.
   */
  static std::shared_ptr<GlideText2ImUNet> Open(const std::string& folder);

  /**
   * @param ids (B, T) int64 in [0, VocabSize).
   * @param mask (B, T) bool, false where an id is padding.
   * @throws DataError when the shapes are others or an id is out of range.
   */
  Text EncodeText(const at::Tensor& ids, const at::Tensor& mask) const;

  /**
   * @param sample noisy images, (B, InChannels, H, W); sides divisible by 2^(levels - 1).
   * @param timesteps (B), those of the training, from 0.
   * @param text of each image.
   * @param smaller the images to enlarge, (B, InChannels, h, w), for an upsampler only.
   * @param activations becomes, unless null, what the middle stage gives, averaged over the pixels:
   *        (B, MiddleChannels).
   * @return (B, OutChannels, H, W): the noise, then the share of the variance's logarithm between
   * its bounds, in [-1, 1].
   * @throws DataError when the shapes are others.
   */
  at::Tensor Forward(const at::Tensor& sample, const at::Tensor& timesteps, const Text& text,
    const at::Tensor& smaller = {}, at::Tensor* activations = nullptr) const;

  const GlideText2ImConfig& Config() const { return this->Settings; }

private:
  void CheckInput(const at::Tensor& sample, const Text& text, const at::Tensor& smaller) const;

  GlideText2ImConfig Settings;
  std::shared_ptr<Embedding> TokenEmbedding;
  at::Tensor PositionEmbedding; ///< (T, W)
  at::Tensor PaddingEmbedding;  ///< (T, W)
  std::vector<std::shared_ptr<GlideTextLayer>> TextLayers;
  std::shared_ptr<LayerNorm> TextNorm;
  std::shared_ptr<Linear> TextProjection;
  std::shared_ptr<Linear> Time1;
  std::shared_ptr<Linear> Time2;
  std::shared_ptr<Conv2d> ConvIn;
  std::vector<std::shared_ptr<GlideStage>> InputStages;
  std::shared_ptr<GlideStage> MiddleStage;
  std::vector<std::shared_ptr<GlideStage>> OutputStages;
  std::shared_ptr<GroupNorm> NormOut;
  std::shared_ptr<Conv2d> ConvOut;
};
}
