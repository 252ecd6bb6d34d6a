// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/Dinov2Model.h"

#include "Filters/Networks/Layers.h"
#include "Filters/Networks/ModelFolder.h"
#include "Filters/Networks/TransformerEncoder.h"

#include <ATen/ATen.h>

#include <filesystem>

namespace tdl
{
namespace
{
TransformerLayerNames NamesOfLayer(bool gated)
{
  return { "norm1", "attention.attention.query", "attention.attention.key",
    "attention.attention.value", "attention.output.dense", "norm2",
    gated ? "mlp.weights_in" : "mlp.fc1", gated ? "mlp.weights_out" : "mlp.fc2",
    "layer_scale1.lambda1", "layer_scale2.lambda1" };
}

std::int64_t InnerChannels(const Dinov2Config& config)
{
  const auto inner =
    static_cast<std::int64_t>(static_cast<double>(config.HiddenSize) * config.MlpRatio);
  // A gated perceptron has three matrices, so two thirds of the channels; a multiple of eight.
  return config.UseSwigluFfn ? (inner * 2 / 3 + 7) / 8 * 8 : inner;
}
}

Dinov2Config Dinov2Config::Read(const Configuration& file)
{
  file.Require<std::string>("model_type", "dinov2");

  Dinov2Config config;
  config.HiddenSize = file.GetCount("hidden_size", config.HiddenSize);
  config.NumHiddenLayers = file.GetCount("num_hidden_layers", config.NumHiddenLayers);
  config.NumAttentionHeads = file.GetCount("num_attention_heads", config.NumAttentionHeads);
  if (config.HiddenSize % config.NumAttentionHeads != 0)
  {
    file.Refuse("num_attention_heads");
  }
  config.MlpRatio = file.GetPositive("mlp_ratio", config.MlpRatio);
  config.UseSwigluFfn = file.Get("use_swiglu_ffn", config.UseSwigluFfn);
  if (InnerChannels(config) < 1)
  {
    file.Refuse("mlp_ratio");
  }
  config.Patches = PatchConfig::Read(file, /*patchSize=*/14);
  config.HiddenAct = ReadActivation(file, "hidden_act", config.HiddenAct);
  config.LayerNormEps = file.GetPositive("layer_norm_eps", config.LayerNormEps);
  config.QkvBias = file.Get("qkv_bias", config.QkvBias);
  config.NumLabels = ReadLabelCount(file, "Dinov2ForImageClassification");
  return config;
}

Dinov2Model::Dinov2Model(const Dinov2Config& config)
  : Settings(config)
  , Embeddings(*this,
      { config.Patches, config.HiddenSize, PatchEmbedding::ViTNames, /*Bias=*/true,
        /*FlatParameters=*/false, /*Interpolate=*/true })
{
  TransformerLayer::Options layer;
  layer.Names = NamesOfLayer(config.UseSwigluFfn);
  layer.Channels = config.HiddenSize;
  layer.Heads = config.NumAttentionHeads;
  layer.Inner = InnerChannels(config);
  layer.Epsilon = config.LayerNormEps;
  layer.HiddenAct = config.HiddenAct;
  layer.QueryBias = config.QkvBias;
  layer.GatedSilu = config.UseSwigluFfn;
  this->Layers = RegisterTransformerLayers(*this, "encoder.layer", config.NumHiddenLayers, layer);
  this->Norm = RegisterChild<LayerNorm>(*this, "layernorm", config.HiddenSize, config.LayerNormEps);
  if (config.NumLabels > 0)
  {
    this->Classifier =
      RegisterChild<Linear>(*this, "classifier", 2 * config.HiddenSize, config.NumLabels);
  }
}

Dinov2Model::~Dinov2Model() = default;

std::shared_ptr<Dinov2Model> Dinov2Model::Open(const std::string& folder)
{
  const auto path = std::filesystem::path(folder) / "config.json";
  auto network = std::make_shared<Dinov2Model>(Dinov2Config::Read(Configuration(path.string())));
  // The token that stands for hidden patches is used in training only.
  LoadWeights(*network, folder, "model", "dinov2.",
    { "classifier.", "embeddings.mask_token", "dinov2.embeddings.mask_token" });
  network->eval();
  return network;
}

VisionModel::Output Dinov2Model::Forward(const at::Tensor& pixels, const Request& request) const
{
  Output output;
  at::Tensor last =
    RunLayers(this->Layers, this->Embeddings.Forward(pixels), request, WithoutClassToken, output);
  if (last.defined())
  {
    last = this->Norm->Forward(last);
    output.Patches = WithoutClassToken(last);
    output.ClassToken = last.select(1, 0);
    output.Pooled = output.ClassToken;
    output.ClassScores = this->Classifier
      ? this->Classifier->Forward(at::cat({ output.ClassToken, output.Patches.mean(1) }, 1))
      : at::Tensor();
  }
  return output;
}
}
