// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/DiTTransformer2DModel.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Networks/Layers.h"
#include "Filters/Networks/ModelFolder.h"
#include "Filters/Networks/TransformerBlocks.h"
#include "Filters/Networks/UNetBlocks.h"

#include <ATen/ATen.h>

#include <cmath>
#include <filesystem>
#include <sstream>

namespace tdl
{
namespace
{
constexpr double ModulatedNormEpsilon = 1e-6; ///< diffusers offers no key for it.
constexpr std::int64_t TimeChannels = 256;    ///< Width of a timestep's sinusoidal embedding.

/** Normalized tokens (B, tokens, C), shifted and scaled by (B, C). */
at::Tensor Modulate(const at::Tensor& tokens, const at::Tensor& shift, const at::Tensor& scale)
{
  return tokens * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1);
}

/** Sine and cosine of positions, (tokens) float64 -> (tokens, channels). */
at::Tensor EmbedAxis(const at::Tensor& positions, std::int64_t channels)
{
  const std::int64_t half = channels / 2;
  const at::Tensor exponents = at::arange(half, positions.options()) / static_cast<double>(half);
  const at::Tensor angles = at::outer(positions, (exponents * -std::log(10000.0)).exp());
  return at::cat({ angles.sin(), angles.cos() }, 1);
}
}

/** Self-attention and feed-forward, both modulated by timestep and class (adaLN-Zero). */
class DiTBlock : public torch::nn::Module
{
public:
  explicit DiTBlock(const DiTTransformer2DConfig& config)
  {
    const std::int64_t channels = config.Channels();
    const auto norm1 = RegisterChild<NameLevel>(*this, "norm1");
    const auto embedder = RegisterChild<NameLevel>(*norm1, "emb");
    this->TimeEmbedder =
      RegisterChild<TimestepEmbedding>(*embedder, "timestep_embedder", TimeChannels, channels);
    const auto classEmbedder = RegisterChild<NameLevel>(*embedder, "class_embedder");
    this->ClassEmbedder =
      RegisterChild<Embedding>(*classEmbedder, "embedding_table", config.NumClasses + 1, channels);
    this->Modulation = RegisterChild<Linear>(*norm1, "linear", channels, 6 * channels);
    this->Norm1 = RegisterChild<LayerNorm>(*norm1, "norm", channels, ModulatedNormEpsilon, false);
    this->Attention = RegisterChild<TokenAttention>(*this, "attn1",
      AttentionProjections::Options{
        channels, channels, config.NumAttentionHeads, config.AttentionBias });
    this->Norm3 = RegisterChild<LayerNorm>(*this, "norm3", channels, config.NormEps, false);
    this->Feed =
      RegisterChild<FeedForward>(*this, "ff", channels, FeedForward::Activation::GeluTanh);
  }

  /** (B, TimeChannels), (B) int64 -> (B, C) */
  at::Tensor Condition(const at::Tensor& time, const at::Tensor& classLabels) const
  {
    return this->TimeEmbedder->Forward(time) + this->ClassEmbedder->Forward(classLabels);
  }

  /** (B, tokens, C), (B, C) -> (B, tokens, C) */
  at::Tensor Forward(at::Tensor tokens, const at::Tensor& condition) const
  {
    // Shift, scale and gate of the attention, then of the feed-forward layers.
    const auto parts = this->Modulation->Forward(at::silu(condition)).chunk(6, 1);
    const at::Tensor attending = Modulate(this->Norm1->Forward(tokens), parts[0], parts[1]);
    tokens = parts[2].unsqueeze(1) * this->Attention->Forward(attending, attending) + tokens;
    const at::Tensor feeding = Modulate(this->Norm3->Forward(tokens), parts[3], parts[4]);
    return parts[5].unsqueeze(1) * this->Feed->Forward(feeding) + tokens;
  }

private:
  std::shared_ptr<TimestepEmbedding> TimeEmbedder;
  std::shared_ptr<Embedding> ClassEmbedder;
  std::shared_ptr<Linear> Modulation;
  std::shared_ptr<LayerNorm> Norm1;
  std::shared_ptr<TokenAttention> Attention;
  std::shared_ptr<LayerNorm> Norm3;
  std::shared_ptr<FeedForward> Feed;
};

DiTTransformer2DConfig DiTTransformer2DConfig::Read(const Configuration& file)
{
  // Files from before the class had its own name hold a Transformer2DModel, of which there are
  // other kinds, too.
  const auto className = file.Get<std::string>("_class_name", "DiTTransformer2DModel");
  if (className != "DiTTransformer2DModel" && className != "Transformer2DModel")
  {
    file.Refuse("_class_name");
  }
  const char* const norm = "ada_norm_zero";
  if (file.Get<std::string>("norm_type", className == "Transformer2DModel" ? "" : norm) != norm)
  {
    file.Refuse("norm_type");
  }
  file.Require<std::string>("activation_fn", "gelu-approximate");
  file.Require("norm_elementwise_affine", false);
  if (file.IsNull("num_embeds_ada_norm"))
  {
    file.Refuse("num_embeds_ada_norm");
  }
  for (const char* key : { "num_vector_embeds", "cross_attention_dim", "caption_channels" })
  {
    if (file.Has(key))
    {
      file.Refuse(key);
    }
  }

  DiTTransformer2DConfig config;
  config.InChannels = file.GetCount("in_channels", config.InChannels);
  config.OutChannels = file.GetCount("out_channels", config.InChannels);
  config.NumAttentionHeads = file.GetCount("num_attention_heads", config.NumAttentionHeads);
  config.AttentionHeadDim = file.GetCount("attention_head_dim", config.AttentionHeadDim);
  config.NumLayers = file.GetCount("num_layers", config.NumLayers);
  config.PatchSize = file.GetCount("patch_size", config.PatchSize);
  config.SampleSize = file.GetCount("sample_size", config.SampleSize);
  config.AttentionBias = file.Get("attention_bias", config.AttentionBias);
  config.NumClasses = file.GetCount("num_embeds_ada_norm", config.NumClasses);
  config.NormEps = file.Get("norm_eps", config.NormEps);
  if (config.Channels() % 4 != 0) // Sine and cosine of column and row.
  {
    file.Refuse("attention_head_dim");
  }
  if (config.SampleSize < config.PatchSize)
  {
    file.Refuse("sample_size");
  }
  return config;
}

