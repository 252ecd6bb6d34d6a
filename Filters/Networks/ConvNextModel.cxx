// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/ConvNextModel.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Networks/Activations.h"
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
/** Of all normalizations but the last, whatever layer_norm_eps is. */
constexpr double InnerEpsilon = 1e-6;

/** Normalizes a map (B, C, H, W) over its channels. */
at::Tensor NormalizeChannels(const LayerNorm& norm, const at::Tensor& map)
{
  return norm.Forward(map.permute({ 0, 2, 3, 1 })).permute({ 0, 3, 1, 2 });
}
}

/** A wide convolution of each channel by itself and a perceptron of each pixel, with a residual. */
class ConvNextLayer : public torch::nn::Module
{
public:
  ConvNextLayer(std::int64_t channels, const ConvNextConfig& config)
    : Activate(FindActivation(config.HiddenAct))
    , Convolution(RegisterChild<Conv2d>(
        *this, "dwconv", channels, channels, 7, Conv2d::Options{ 1, 3, true, channels }))
    , Norm(RegisterChild<LayerNorm>(*this, "layernorm", channels, InnerEpsilon))
    , Widen(RegisterChild<Linear>(*this, "pwconv1", channels, 4 * channels))
    , Narrow(RegisterChild<Linear>(*this, "pwconv2", 4 * channels, channels))
  {
    if (config.LayerScale)
    {
      this->Scale = this->register_parameter("layer_scale_parameter", torch::empty({ channels }));
    }
  }

  at::Tensor Forward(const at::Tensor& input) const
  {
    at::Tensor pixels = this->Convolution->Forward(input).permute({ 0, 2, 3, 1 });
    pixels =
      this->Narrow->Forward(this->Activate(this->Widen->Forward(this->Norm->Forward(pixels))));
    if (this->Scale.defined())
    {
      pixels = pixels * this->Scale;
    }
    return input + pixels.permute({ 0, 3, 1, 2 });
  }

private:
  Activation Activate;
  std::shared_ptr<Conv2d> Convolution;
  std::shared_ptr<LayerNorm> Norm;
  std::shared_ptr<Linear> Widen;
  std::shared_ptr<Linear> Narrow;
  at::Tensor Scale; ///< (C); undefined where layers do not scale.
};

/** Layers at one size, which all stages but the first halve before. */
class ConvNextStage : public torch::nn::Module
{
public:
  ConvNextStage(std::int64_t inputs, std::int64_t outputs, std::int64_t depth, bool halve,
    const ConvNextConfig& config)
  {
    if (halve)
    {
      const auto downsampling = RegisterChild<NameLevel>(*this, "downsampling_layer");
      this->Norm = RegisterChild<LayerNorm>(*downsampling, "0", inputs, InnerEpsilon);
      this->Halve =
        RegisterChild<Conv2d>(*downsampling, "1", inputs, outputs, 2, Conv2d::Options{ 2, 0 });
    }
    for (std::int64_t i = 0; i < depth; ++i)
    {
      this->Layers.push_back(std::make_shared<ConvNextLayer>(outputs, config));
    }
    RegisterList(*this, "layers", this->Layers);
  }

  at::Tensor Forward(at::Tensor hidden) const
  {
    if (this->Halve)
    {
      if (hidden.size(2) < 2 || hidden.size(3) < 2)
      {
        throw DataError("Images come to the encoder too small for its stages, each of which halves "
                        "them; choose the preprocessor_config.json that belongs to it.");
      }
      hidden = this->Halve->Forward(NormalizeChannels(*this->Norm, hidden));
    }
    for (const auto& layer : this->Layers)
    {
      hidden = layer->Forward(hidden);
    }
    return hidden;
  }

private:
  std::shared_ptr<LayerNorm> Norm; ///< Only where the stage halves.
  std::shared_ptr<Conv2d> Halve;
  std::vector<std::shared_ptr<ConvNextLayer>> Layers;
};

