// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/ClipTextModel.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Networks/Attention.h"
#include "Filters/Networks/Layers.h"
#include "Filters/Networks/ModelFolder.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <map>

namespace tdl
{
namespace
{
using Activation = at::Tensor (*)(const at::Tensor&);

/** The activations of CLIP's text encoders by transformers' names. */
const std::map<std::string, Activation> Activations{
  { "quick_gelu", [](const at::Tensor& input) { return input * at::sigmoid(input * 1.702); } },
  { "gelu", [](const at::Tensor& input) { return at::gelu(input); } },
};

/** What configurations of before transformers 4.31 give as eos_token_id, wrongly. */
constexpr std::int64_t StaleEosTokenId = 2;

/** Nests modules under a name, as transformers' module tree does. */
class Group : public torch::nn::Module
{
};
}

/** Attention and a perceptron, each behind a normalization and beside a residual connection. */
class ClipTextLayer : public torch::nn::Module
{
public:
  explicit ClipTextLayer(const ClipTextConfig& config)
    : Heads(config.NumAttentionHeads)
    , Activate(Activations.at(config.HiddenAct))
  {
    const std::int64_t channels = config.HiddenSize;
    this->Norm1 = RegisterChild<LayerNorm>(*this, "layer_norm1", channels, config.LayerNormEps);
    const auto attention = RegisterChild<Group>(*this, "self_attn");
    this->Query = RegisterChild<Linear>(*attention, "q_proj", channels, channels);
    this->Key = RegisterChild<Linear>(*attention, "k_proj", channels, channels);
    this->Value = RegisterChild<Linear>(*attention, "v_proj", channels, channels);
    this->Output = RegisterChild<Linear>(*attention, "out_proj", channels, channels);
    this->Norm2 = RegisterChild<LayerNorm>(*this, "layer_norm2", channels, config.LayerNormEps);
    const auto perceptron = RegisterChild<Group>(*this, "mlp");
    this->Widen = RegisterChild<Linear>(*perceptron, "fc1", channels, config.IntermediateSize);
    this->Narrow = RegisterChild<Linear>(*perceptron, "fc2", config.IntermediateSize, channels);
  }

  /** (B, T, C) -> the same shape */
  at::Tensor Forward(const at::Tensor& input) const
  {
    const at::Tensor normalized = this->Norm1->Forward(input);
    const auto splitHeads = [this](const at::Tensor& projected) {
      return projected.unflatten(2, { this->Heads, -1 }).transpose(1, 2);
    };
    const at::Tensor attended = Attend(splitHeads(this->Query->Forward(normalized)),
      splitHeads(this->Key->Forward(normalized)), splitHeads(this->Value->Forward(normalized)),
      /*causal=*/true)
                                  .transpose(1, 2)
                                  .flatten(2);
    const at::Tensor hidden = input + this->Output->Forward(attended);
    return hidden +
      this->Narrow->Forward(this->Activate(this->Widen->Forward(this->Norm2->Forward(hidden))));
  }

private:
  std::int64_t Heads;
  Activation Activate;
  std::shared_ptr<LayerNorm> Norm1;
  std::shared_ptr<Linear> Query;
  std::shared_ptr<Linear> Key;
  std::shared_ptr<Linear> Value;
  std::shared_ptr<Linear> Output;
  std::shared_ptr<LayerNorm> Norm2;
  std::shared_ptr<Linear> Widen;
  std::shared_ptr<Linear> Narrow;
};

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
  config.HiddenAct = file.Get("hidden_act", config.HiddenAct);
  if (Activations.count(config.HiddenAct) == 0)
  {
    file.Refuse("hidden_act");
  }
  config.LayerNormEps = file.Get("layer_norm_eps", config.LayerNormEps);
  if (!(config.LayerNormEps > 0.0))
  {
    file.Refuse("layer_norm_eps");
  }
  config.EosTokenId = file.GetCount("eos_token_id", config.EosTokenId, 0);

  const auto architectures =
    file.Get<std::vector<std::string>>("architectures", { "CLIPTextModel" });
  if (architectures == std::vector<std::string>{ "CLIPTextModelWithProjection" })
  {
    constexpr std::int64_t defaultProjectionDim = 512;
    config.ProjectionDim = file.GetCount("projection_dim", defaultProjectionDim);
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
  const auto embeddings = RegisterChild<Group>(*this, "embeddings");
  this->TokenEmbedding =
    RegisterChild<Embedding>(*embeddings, "token_embedding", config.VocabSize, config.HiddenSize);
  this->PositionEmbedding = RegisterChild<Embedding>(
    *embeddings, "position_embedding", config.MaxPositionEmbeddings, config.HiddenSize);
  for (std::int64_t i = 0; i < config.NumHiddenLayers; ++i)
  {
    this->Layers.push_back(std::make_shared<ClipTextLayer>(config));
  }
  RegisterList(*RegisterChild<Group>(*this, "encoder"), "layers", this->Layers);
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
  const auto path = std::filesystem::path(folder) / "config.json";
  auto network =
    std::make_shared<ClipTextModel>(ClipTextConfig::Read(Configuration(path.string())));
  // Older versions of transformers stored the positions 0, 1, 2, ... among the weights.
  LoadWeights(*network, folder, "model", "text_model.",
    { "text_model.embeddings.position_ids", "embeddings.position_ids", "text_projection." });
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
