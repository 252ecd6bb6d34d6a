// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/AutoencoderKL.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Networks/Layers.h"
#include "Filters/Networks/ModelFolder.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <utility>

namespace tdl
{
namespace
{
using Process = std::function<at::Tensor(const at::Tensor&)>;

/** How an image is cut into tiles; lengths in pixels of either side. */
struct Tiling
{
  std::int64_t Input;  ///< Width of a tile that is processed.
  std::int64_t Output; ///< Width of its result.
  std::int64_t Least;  ///< Pixels that make at least one of the result; a rest below is left out.

  /** A quarter of a tile overlaps the next. */
  std::int64_t Step() const { return 3 * this->Input / 4; }
  std::int64_t Blend() const { return this->Output / 4; }
  std::int64_t Kept() const { return this->Output - this->Blend(); }
};

/** Fades the beginning of `tile` along `dimension` in from the end of the tile `before`. */
void BlendInto(
  const at::Tensor& tile, const at::Tensor& before, std::int64_t dimension, std::int64_t longest)
{
  const std::int64_t extent = std::min({ before.size(dimension), tile.size(dimension), longest });
  if (extent == 0)
  {
    return;
  }
  std::vector<std::int64_t> shape(tile.dim(), 1);
  shape[dimension] = extent;
  const at::Tensor weight =
    (at::arange(extent, at::TensorOptions().dtype(at::kDouble).device(tile.device())) /
      static_cast<double>(extent))
      .reshape(shape);
  at::Tensor beginning = tile.narrow(dimension, 0, extent);
  const at::Tensor end = before.narrow(dimension, before.size(dimension) - extent, extent);
  beginning.copy_(
    end * (1 - weight).to(tile.scalar_type()) + beginning * weight.to(tile.scalar_type()));
}

/** Processes images tile by tile; only two rows of tiles are kept at a time. */
at::Tensor ProcessTiles(const at::Tensor& image, const Tiling& tiling, const Process& process)
{
  std::vector<at::Tensor> rows;
  std::vector<at::Tensor> above;
  for (std::int64_t y = 0; y + tiling.Least <= image.size(2); y += tiling.Step())
  {
    std::vector<at::Tensor> row;
    std::vector<at::Tensor> kept;
    for (std::int64_t x = 0; x + tiling.Least <= image.size(3); x += tiling.Step())
    {
      const at::Tensor tile =
        process(image.slice(2, y, y + tiling.Input).slice(3, x, x + tiling.Input).contiguous());
      if (!above.empty())
      {
        BlendInto(tile, above[row.size()], 2, tiling.Blend());
      }
      if (!row.empty())
      {
        BlendInto(tile, row.back(), 3, tiling.Blend());
      }
      row.push_back(tile);
      kept.push_back(tile.slice(2, 0, tiling.Kept()).slice(3, 0, tiling.Kept()));
    }
    rows.push_back(at::cat(kept, 3));
    above = std::move(row);
  }
  return at::cat(rows, 2);
}

/** One number per latent channel. */
at::Tensor PerChannel(const std::vector<double>& values, const at::Tensor& like)
{
  return at::tensor(values, at::kDouble).to(like.options()).reshape({ 1, -1, 1, 1 });
}

std::vector<double> ReadPerChannel(
  const Configuration& file, const std::string& key, std::int64_t channels)
{
  auto values = file.Get(key, std::vector<double>());
  if (!values.empty() && static_cast<std::int64_t>(values.size()) != channels)
  {
    file.Refuse(key);
  }
  return values;
}
}

AutoencoderKLConfig AutoencoderKLConfig::Read(const Configuration& file)
{
  file.Require<std::string>("_class_name", "AutoencoderKL");
  AutoencoderKLConfig config;
  config.Shape = AutoencoderShape::Read(file, config.Shape.LatentChannels);
  config.SampleSize = file.GetPerItem("sample_size", config.SampleSize, 2).front();
  if (config.SampleSize < 1)
  {
    file.Refuse("sample_size");
  }
  config.ScalingFactor = file.Get("scaling_factor", config.ScalingFactor);
  if (config.ScalingFactor == 0.0)
  {
    file.Refuse("scaling_factor");
  }
  config.ShiftFactor = file.Get("shift_factor", config.ShiftFactor);
  config.LatentsMean = ReadPerChannel(file, "latents_mean", config.Shape.LatentChannels);
  config.LatentsStd = ReadPerChannel(file, "latents_std", config.Shape.LatentChannels);
  if (std::count(config.LatentsStd.begin(), config.LatentsStd.end(), 0.0) > 0)
  {
    file.Refuse("latents_std");
  }
  config.ForceUpcast = file.Get("force_upcast", config.ForceUpcast);
  config.UseQuantConv = file.Get("use_quant_conv", config.UseQuantConv);
  config.UsePostQuantConv = file.Get("use_post_quant_conv", config.UsePostQuantConv);
  return config;
}

AutoencoderKL::AutoencoderKL(const AutoencoderKLConfig& config)
  : Settings(config)
{
  const std::int64_t latents = config.Shape.LatentChannels;
  this->Encoder = RegisterChild<AutoencoderEncoder>(*this, "encoder", config.Shape, 2 * latents);
  this->Decoder = RegisterChild<AutoencoderDecoder>(*this, "decoder", config.Shape);
  if (config.UseQuantConv)
  {
    this->QuantConv =
      RegisterChild<Conv2d>(*this, "quant_conv", 2 * latents, 2 * latents, 1, Conv2d::Options{});
  }
  if (config.UsePostQuantConv)
  {
    this->PostQuantConv =
      RegisterChild<Conv2d>(*this, "post_quant_conv", latents, latents, 1, Conv2d::Options{});
  }
}

std::shared_ptr<AutoencoderKL> AutoencoderKL::Open(const std::string& folder)
{
  const auto path = std::filesystem::path(folder) / "config.json";
  auto network =
    std::make_shared<AutoencoderKL>(AutoencoderKLConfig::Read(Configuration(path.string())));
  LoadWeights(*network, folder, "diffusion_pytorch_model");
  network->eval();
  return network;
}

void AutoencoderKL::CheckTiles() const
{
  // Below two latent pixels, tiles cannot overlap.
  if (this->Settings.SampleSize < 2 * this->Settings.Shape.Factor())
  {
    throw ParameterError("The autoencoder's sample_size of " +
      std::to_string(this->Settings.SampleSize) +
      " pixels is too small for tiles; turn tiles off.");
  }
}

LatentDistribution AutoencoderKL::Encode(const at::Tensor& images, bool tiled) const
{
  const Process encode = [this](const at::Tensor& image)
  {
    const at::Tensor result = this->Encoder->Forward(image);
    return this->QuantConv ? this->QuantConv->Forward(result) : result;
  };
  const std::int64_t size = this->Settings.SampleSize;
  const std::int64_t factor = this->Settings.Shape.Factor();
  const Tiling tiling{ size, size / factor, factor };
  const bool tiles = tiled && std::max(images.size(2), images.size(3)) > tiling.Input;
  if (tiles)
  {
    this->CheckTiles();
  }
  const at::Tensor moments = ProcessImages(images, tiles ? size * size : images[0][0].numel(),
    [&](const at::Tensor& some)
    { return tiles ? ProcessTiles(some, tiling, encode) : encode(some); });
  const auto halves = moments.chunk(2, 1);
  return { halves[0], halves[1].clamp(-30.0, 20.0) };
}

at::Tensor AutoencoderKL::Decode(const at::Tensor& latents, bool tiled) const
{
  const Process decode = [this](const at::Tensor& image)
  {
    return this->Decoder->Forward(
      this->PostQuantConv ? this->PostQuantConv->Forward(image) : image);
  };
  const std::int64_t size = this->Settings.SampleSize;
  const std::int64_t factor = this->Settings.Shape.Factor();
  const Tiling tiling{ size / factor, size, 1 };
  const bool tiles = tiled && std::max(latents.size(2), latents.size(3)) > tiling.Input;
  if (tiles)
  {
    this->CheckTiles();
  }
  return ProcessImages(latents, tiles ? size * size : latents[0][0].numel() * factor * factor,
    [&](const at::Tensor& some)
    { return tiles ? ProcessTiles(some, tiling, decode) : decode(some); });
}

at::Tensor AutoencoderKL::Scale(const at::Tensor& latents) const
{
  at::Tensor result = latents - this->Settings.ShiftFactor;
  if (!this->Settings.LatentsMean.empty() && !this->Settings.LatentsStd.empty())
  {
    result = (result - PerChannel(this->Settings.LatentsMean, latents)) /
      PerChannel(this->Settings.LatentsStd, latents);
  }
  return result * this->Settings.ScalingFactor;
}

at::Tensor AutoencoderKL::Unscale(const at::Tensor& latents) const
{
  at::Tensor result = latents / this->Settings.ScalingFactor;
  if (!this->Settings.LatentsMean.empty() && !this->Settings.LatentsStd.empty())
  {
    result =
      latents * PerChannel(this->Settings.LatentsStd, latents) / this->Settings.ScalingFactor +
      PerChannel(this->Settings.LatentsMean, latents);
  }
  return result + this->Settings.ShiftFactor;
}
}
