// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/ViTModel.h"

#include "Filters/Networks/Layers.h"
#include "Filters/Networks/ModelFolder.h"
#include "Filters/Networks/TransformerEncoder.h"
#include "Filters/Networks/WeightFiles.h"

#include <ATen/ATen.h>

#include <filesystem>

namespace tdl
{
namespace
{
constexpr TransformerLayerNames ViTLayerNames{ "layernorm_before", "attention.attention.query",
  "attention.attention.key", "attention.attention.value", "attention.output.dense",
  "layernorm_after", "intermediate.dense", "output.dense" };
}

ViTConfig ViTConfig::Read(const Configuration& file, bool pooler)
{
  file.Require<std::string>("model_type", "vit");

  ViTConfig config;
  config.HiddenSize = file.GetCount("hidden_size", config.HiddenSize);
  config.IntermediateSize = file.GetCount("intermediate_size", config.IntermediateSize);
  config.NumHiddenLayers = file.GetCount("num_hidden_layers", config.NumHiddenLayers);
  config.NumAttentionHeads = file.GetCount("num_attention_heads", config.NumAttentionHeads);
  if (config.HiddenSize % config.NumAttentionHeads != 0)
  {
    file.Refuse("num_attention_heads");
  }
  config.Patches = PatchConfig::Read(file, config.Patches.PatchSize);
  config.HiddenAct = ReadActivation(file, "hidden_act", config.HiddenAct);
  config.LayerNormEps = file.GetPositive("layer_norm_eps", config.LayerNormEps);
  config.QkvBias = file.Get("qkv_bias", config.QkvBias);
  if (pooler)
  {
    config.PoolerOutputSize = file.GetCount("pooler_output_size", config.HiddenSize);
    config.PoolerAct = ReadActivation(file, "pooler_act", config.PoolerAct);
  }
  config.NumLabels = ReadLabelCount(file, "ViTForImageClassification");
  return config;
}

ViTModel::ViTModel(const ViTConfig& config)
  : Settings(config)
  , Embeddings(*this,
      { config.Patches, config.HiddenSize, PatchEmbedding::ViTNames, /*Bias=*/true,
        /*FlatParameters=*/false, /*Interpolate=*/false })
{
  TransformerLayer::Options layer;
  layer.Names = ViTLayerNames;
  layer.Channels = config.HiddenSize;
  layer.Heads = config.NumAttentionHeads;
  layer.Inner = config.IntermediateSize;
  layer.Epsilon = config.LayerNormEps;
  layer.HiddenAct = config.HiddenAct;
  layer.QueryBias = config.QkvBias;
  this->Layers = RegisterTransformerLayers(*this, "encoder.layer", config.NumHiddenLayers, layer);
  this->Norm = RegisterChild<LayerNorm>(*this, "layernorm", config.HiddenSize, config.LayerNormEps);
  if (config.PoolerOutputSize > 0)
  {
    this->Pooler = RegisterChild<Linear>(*RegisterChild<NameLevel>(*this, "pooler"), "dense",
      config.HiddenSize, config.PoolerOutputSize);
  }
  if (config.NumLabels > 0)
  {
    this->Classifier =
      RegisterChild<Linear>(*this, "classifier", config.HiddenSize, config.NumLabels);
  }
}

ViTModel::~ViTModel() = default;

std::shared_ptr<ViTModel> ViTModel::Open(const std::string& folder)
{
  const Configuration file((std::filesystem::path(folder) / "config.json").string());
  bool pooler = false;
  {
    const WeightFiles weights(folder, "model");
    pooler = weights.Entries().count("pooler.dense.weight") > 0 ||
      weights.Entries().count("vit.pooler.dense.weight") > 0;
  }
  auto network = std::make_shared<ViTModel>(ViTConfig::Read(file, pooler));
  LoadWeights(*network, folder, "model", "vit.", { "classifier." });
  network->eval();
  return network;
}

VisionModel::Output ViTModel::Forward(const at::Tensor& pixels, const Request& request) const
{
  Output output;
  at::Tensor last =
    RunLayers(this->Layers, this->Embeddings.Forward(pixels), request, WithoutClassToken, output);
  if (last.defined())
  {
    last = this->Norm->Forward(last);
    output.Patches = WithoutClassToken(last);
    output.ClassToken = last.select(1, 0);
    output.Pooled = this->Pooler
      ? FindActivation(this->Settings.PoolerAct)(this->Pooler->Forward(output.ClassToken))
      : output.ClassToken;
    output.ClassScores =
      this->Classifier ? this->Classifier->Forward(output.ClassToken) : at::Tensor();
  }
  return output;
}
}
