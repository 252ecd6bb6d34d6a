// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/ClipTextModel.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Networks/Activations.h"
#include "Filters/Networks/Layers.h"
#include "Filters/Networks/ModelFolder.h"
#include "Filters/Networks/TransformerEncoder.h"

#include <ATen/ATen.h>

#include <filesystem>

namespace tdl
{
namespace
{
/** What configurations of before transformers 4.31 give as eos_token_id, wrongly. */
constexpr std::int64_t StaleEosTokenId = 2;
constexpr std::int64_t DefaultProjectionDim = 512;
}

ClipTextConfig ClipTextConfig::Read(const Configuration& file)
{
  file.Require<std::string>("model_type", "clip_text_model");
  file.Require("use_attention_mask", false);

  ClipTextConfig config;
  config.VocabSize = file.GetCount("vocab_size", config.VocabSize);
  config.HiddenSize = file.GetCount("hidden_size", config.HiddenSize);
  config.IntermediateSize = file.GetCount("intermediate_size", config.IntermediateSize);
  config.NumHiddenLayers = file.GetCount("num_hidden_layers", config.NumHiddenLayers);
  config.NumAttentionHeads = file.GetCount("num_attention_heads", config.NumAttentionHeads);
  if (config.HiddenSize % config.NumAttentionHeads != 0)
  {
    file.Refuse("num_attention_heads");
  }
  config.MaxPositionEmbeddings =
    file.GetCount("max_position_embeddings", config.MaxPositionEmbeddings);
  config.HiddenAct = ReadActivation(file, "hidden_act", config.HiddenAct);
  config.LayerNormEps = file.GetPositive("layer_norm_eps", config.LayerNormEps);
  config.EosTokenId = file.GetCount("eos_token_id", config.EosTokenId, 0);

  const auto architectures =
    file.Get<std::vector<std::string>>("architectures", { "CLIPTextModel" });
  if (architectures == std::vector<std::string>{ "CLIPTextModelWithProjection" })
  {
    config.ProjectionDim = file.GetCount("projection_dim", DefaultProjectionDim);
  }
  else if (architectures != std::vector<std::string>{ "CLIPTextModel" })
  {
    file.Refuse("architectures");
  }
  return config;
}

ClipTextModel::ClipTextModel(const ClipTextConfig& config)
  : Settings(config)
{
  const auto embeddings = RegisterChild<NameLevel>(*this, "embeddings");
  this->TokenEmbedding =
    RegisterChild<Embedding>(*embeddings, "token_embedding", config.VocabSize, config.HiddenSize);
  this->PositionEmbedding = RegisterChild<Embedding>(
    *embeddings, "position_embedding", config.MaxPositionEmbeddings, config.HiddenSize);
  TransformerLayer::Options layer;
  layer.Names = ClipLayerNames;
  layer.Channels = config.HiddenSize;
  layer.Heads = config.NumAttentionHeads;
  layer.Inner = config.IntermediateSize;
  layer.Epsilon = config.LayerNormEps;
  layer.HiddenAct = config.HiddenAct;
  layer.Causal = true;
  this->Layers = RegisterTransformerLayers(*this, "encoder.layers", config.NumHiddenLayers, layer);
  this->FinalLayerNorm =
    RegisterChild<LayerNorm>(*this, "final_layer_norm", config.HiddenSize, config.LayerNormEps);
  if (config.ProjectionDim > 0)
  {
    this->Projection = RegisterChild<Linear>(
      *this, "text_projection", config.HiddenSize, config.ProjectionDim, /*bias=*/false);
  }
}

ClipTextModel::~ClipTextModel() = default;

std::shared_ptr<ClipTextModel> ClipTextModel::Open(const std::string& folder)
{
  const Configuration file((std::filesystem::path(folder) / "config.json").string());
  ClipTextConfig config;
  if (file.Get<std::string>("model_type", "") == "clip")
  {
    config = ClipTextConfig::Read(file.GetPart("text_config"));
    config.ProjectionDim = file.GetCount("projection_dim", DefaultProjectionDim);
  }
  else
  {
    config = ClipTextConfig::Read(file);
  }
  auto network = std::make_shared<ClipTextModel>(config);
  // Older versions of transformers stored the positions 0, 1, 2, ... among the weights.
  LoadWeights(*network, folder, "model", "text_model.",
    { "text_model.embeddings.position_ids", "embeddings.position_ids", "text_projection.",
      "vision_model.", "visual_projection.", "logit_scale" });
  network->eval();
  return network;
}

ClipTextModel::Output ClipTextModel::Forward(const at::Tensor& ids) const
{
  if (ids.size(1) > this->Settings.MaxPositionEmbeddings)
  {
    throw DataError("A text of " + std::to_string(ids.size(1)) +
      " tokens is too long for the text encoder, which takes " +
      std::to_string(this->Settings.MaxPositionEmbeddings) +
      "; choose the tokenizer that belongs to it.");
  }
  const at::Tensor unknown =
    ids.masked_select((ids < 0).logical_or(ids >= this->Settings.VocabSize));
  if (unknown.numel() > 0)
  {
    throw DataError("The token id " + std::to_string(unknown[0].item<std::int64_t>()) +
      " is not among the text encoder's " + std::to_string(this->Settings.VocabSize) +
      "; choose the tokenizer that belongs to it.");
  }

  Output output;
  const at::Tensor positions = at::arange(ids.size(1), ids.options());
  output.HiddenStates.push_back(
    this->TokenEmbedding->Forward(ids) + this->PositionEmbedding->Forward(positions));
  for (const auto& layer : this->Layers)
  {
    output.HiddenStates.push_back(layer->Forward(output.HiddenStates.back()));
  }
  output.LastHiddenState = this->FinalNorm(output.HiddenStates.back());

  // With a stale id the end token is found as the one with the highest id; in either case the first
  // such counts, as the end token may pad.
  const at::Tensor ends = this->Settings.EosTokenId == StaleEosTokenId
    ? ids.argmax(1)
    : ids.eq(this->Settings.EosTokenId).to(at::kInt).argmax(1);
  output.Pooled = output.LastHiddenState.index({ at::arange(ids.size(0), ids.options()), ends });
  if (this->Projection)
  {
    output.TextEmbeds = this->Projection->Forward(output.Pooled);
  }
  return output;
}

at::Tensor ClipTextModel::FinalNorm(const at::Tensor& hidden) const
{
  return this->FinalLayerNorm->Forward(hidden);
}
}
