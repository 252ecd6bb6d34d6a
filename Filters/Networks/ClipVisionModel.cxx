// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/ClipVisionModel.h"

#include "Filters/Networks/Layers.h"
#include "Filters/Networks/ModelFolder.h"
#include "Filters/Networks/TransformerEncoder.h"

#include <ATen/ATen.h>

#include <filesystem>

namespace tdl
{
namespace
{
constexpr PatchEmbedding::Names EmbeddingNames{ "embeddings.patch_embedding",
  "embeddings.class_embedding", "embeddings.position_embedding.weight" };
}

ClipVisionConfig ClipVisionConfig::Read(const Configuration& file)
{
  constexpr std::int64_t defaultPatchSize = 32;
  constexpr std::int64_t defaultProjectionDim = 512;
  const bool whole = file.Get<std::string>("model_type", "") == "clip";
  if (!whole)
  {
    file.Require<std::string>("model_type", "clip_vision_model");
  }
  const Configuration vision = whole ? file.GetPart("vision_config") : file;

  ClipVisionConfig config;
  config.HiddenSize = vision.GetCount("hidden_size", config.HiddenSize);
  config.IntermediateSize = vision.GetCount("intermediate_size", config.IntermediateSize);
  config.NumHiddenLayers = vision.GetCount("num_hidden_layers", config.NumHiddenLayers);
  config.NumAttentionHeads = vision.GetCount("num_attention_heads", config.NumAttentionHeads);
  if (config.HiddenSize % config.NumAttentionHeads != 0)
  {
    vision.Refuse("num_attention_heads");
  }
  config.Patches = PatchConfig::Read(vision, defaultPatchSize);
  config.HiddenAct = ReadActivation(vision, "hidden_act", config.HiddenAct);
  config.LayerNormEps = vision.GetPositive("layer_norm_eps", config.LayerNormEps);

  const auto architectures = file.Get<std::vector<std::string>>(
    "architectures", { whole ? "CLIPModel" : "CLIPVisionModel" });
  if (whole || architectures == std::vector<std::string>{ "CLIPVisionModelWithProjection" })
  {
    config.ProjectionDim = file.GetCount("projection_dim", defaultProjectionDim);
  }
  else if (architectures != std::vector<std::string>{ "CLIPVisionModel" })
  {
    file.Refuse("architectures");
  }
  return config;
}

ClipVisionModel::ClipVisionModel(const ClipVisionConfig& config)
  : Settings(config)
  , Embeddings(*this,
      { config.Patches, config.HiddenSize, EmbeddingNames, /*Bias=*/false,
        /*FlatParameters=*/true, /*Interpolate=*/false })
{
  const auto norm = [&](const char* name)
  { return RegisterChild<LayerNorm>(*this, name, config.HiddenSize, config.LayerNormEps); };
  this->NormBefore = norm("pre_layrnorm"); // as transformers spells it
  TransformerLayer::Options layer;
  layer.Names = ClipLayerNames;
  layer.Channels = config.HiddenSize;
  layer.Heads = config.NumAttentionHeads;
  layer.Inner = config.IntermediateSize;
  layer.Epsilon = config.LayerNormEps;
  layer.HiddenAct = config.HiddenAct;
  this->Layers = RegisterTransformerLayers(*this, "encoder.layers", config.NumHiddenLayers, layer);
  this->NormAfter = norm("post_layernorm");
  if (config.ProjectionDim > 0)
  {
    this->Projection = RegisterChild<Linear>(
      *this, "visual_projection", config.HiddenSize, config.ProjectionDim, /*bias=*/false);
  }
}

ClipVisionModel::~ClipVisionModel() = default;

std::shared_ptr<ClipVisionModel> ClipVisionModel::Open(const std::string& folder)
{
  const auto path = std::filesystem::path(folder) / "config.json";
  auto network =
    std::make_shared<ClipVisionModel>(ClipVisionConfig::Read(Configuration(path.string())));
  // Older versions of transformers stored the positions 0, 1, 2, ... among the weights.
  LoadWeights(*network, folder, "model", "vision_model.",
    { "vision_model.embeddings.position_ids", "embeddings.position_ids", "visual_projection.",
      "text_model.", "text_projection.", "logit_scale" });
  network->eval();
  return network;
}

VisionModel::Output ClipVisionModel::Forward(const at::Tensor& pixels, const Request& request) const
{
  Output output;
  const at::Tensor last =
    RunLayers(this->Layers, this->NormBefore->Forward(this->Embeddings.Forward(pixels)), request,
      WithoutClassToken, output);
  if (last.defined())
  {
    output.Patches = WithoutClassToken(last);
    output.ClassToken = this->NormAfter->Forward(last.select(1, 0));
    output.Embedding =
      this->Projection ? this->Projection->Forward(output.ClassToken) : at::Tensor();
    output.Pooled = this->Projection ? output.Embedding : output.ClassToken;
  }
  return output;
}
}
