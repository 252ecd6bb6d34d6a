// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/PatchEmbedding.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Networks/Layers.h"
#include "Filters/Networks/ModelFolder.h"

#include <ATen/ATen.h>
#include <torch/utils.h>

namespace tdl
{
namespace
{
at::Tensor RegisterTensor(torch::nn::Module& owner, const std::string& path, at::IntArrayRef shape)
{
  const NamePlace place = FindPlace(owner, path);
  return place.Parent->register_parameter(place.Name, torch::empty(shape));
}

std::string SizeText(std::int64_t height, std::int64_t width)
{
  return std::to_string(width) + " x " + std::to_string(height);
}
}

PatchConfig PatchConfig::Read(const Configuration& file, std::int64_t patchSize)
{
  PatchConfig config;
  config.NumChannels = file.GetCount("num_channels", config.NumChannels);
  config.ImageSize = file.GetCount("image_size", config.ImageSize);
  config.PatchSize = file.GetCount("patch_size", patchSize);
  if (config.PatchSize > config.ImageSize)
  {
    file.Refuse("patch_size");
  }
  return config;
}

PatchEmbedding::PatchEmbedding(torch::nn::Module& owner, const Options& options)
  : Settings(options)
{
  const std::int64_t channels = options.Channels;
  const std::int64_t side = options.Patches.PatchesPerSide();
  const std::int64_t tokens = 1 + side * side;
  using Shape = std::vector<std::int64_t>;
  const NamePlace place = FindPlace(owner, options.Paths.Projection);
  this->Projection =
    RegisterChild<Conv2d>(*place.Parent, place.Name, options.Patches.NumChannels, channels,
      options.Patches.PatchSize, Conv2d::Options{ options.Patches.PatchSize, 0, options.Bias });
  this->ClassToken = RegisterTensor(owner, options.Paths.ClassToken,
    options.FlatParameters ? Shape{ channels } : Shape{ 1, 1, channels });
  this->Positions = RegisterTensor(owner, options.Paths.Positions,
    options.FlatParameters ? Shape{ tokens, channels } : Shape{ 1, tokens, channels });
}

at::Tensor PatchEmbedding::Forward(const at::Tensor& pixels) const
{
  const std::int64_t size = this->Settings.Patches.ImageSize;
  if (!this->Settings.Interpolate && (pixels.size(2) != size || pixels.size(3) != size))
  {
    throw DataError("Images come to the encoder as " + SizeText(pixels.size(2), pixels.size(3)) +
      " pixels, but it takes " + SizeText(size, size) +
      "; choose the preprocessor_config.json that belongs to it.");
  }
  const std::int64_t patch = this->Settings.Patches.PatchSize;
  if (pixels.size(2) < patch || pixels.size(3) < patch)
  {
    throw DataError("Images come to the encoder as " + SizeText(pixels.size(2), pixels.size(3)) +
      " pixels, less than a patch of " + SizeText(patch, patch) +
      "; choose the preprocessor_config.json that belongs to it.");
  }
  const at::Tensor map = this->Projection->Forward(pixels);
  const at::Tensor classToken =
    this->ClassToken.reshape({ 1, 1, -1 }).expand({ map.size(0), 1, -1 });
  return at::cat({ classToken, map.flatten(2).transpose(1, 2) }, 1) +
    this->PositionsFor(map.size(2), map.size(3));
}

at::Tensor PatchEmbedding::PositionsFor(std::int64_t rows, std::int64_t columns) const
{
  const std::int64_t side = this->Settings.Patches.PatchesPerSide();
  at::Tensor positions = this->Positions.reshape({ 1, -1, this->Settings.Channels });
  if (rows == side && columns == side)
  {
    return positions;
  }
  const at::Tensor grid =
    positions.slice(1, 1).reshape({ 1, side, side, -1 }).permute({ 0, 3, 1, 2 });
  const at::Tensor scaled =
    at::upsample_bicubic2d(grid, { rows, columns }, /*align_corners=*/false);
  return at::cat({ positions.slice(1, 0, 1), scaled.flatten(2).transpose(1, 2) }, 1);
}
}