DiTTransformer2DModel::DiTTransformer2DModel(const DiTTransformer2DConfig& config)
  : Settings(config)
{
  const std::int64_t channels = config.Channels();
  const auto embedding = RegisterChild<NameLevel>(*this, "pos_embed");
  this->PatchProjection = RegisterChild<Conv2d>(*embedding, "proj", config.InChannels, channels,
    config.PatchSize, Conv2d::Options{ config.PatchSize, 0 });
  for (std::int64_t i = 0; i < config.NumLayers; ++i)
  {
    this->Blocks.push_back(std::make_shared<DiTBlock>(config));
  }
  RegisterList(*this, "transformer_blocks", this->Blocks);
  this->NormOut =
    RegisterChild<LayerNorm>(*this, "norm_out", channels, ModulatedNormEpsilon, false);
  this->ModulationOut = RegisterChild<Linear>(*this, "proj_out_1", channels, 2 * channels);
  this->ProjectionOut = RegisterChild<Linear>(
    *this, "proj_out_2", channels, config.PatchSize * config.PatchSize * config.OutChannels);
}

DiTTransformer2DModel::~DiTTransformer2DModel() = default;

std::shared_ptr<DiTTransformer2DModel> DiTTransformer2DModel::Open(const std::string& folder)
{
  const auto path = std::filesystem::path(folder) / "config.json";
  auto network = std::make_shared<DiTTransformer2DModel>(
    DiTTransformer2DConfig::Read(Configuration(path.string())));
  LoadWeights(*network, folder, "diffusion_pytorch_model");
  network->eval();
  return network;
}

at::Tensor DiTTransformer2DModel::EmbedPositions(std::int64_t grid, at::Device device) const
{
  // An image of another size is stretched over the positions of SampleSize.
  const std::int64_t base = this->Settings.SampleSize / this->Settings.PatchSize;
  const at::Tensor positions =
    at::arange(grid, at::TensorOptions().dtype(at::kDouble).device(device)) *
    (static_cast<double>(base) / static_cast<double>(grid));
  const at::Tensor axis = EmbedAxis(positions, this->Settings.Channels() / 2);
  const at::Tensor columns = axis.unsqueeze(0).expand({ grid, grid, axis.size(1) });
  const at::Tensor rows = axis.unsqueeze(1).expand({ grid, grid, axis.size(1) });
  return at::cat({ columns, rows }, 2).flatten(0, 1);
}

at::Tensor DiTTransformer2DModel::Forward(const at::Tensor& sample, const at::Tensor& timesteps,
  const at::Tensor& classLabels, at::Tensor* activations) const
{
  const DiTTransformer2DConfig& config = this->Settings;
  const std::int64_t patch = config.PatchSize;
  if (sample.size(2) != sample.size(3) || sample.size(2) % patch != 0)
  {
    std::ostringstream text;
    text << "The network takes square images whose sides are divisible by " << patch << ", not "
         << sample.size(3) << " x " << sample.size(2) << " latent pixels; choose another size.";
    throw DataError(text.str());
  }
  if (!classLabels.defined() || classLabels.numel() != sample.size(0))
  {
    throw DataError("The network needs a class label for each of its " +
      std::to_string(sample.size(0)) + " images; give as many.");
  }
  const at::Tensor time =
    EmbedTimesteps(timesteps, TimeChannels, true, 1.0).to(sample.scalar_type());
  const std::int64_t grid = sample.size(2) / patch;
  at::Tensor tokens = this->PatchProjection->Forward(sample).flatten(2).transpose(1, 2);
  tokens = tokens + this->EmbedPositions(grid, tokens.device()).to(tokens.options());
  for (const auto& block : this->Blocks)
  {
    tokens = block->Forward(tokens, block->Condition(time, classLabels));
    if (activations && block == this->Blocks[(this->Blocks.size() - 1) / 2])
    {
      *activations = tokens.mean(1);
    }
  }

  const at::Tensor condition = this->Blocks.front()->Condition(time, classLabels);
  const auto modulation = this->ModulationOut->Forward(at::silu(condition)).chunk(2, 1);
  tokens = this->ProjectionOut->Forward(
    Modulate(this->NormOut->Forward(tokens), modulation[0], modulation[1]));
  return tokens.reshape({ -1, grid, grid, patch, patch, config.OutChannels })
    .permute({ 0, 5, 1, 3, 2, 4 })
    .reshape({ -1, config.OutChannels, grid * patch, grid * patch });
}
}
