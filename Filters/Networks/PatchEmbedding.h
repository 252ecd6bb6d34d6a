// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <memory>
#include <string>

namespace tdl
{
class Configuration;
class Conv2d;

/** How a vision transformer cuts images: keys of transformers' config.json. */
struct PatchConfig
{
  std::int64_t NumChannels = 3;
  std::int64_t ImageSize = 224; ///< Width and height in pixels that positions refer to.
  std::int64_t PatchSize = 16;

  /**
   * @param patchSize what the class takes where nothing is said.
   * @throws FileError naming the key of a value that is not supported or not possible.
   */
  static PatchConfig Read(const Configuration& file, std::int64_t patchSize);

  std::int64_t PatchesPerSide() const { return this->ImageSize / this->PatchSize; }
};

/**
 * Turns images into tokens: the class token, then a token per square of pixels, row by row
 * (Dosovitskiy et al., "An Image is Worth 16x16 Words", 2021). The parameters stand where the
 * family keeps them.
 */
class PatchEmbedding
{
public:
  /** Where a family keeps the parameters: paths of names below `owner`. */
  struct Names
  {
    const char* Projection;
    const char* ClassToken;
    const char* Positions;
  };
  /** Those of ViT and DINOv2. */
  static constexpr Names ViTNames{ "embeddings.patch_embeddings.projection", "embeddings.cls_token",
    "embeddings.position_embeddings" };
  struct Options
  {
    PatchConfig Patches;
    std::int64_t Channels;
    Names Paths;
    bool Bias;           ///< Whether the projection has one.
    bool FlatParameters; ///< (C) and (tokens, C) rather than (1, 1, C) and (1, tokens, C).
    bool Interpolate;    ///< Whether positions are scaled to images of another size.
  };
  PatchEmbedding(torch::nn::Module& owner, const Options& options);

  /**
   * @param pixels (B, NumChannels, H, W).
   * @return (B, 1 + patches, Channels).
   * @throws DataError when the images have another size and positions are not interpolated.
   */
  at::Tensor Forward(const at::Tensor& pixels) const;

private:
  /** (1, 1 + rows * columns, Channels) */
  at::Tensor PositionsFor(std::int64_t rows, std::int64_t columns) const;

  Options Settings;
  std::shared_ptr<Conv2d> Projection;
  at::Tensor ClassToken;
  at::Tensor Positions;
};
}
