// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/ResNetModel.h"

#include "Filters/Networks/Activations.h"
#include "Filters/Networks/InPlace.h"
#include "Filters/Networks/Layers.h"
#include "Filters/Networks/ModelFolder.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <filesystem>

namespace tdl
{
/** A convolution without bias that keeps the size up to its stride, then batch normalization. */
class ResNetConvolution : public torch::nn::Module
{
public:
  ResNetConvolution(
    std::int64_t inputs, std::int64_t outputs, std::int64_t kernel, std::int64_t stride)
    : Convolution(this->register_module("convolution",
        std::make_shared<Conv2d>(
          inputs, outputs, kernel, Conv2d::Options{ stride, kernel / 2, false })))
    , Normalization(
        this->register_module("normalization", std::make_shared<BatchNorm2d>(outputs, 1e-5, 0.1)))
  {
    // PyTorch counts training batches here, and its weight files hold the count.
    this->Normalization->register_buffer(
      "num_batches_tracked", at::zeros({}, at::TensorOptions().dtype(at::kLong)));
  }

  at::Tensor Forward(const at::Tensor& input) const
  {
    return this->Normalization->Forward(this->Convolution->Forward(input));
  }

private:
  std::shared_ptr<Conv2d> Convolution;
  std::shared_ptr<BatchNorm2d> Normalization;
};

/** A residual block: two 3x3 convolutions, or a 3x3 between two 1x1 that narrow and widen. */
class ResNetBlock : public torch::nn::Module
{
public:
  ResNetBlock(
    std::int64_t inputs, std::int64_t outputs, std::int64_t stride, const ResNetConfig& config)
    : Activate(FindActivation(config.HiddenAct))
  {
    if (inputs != outputs || stride != 1)
    {
      this->Shortcut = this->register_module(
        "shortcut", std::make_shared<ResNetConvolution>(inputs, outputs, 1, stride));
    }
    if (config.Bottleneck)
    {
      const std::int64_t narrow = outputs / BottleneckReduction;
      const bool early = config.DownsampleInBottleneck;
      this->Layers = {
        std::make_shared<ResNetConvolution>(inputs, narrow, 1, early ? stride : 1),
        std::make_shared<ResNetConvolution>(narrow, narrow, 3, early ? 1 : stride),
        std::make_shared<ResNetConvolution>(narrow, outputs, 1, 1),
      };
    }
    else
    {
      this->Layers = {
        std::make_shared<ResNetConvolution>(inputs, outputs, 3, stride),
        std::make_shared<ResNetConvolution>(outputs, outputs, 3, 1),
      };
    }
    RegisterList(*this, "layer", this->Layers);
  }

  at::Tensor Forward(const at::Tensor& input) const
  {
    at::Tensor hidden = this->Layers.front()->Forward(input);
    for (std::size_t i = 1; i < this->Layers.size(); ++i)
    {
      // As in transformers, hidden_act counts for the stem and the sums only.
      hidden = this->Layers[i]->Forward(Relu(hidden));
    }
    return this->Activate(Sum(hidden, this->Shortcut ? this->Shortcut->Forward(input) : input));
  }

  static constexpr std::int64_t BottleneckReduction = 4;

private:
  Activation Activate;
  std::shared_ptr<ResNetConvolution> Shortcut; ///< Only where size or channels change.
  std::vector<std::shared_ptr<ResNetConvolution>> Layers;
};

/** Blocks at one size, the first of which strides. */
class ResNetStage : public torch::nn::Module
{
public:
  ResNetStage(std::int64_t inputs, std::int64_t outputs, std::int64_t depth, std::int64_t stride,
    const ResNetConfig& config)
  {
    for (std::int64_t i = 0; i < depth; ++i)
    {
      this->Blocks.push_back(std::make_shared<ResNetBlock>(
        i == 0 ? inputs : outputs, outputs, i == 0 ? stride : 1, config));
    }
    RegisterList(*this, "layers", this->Blocks);
  }

