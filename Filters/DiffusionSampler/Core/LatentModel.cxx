// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/LatentModel.h"

#include "Filters/DiffusionSampler/Core/ModelComponents.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Networks/AutoencoderKL.h"
#include "Filters/Networks/VQModel.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>

namespace tdl
{
namespace
{
// Noise of unit variance over all images, the stronger the coarser it is.
at::Tensor CoarseNoise(
  std::int64_t images, std::int64_t channels, std::int64_t size, const at::Generator& stream)
{
  at::Tensor sum = at::zeros({ images, channels, size, size });
  for (std::int64_t grid = 1; grid <= size; grid *= 2)
  {
    const at::Tensor noise = at::randn({ images, channels, grid, grid }, stream, at::kFloat);
    sum += at::upsample_bilinear2d(noise, { size, size }, false) / std::sqrt(grid);
  }
  return sum / sum.std();
}

void RequireChannels(const std::string& folder, std::int64_t latent, std::int64_t sample)
{
  if (latent != sample)
  {
    throw FileError("The autoencoder '" + folder + "' has latents of " + std::to_string(latent) +
      " channels, but the model's network takes " + std::to_string(sample) +
      "; choose a model that makes images from noise alone.");
  }
}

Configuration WithoutClipping(Configuration scheduler)
{
  if (!scheduler.Has("clip_sample"))
  {
    scheduler.Set("clip_sample", false);
  }
  return scheduler;
}
}

const char* LatentDecodingName(LatentDecoding decoding)
{
  switch (decoding)
  {
    case LatentDecoding::Autoencoder:
      return "Autoencoder";
    case LatentDecoding::LinearApproximation:
      return "Linear Approximation";
    default:
      return "Tiled Autoencoder";
  }
}

LinearDecoder::LinearDecoder(
  const LatentsToImages& decoder, std::int64_t channels, std::int64_t factor, at::Device device)
{
  constexpr std::int64_t images = 16;
  constexpr std::int64_t size = 8;
  const auto stream = at::make_generator<at::CPUGeneratorImpl>(std::uint64_t(0));
  const auto pixels = [](const at::Tensor& values) {
    return values.permute({ 0, 2, 3, 1 }).flatten(0, 2).to(at::kDouble);
  };
  const at::Tensor latents = CoarseNoise(images, channels, size, stream);
  std::vector<at::Tensor> colors;
  for (const at::Tensor& latent : latents.split(1))
  {
    colors.push_back(at::avg_pool2d(decoder(latent.to(device)), { factor, factor }).cpu());
  }
  const at::Tensor inputs = pixels(latents);
  const at::Tensor outputs = pixels(at::cat(colors));
  const at::Tensor inputMean = inputs.mean(0);
  const at::Tensor outputMean = outputs.mean(0);
  const at::Tensor centered = outputs - outputMean;
  const at::Tensor weight = at::linalg_pinv(inputs - inputMean).mm(centered); // (C, 3)
  const at::Tensor error = centered - (inputs - inputMean).mm(weight);
  this->Explained = 1 - (error.square().sum() / centered.square().sum()).item<double>();
  this->Weight = weight.t().contiguous().view({ -1, channels, 1, 1 }).to(device, at::kFloat);
  this->Bias = (outputMean - inputMean.unsqueeze(0).mm(weight).squeeze(0)).to(device, at::kFloat);
}

at::Tensor LinearDecoder::Decode(const at::Tensor& latents) const
{
  return at::conv2d(latents, this->Weight, this->Bias);
}

LatentModel::LatentModel(std::string folder, Configuration scheduler, const ModelOptions& options)
  : DiffusionModel(std::move(folder), WithoutClipping(std::move(scheduler)), options)
  , Decoding(options.Decoding)
{
}

void LatentModel::OpenAutoencoder(
  const std::string& component, std::int64_t channels, at::ScalarType precision)
{
  const std::string folder = ComponentFolder(this->Folder(), component);
  const auto network = this->OpenNetwork<AutoencoderKL>(folder, NetworkWeights, precision);
  const AutoencoderShape& shape = network->Config().Shape;
  RequireChannels(folder, shape.LatentChannels, channels);
  const bool tiled = this->Decoding == LatentDecoding::TiledAutoencoder;
  this->UseDecoder([network, tiled, precision](const at::Tensor& latents)
    { return network->Decode(network->Unscale(latents).to(precision), tiled).to(at::kFloat); },
    channels, shape.OutChannels, shape.Factor());
}

void LatentModel::OpenVQModel(const std::string& component, std::int64_t channels)
{
  const std::string folder = ComponentFolder(this->Folder(), component);
  // LibTorch measures distances to the codes in single precision only.
  const auto network = this->OpenNetwork<VQModel>(folder, NetworkWeights, at::kFloat);
  const VQModelConfig& config = network->Config();
  RequireChannels(folder, config.VqEmbedDim, channels);
  this->UseDecoder([network](const at::Tensor& latents)
    { return network->Decode(network->Unscale(latents)); },
    channels, config.Shape.OutChannels, config.Shape.Factor());
}

void LatentModel::UseDecoder(
  LatentsToImages decoder, std::int64_t channels, std::int64_t imageChannels, std::int64_t factor)
{
  this->Decoder = std::move(decoder);
  this->ImageChannels = imageChannels;
  this->Factor = factor;
  if (this->Decoding == LatentDecoding::LinearApproximation)
  {
    this->Approximation.emplace(this->Decoder, channels, factor, this->Device());
  }
}

std::vector<std::int64_t> LatentModel::ImageShape() const
{
  const std::vector<std::int64_t> shape = this->SampleShape();
  const std::int64_t factor = this->Approximation ? 1 : this->Factor;
  return { 1, this->ImageChannels, factor * shape[2], factor * shape[3] };
}

at::Tensor LatentModel::Decode(const at::Tensor& samples, const Condition&) const
{
  return this->Approximation ? this->Approximation->Decode(samples) : this->Decoder(samples);
}

nlohmann::json LatentModel::Details() const
{
  nlohmann::json details{ { "latent_decoding", LatentDecodingName(this->Decoding) } };
  if (this->Approximation)
  {
    details["explained_variance"] = this->Approximation->ExplainedVariance();
  }
  return details;
}
}
