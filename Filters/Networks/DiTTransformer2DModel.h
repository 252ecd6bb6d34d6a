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
class DiTBlock;
class LayerNorm;
class Linear;

/** Shape of a DiTTransformer2DModel: the keys of diffusers' config.json, with its defaults. */
struct DiTTransformer2DConfig
{
  std::int64_t SampleSize = 32; ///< Width and height in latent pixels that positions refer to.
  std::int64_t InChannels = 4;
  std::int64_t OutChannels = 4; ///< By default InChannels.
  std::int64_t NumAttentionHeads = 16;
  std::int64_t AttentionHeadDim = 72; ///< Width of a head.
  std::int64_t NumLayers = 28;
  std::int64_t PatchSize = 2; ///< Pixels of a token in either direction.
  bool AttentionBias = true;
  std::int64_t NumClasses = 1000; ///< num_embeds_ada_norm; label NumClasses is "no class".
  double NormEps = 1e-5;          ///< Of the normalization before the feed-forward layers.

  /** @throws FileError naming the key of a value that is not supported or not possible. */
  static DiTTransformer2DConfig Read(const Configuration& file);

  /** Width of a token. */
  std::int64_t Channels() const { return this->NumAttentionHeads * this->AttentionHeadDim; }
};

/**
 * The denoising transformer of class-conditional latent diffusion (diffusers' DiTTransformer2DModel
 * and what was a Transformer2DModel with norm_type "ada_norm_zero"): Peebles, Xie, "Scalable
 * Diffusion Models with Transformers", 2023.
 */
class DiTTransformer2DModel : public torch::nn::Module
{
public:
  explicit DiTTransformer2DModel(const DiTTransformer2DConfig& config);
  ~DiTTransformer2DModel() override;

  /** Opens a folder that holds config.json and diffusion_pytorch_model.safetensors, for inference.
   */
  static std::shared_ptr<DiTTransformer2DModel> Open(const std::string& folder);

  /**
   * @param sample noisy latents, (B, InChannels, S, S); S divisible by PatchSize.
   * @param timesteps (B), the scheduler's timestep of each image.
   * @param classLabels (B) int64 in [0, NumClasses].
   * @param activations becomes, unless null, what the block in the middle (block L / 2 of L,
   * rounded up) gives, averaged over the tokens: (B, Channels).
   * @return the model's prediction, (B, OutChannels, S, S).
   * @throws DataError when the sample or the labels have another shape.
   */
  at::Tensor Forward(const at::Tensor& sample, const at::Tensor& timesteps,
    const at::Tensor& classLabels, at::Tensor* activations = nullptr) const;

  const DiTTransformer2DConfig& Config() const { return this->Settings; }

private:
  at::Tensor EmbedPositions(std::int64_t grid, at::Device device) const;

  DiTTransformer2DConfig Settings;
  std::shared_ptr<Conv2d> PatchProjection;
  std::vector<std::shared_ptr<DiTBlock>> Blocks;
  std::shared_ptr<LayerNorm> NormOut;
  std::shared_ptr<Linear> ModulationOut;
  std::shared_ptr<Linear> ProjectionOut;
};
}