  at::Tensor Forward(at::Tensor hidden) const
  {
    for (const auto& block : this->Blocks)
    {
      hidden = block->Forward(hidden);
    }
    return hidden;
  }

private:
  std::vector<std::shared_ptr<ResNetBlock>> Blocks;
};

ResNetConfig ResNetConfig::Read(const Configuration& file)
{
  file.Require<std::string>("model_type", "resnet");

  ResNetConfig config;
  config.NumChannels = file.GetCount("num_channels", config.NumChannels);
  config.EmbeddingSize = file.GetCount("embedding_size", config.EmbeddingSize);
  config.HiddenSizes = file.Get("hidden_sizes", config.HiddenSizes);
  config.Depths = file.Get("depths", config.Depths);
  const auto layerType = file.Get<std::string>("layer_type", "bottleneck");
  if (layerType != "basic" && layerType != "bottleneck")
  {
    file.Refuse("layer_type");
  }
  config.Bottleneck = layerType == "bottleneck";
  config.HiddenAct = ReadActivation(file, "hidden_act", config.HiddenAct);
  config.DownsampleInFirstStage =
    file.Get("downsample_in_first_stage", config.DownsampleInFirstStage);
  config.DownsampleInBottleneck =
    file.Get("downsample_in_bottleneck", config.DownsampleInBottleneck);

  const std::int64_t narrowest = config.Bottleneck ? ResNetBlock::BottleneckReduction : 1;
  if (config.HiddenSizes.empty() ||
    *std::min_element(config.HiddenSizes.begin(), config.HiddenSizes.end()) < narrowest)
  {
    file.Refuse("hidden_sizes");
  }
  if (config.Depths.size() != config.HiddenSizes.size() ||
    *std::min_element(config.Depths.begin(), config.Depths.end()) < 1)
  {
    file.Refuse("depths");
  }

  config.NumLabels = ReadLabelCount(file, "ResNetForImageClassification");
  return config;
}

ResNetModel::ResNetModel(const ResNetConfig& config)
  : Settings(config)
{
  torch::nn::Module& network = config.NumLabels > 0 ? *RegisterChild<NameLevel>(*this, "resnet")
                                                    : static_cast<torch::nn::Module&>(*this);
  this->Stem =
    RegisterChild<NameLevel>(network, "embedder")
      ->register_module("embedder",
        std::make_shared<ResNetConvolution>(config.NumChannels, config.EmbeddingSize, 7, 2));

  std::int64_t channels = config.EmbeddingSize;
  for (std::size_t s = 0; s < config.HiddenSizes.size(); ++s)
  {
    const bool downsample = s > 0 || config.DownsampleInFirstStage;
    this->Stages.push_back(std::make_shared<ResNetStage>(
      channels, config.HiddenSizes[s], config.Depths[s], downsample ? 2 : 1, config));
    channels = config.HiddenSizes[s];
  }
  RegisterList(*RegisterChild<NameLevel>(network, "encoder"), "stages", this->Stages);

  if (config.NumLabels > 0)
  {
    // Child 0 of transformers' head flattens and has no parameters.
    this->Classifier =
      RegisterChild<NameLevel>(*this, "classifier")
        ->register_module("1", std::make_shared<Linear>(channels, config.NumLabels));
  }
}

ResNetModel::~ResNetModel() = default;

std::shared_ptr<ResNetModel> ResNetModel::Open(const std::string& folder)
{
  const auto path = std::filesystem::path(folder) / "config.json";
  auto network = std::make_shared<ResNetModel>(ResNetConfig::Read(Configuration(path.string())));
  LoadWeights(*network, folder, "model", "resnet.", { "classifier." });
  network->eval();
  return network;
}

at::Tensor ResNetModel::Features(const at::Tensor& pixels) const
{
  return this->Forward(pixels, {}).Pooled;
}

at::Tensor ResNetModel::Logits(const at::Tensor& features) const
{
  return this->Classifier->Forward(features);
}

VisionModel::Output ResNetModel::Forward(const at::Tensor& pixels, const Request& request) const
{
  at::Tensor hidden = FindActivation(this->Settings.HiddenAct)(this->Stem->Forward(pixels));
  hidden = at::max_pool2d(hidden, /*kernel_size=*/3, /*stride=*/2, /*padding=*/1);
  Output output;
  hidden = RunLayers(this->Stages, hidden, request, PixelsAsPatches, output);
  if (hidden.defined())
  {
    output.Patches = PixelsAsPatches(hidden);
    output.Pooled = hidden.mean({ 2, 3 });
    output.ClassScores = this->Classifier ? this->Logits(output.Pooled) : at::Tensor();
  }
  return output;
}
}
