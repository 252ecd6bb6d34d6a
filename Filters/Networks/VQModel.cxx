// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/VQModel.h"

#include "Filters/Networks/Layers.h"
#include "Filters/Networks/ModelFolder.h"

#include <ATen/ATen.h>
#include <torch/utils.h>

#include <algorithm>
#include <filesystem>

namespace tdl
{
namespace
{
/** Distances held at once. */
constexpr std::int64_t DistanceLimit = std::int64_t(1) << 24;
}

VQModelConfig VQModelConfig::Read(const Configuration& file)
{
  file.Require<std::string>("_class_name", "VQModel");
  file.Require<std::string>("norm_type", "group");
  VQModelConfig config;
  constexpr std::int64_t latentChannels = 3;
  config.Shape = AutoencoderShape::Read(file, latentChannels);
  config.NumVqEmbeddings = file.GetCount("num_vq_embeddings", config.NumVqEmbeddings);
  config.VqEmbedDim = file.GetCount("vq_embed_dim", config.Shape.LatentChannels);
  config.ScalingFactor = file.Get("scaling_factor", config.ScalingFactor);
  if (config.ScalingFactor == 0.0)
  {
    file.Refuse("scaling_factor");
  }
  return config;
}

VQModel::VQModel(const VQModelConfig& config)
  : Settings(config)
{
  const auto quantizer = RegisterChild<NameLevel>(*this, "quantize");
  const auto embedding = RegisterChild<NameLevel>(*quantizer, "embedding");
  this->Codes = embedding->register_parameter(
    "weight", torch::empty({ config.NumVqEmbeddings, config.VqEmbedDim }));
  this->PostQuantConv = RegisterChild<Conv2d>(
    *this, "post_quant_conv", config.VqEmbedDim, config.Shape.LatentChannels, 1, Conv2d::Options{});
  this->Decoder = RegisterChild<AutoencoderDecoder>(*this, "decoder", config.Shape);
}

std::shared_ptr<VQModel> VQModel::Open(const std::string& folder)
{
  const auto path = std::filesystem::path(folder) / "config.json";
  auto network = std::make_shared<VQModel>(VQModelConfig::Read(Configuration(path.string())));
  LoadWeights(*network, folder, "diffusion_pytorch_model", "", { "encoder.", "quant_conv." });
  network->eval();
  return network;
}

at::Tensor VQModel::Quantize(const at::Tensor& latents) const
{
  const at::Tensor pixels = latents.permute({ 0, 2, 3, 1 });
  std::vector<at::Tensor> nearest;
  for (const at::Tensor& piece :
    pixels.reshape({ -1, latents.size(1) })
      .split(std::max<std::int64_t>(DistanceLimit / this->Codes.size(0), 1)))
  {
    nearest.push_back(at::cdist(piece, this->Codes).argmin(1));
  }
  return at::embedding(this->Codes, at::cat(nearest))
    .reshape(pixels.sizes())
    .permute({ 0, 3, 1, 2 });
}

at::Tensor VQModel::Decode(const at::Tensor& latents) const
{
  const std::int64_t factor = this->Settings.Shape.Factor();
  return ProcessImages(latents, latents[0][0].numel() * factor * factor,
    [this](const at::Tensor& some)
    { return this->Decoder->Forward(this->PostQuantConv->Forward(this->Quantize(some))); });
}

at::Tensor VQModel::Unscale(const at::Tensor& latents) const
{
  return latents / this->Settings.ScalingFactor;
}
}