ConvNextConfig ConvNextConfig::Read(const Configuration& file)
{
  file.Require<std::string>("model_type", "convnext");

  ConvNextConfig config;
  config.NumChannels = file.GetCount("num_channels", config.NumChannels);
  config.PatchSize = file.GetCount("patch_size", config.PatchSize);
  config.HiddenSizes = file.Get("hidden_sizes", config.HiddenSizes);
  config.Depths = file.Get("depths", config.Depths);
  const auto positive = [](const std::vector<std::int64_t>& counts)
  { return !counts.empty() && *std::min_element(counts.begin(), counts.end()) >= 1; };
  if (!positive(config.HiddenSizes))
  {
    file.Refuse("hidden_sizes");
  }
  if (!positive(config.Depths) || config.Depths.size() != config.HiddenSizes.size())
  {
    file.Refuse("depths");
  }
  if (file.GetCount("num_stages", static_cast<std::int64_t>(config.Depths.size())) !=
    static_cast<std::int64_t>(config.Depths.size()))
  {
    file.Refuse("num_stages");
  }
  config.HiddenAct = ReadActivation(file, "hidden_act", config.HiddenAct);
  config.LayerNormEps = file.GetPositive("layer_norm_eps", config.LayerNormEps);
  config.LayerScale = file.Get("layer_scale_init_value", 1e-6) > 0.0;
  config.NumLabels = ReadLabelCount(file, "ConvNextForImageClassification");
  return config;
}

ConvNextModel::ConvNextModel(const ConvNextConfig& config)
  : Settings(config)
{
  torch::nn::Module& network = config.NumLabels > 0 ? *RegisterChild<NameLevel>(*this, "convnext")
                                                    : static_cast<torch::nn::Module&>(*this);
  const auto embeddings = RegisterChild<NameLevel>(network, "embeddings");
  std::int64_t channels = config.HiddenSizes.front();
  this->PatchProjection = RegisterChild<Conv2d>(*embeddings, "patch_embeddings", config.NumChannels,
    channels, config.PatchSize, Conv2d::Options{ config.PatchSize, 0 });
  this->PatchNorm = RegisterChild<LayerNorm>(*embeddings, "layernorm", channels, InnerEpsilon);
  for (std::size_t s = 0; s < config.HiddenSizes.size(); ++s)
  {
    this->Stages.push_back(std::make_shared<ConvNextStage>(
      channels, config.HiddenSizes[s], config.Depths[s], s > 0, config));
    channels = config.HiddenSizes[s];
  }
  const NamePlace stages = FindPlace(network, "encoder.stages");
  RegisterList(*stages.Parent, stages.Name, this->Stages);
  this->Norm = RegisterChild<LayerNorm>(network, "layernorm", channels, config.LayerNormEps);
  if (config.NumLabels > 0)
  {
    this->Classifier = RegisterChild<Linear>(*this, "classifier", channels, config.NumLabels);
  }
}

ConvNextModel::~ConvNextModel() = default;

std::shared_ptr<ConvNextModel> ConvNextModel::Open(const std::string& folder)
{
  const auto path = std::filesystem::path(folder) / "config.json";
  auto network =
    std::make_shared<ConvNextModel>(ConvNextConfig::Read(Configuration(path.string())));
  LoadWeights(*network, folder, "model", "convnext.", { "classifier." });
  network->eval();
  return network;
}

VisionModel::Output ConvNextModel::Forward(const at::Tensor& pixels, const Request& request) const
{
  const std::int64_t patch = this->Settings.PatchSize;
  if (pixels.size(2) < patch || pixels.size(3) < patch)
  {
    throw DataError("Images come to the encoder smaller than a patch of " + std::to_string(patch) +
      " pixels; choose the preprocessor_config.json that belongs to it.");
  }
  Output output;
  const at::Tensor last = RunLayers(this->Stages,
    NormalizeChannels(*this->PatchNorm, this->PatchProjection->Forward(pixels)), request,
    PixelsAsPatches, output);
  if (last.defined())
  {
    output.Patches = PixelsAsPatches(last);
    output.Pooled = this->Norm->Forward(last.mean({ 2, 3 }));
    output.ClassScores = this->Classifier ? this->Classifier->Forward(output.Pooled) : at::Tensor();
  }
  return output;
}
}
