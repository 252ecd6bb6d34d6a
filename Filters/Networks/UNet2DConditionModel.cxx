// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/UNet2DConditionModel.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Networks/InPlace.h"
#include "Filters/Networks/Layers.h"
#include "Filters/Networks/ModelFolder.h"
#include "Filters/Networks/TransformerBlocks.h"
#include "Filters/Networks/UNetBlocks.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <sstream>
#include <tuple>

namespace tdl
{
namespace
{
const char* const AttendingDownBlock = "CrossAttnDownBlock2D";
const char* const AttendingUpBlock = "CrossAttnUpBlock2D";

/** Refuses what would change the network and is not built here. */
void RefuseUnsupported(const Configuration& file)
{
  file.Require<std::string>("_class_name", "UNet2DConditionModel");
  file.Require<std::string>("mid_block_type", "UNetMidBlock2DCrossAttn");
  file.Require<std::string>("time_embedding_type", "positional");
  file.Require<std::string>("addition_embed_type", "text_time");
  file.Require<std::string>("attention_type", "default");
  file.Require("dual_cross_attention", false);
  file.Require("class_embeddings_concat", false);
  file.Require("resnet_skip_time_act", false);
  file.Require("resnet_out_scale_factor", 1.0);
  for (const char* key :
    { "class_embed_type", "encoder_hid_dim", "encoder_hid_dim_type", "num_attention_heads",
      "reverse_transformer_layers_per_block", "time_embedding_act_fn", "timestep_post_act" })
  {
    if (file.Has(key))
    {
      file.Refuse(key);
    }
  }
  if (file.IsNull("norm_num_groups"))
  {
    file.Refuse("norm_num_groups");
  }
  const auto activation = file.Get<std::string>("act_fn", "silu");
  if (activation != "silu" && activation != "swish")
  {
    file.Refuse("act_fn");
  }
}

/** The size of a convolution's kernel; an odd one keeps the image's size. */
std::int64_t ReadKernel(const Configuration& file, const std::string& key)
{
  const std::int64_t kernel = file.GetCount(key, 3);
  if (kernel % 2 == 0)
  {
    file.Refuse(key);
  }
  return kernel;
}

void CheckBlocks(const Configuration& file, const UNet2DConditionConfig& config)
{
  const std::size_t blocks = config.BlockOutChannels.size();
  for (const auto& [key, types, plain, attending] :
    { std::make_tuple(
        "down_block_types", &config.DownBlockTypes, "DownBlock2D", AttendingDownBlock),
      std::make_tuple("up_block_types", &config.UpBlockTypes, "UpBlock2D", AttendingUpBlock) })
  {
    if (types->size() != blocks)
    {
      file.Refuse(key);
    }
    for (const std::string& type : *types)
    {
      if (type != plain && type != attending)
      {
        file.Refuse(key);
      }
    }
  }
  for (std::size_t i = 0; i < blocks; ++i)
  {
    const std::int64_t channels = config.BlockOutChannels[i];
    if (channels < 1 || channels % config.NormNumGroups != 0)
    {
      file.Refuse("block_out_channels");
    }
    const bool attends = config.DownBlockTypes[i] == AttendingDownBlock ||
      config.UpBlockTypes[blocks - 1 - i] == AttendingUpBlock ||
      (config.HasMidBlock && i + 1 == blocks);
    if (attends && channels % config.AttentionHeads[i] != 0)
    {
      file.Refuse("attention_head_dim");
    }
  }
}

[[noreturn]] void RefuseCondition(
  const char* what, const std::string& expected, const at::Tensor& found)
{
  std::ostringstream text;
  text << "The network expects " << what << " of shape " << expected << ", not ";
  if (found.defined())
  {
    text << found.sizes();
  }
  else
  {
    text << "none";
  }
  text << "; choose text encoders that belong to it.";
  throw DataError(text.str());
}
}

UNet2DConditionConfig UNet2DConditionConfig::Read(const Configuration& file)
{
  RefuseUnsupported(file);
  UNet2DConditionConfig config;
  config.BlockOutChannels = file.Get("block_out_channels", config.BlockOutChannels);
  const std::size_t blocks = config.BlockOutChannels.size();
  if (blocks == 0)
  {
    file.Refuse("block_out_channels");
  }
  const auto sampleSize = file.GetPerItem<std::int64_t>("sample_size", 0, 2);
  config.SampleHeight = sampleSize[0];
  config.SampleWidth = sampleSize[1];
  config.InChannels = file.GetCount("in_channels", config.InChannels);
  config.OutChannels = file.GetCount("out_channels", config.OutChannels);
  config.CenterInputSample = file.Get("center_input_sample", config.CenterInputSample);
  config.TimeEmbeddingDim = file.GetCount("time_embedding_dim", config.TimeEmbeddingDim, 0);
  config.FreqShift = file.Get("freq_shift", config.FreqShift);
  config.FlipSinToCos = file.Get("flip_sin_to_cos", config.FlipSinToCos);
  config.DownBlockTypes = file.Get("down_block_types", config.DownBlockTypes);
  config.HasMidBlock = !file.IsNull("mid_block_type");
  config.UpBlockTypes = file.Get("up_block_types", config.UpBlockTypes);
  config.LayersPerBlock = file.GetCounts("layers_per_block", 2, blocks);
  config.TransformerLayersPerBlock = file.GetCounts("transformer_layers_per_block", 1, blocks);
  const auto contextChannels =
    file.GetCounts("cross_attention_dim", config.CrossAttentionDim, blocks);
  config.CrossAttentionDim = contextChannels.front();
  config.AttentionHeads = file.GetCounts("attention_head_dim", 8, blocks);
  config.OnlyCrossAttention = file.GetPerItem("only_cross_attention", false, blocks);
  config.DownsamplePadding = file.GetCount("downsample_padding", config.DownsamplePadding, 0);
  config.MidBlockScaleFactor = file.Get("mid_block_scale_factor", config.MidBlockScaleFactor);
  config.NormNumGroups = file.GetCount("norm_num_groups", config.NormNumGroups);
  config.NormEps = file.Get("norm_eps", config.NormEps);
  config.UseLinearProjection = file.Get("use_linear_projection", config.UseLinearProjection);
  config.NumClassEmbeds = file.GetCount("num_class_embeds", config.NumClassEmbeds, 0);
  config.TimeCondProjDim = file.GetCount("time_cond_proj_dim", config.TimeCondProjDim, 0);
  config.ConvInKernel = ReadKernel(file, "conv_in_kernel");
  config.ConvOutKernel = ReadKernel(file, "conv_out_kernel");
  if (file.Has("addition_embed_type"))
  {
    config.AdditionTimeEmbedDim = file.GetCount("addition_time_embed_dim", 0);
    config.AdditionInputDim = file.GetCount("projection_class_embeddings_input_dim", 0);
  }
  const auto timeScaleShift = file.Get<std::string>("resnet_time_scale_shift", "default");
  if (timeScaleShift != "default" && timeScaleShift != "scale_shift")
  {
    file.Refuse("resnet_time_scale_shift");
  }
  config.ScaleShift = timeScaleShift == "scale_shift";
  for (const std::int64_t channels : contextChannels)
  {
    if (channels != config.CrossAttentionDim) // All blocks attend to the same context.
    {
      file.Refuse("cross_attention_dim");
    }
  }
  CheckBlocks(file, config);
  return config;
}

UNet2DConditionModel::UNet2DConditionModel(const UNet2DConditionConfig& config)
  : Settings(config)
{
  const auto& channels = config.BlockOutChannels;
  const std::size_t blocks = channels.size();
  const std::int64_t timeChannels =
    config.TimeEmbeddingDim > 0 ? config.TimeEmbeddingDim : 4 * channels.front();
  const BlockSettings settings{ timeChannels, config.NormNumGroups, config.NormEps,
    config.ScaleShift };
  const auto transformer = [&config](std::size_t level, bool onlyContext) -> AttentionMaker
  {
    const Transformer2DModel::Options options{ { config.BlockOutChannels[level],
                                                 config.CrossAttentionDim,
                                                 config.AttentionHeads[level], onlyContext },
      config.TransformerLayersPerBlock[level], config.NormNumGroups, config.UseLinearProjection };
    return [options] { return std::make_shared<Transformer2DModel>(options); };
  };

  this->ConvIn = RegisterChild<Conv2d>(*this, "conv_in", config.InChannels, channels.front(),
    config.ConvInKernel, Conv2d::Options{ 1, config.ConvInKernel / 2 });
  this->TimeEmbedding = RegisterChild<TimestepEmbedding>(
    *this, "time_embedding", channels.front(), timeChannels, config.TimeCondProjDim);
  if (config.NumClassEmbeds > 0)
  {
    this->ClassEmbedding =
      RegisterChild<Embedding>(*this, "class_embedding", config.NumClassEmbeds, timeChannels);
  }
  if (config.AdditionInputDim > 0)
  {
    this->AddEmbedding = RegisterChild<TimestepEmbedding>(
      *this, "add_embedding", config.AdditionInputDim, timeChannels);
  }

  for (std::size_t i = 0; i < blocks; ++i)
  {
    const bool attends = config.DownBlockTypes[i] == AttendingDownBlock;
    this->DownBlocks.push_back(std::make_shared<UNetDownBlock>(
      UNetDownBlock::Options{ channels[i == 0 ? 0 : i - 1], channels[i], config.LayersPerBlock[i],
        attends ? transformer(i, config.OnlyCrossAttention[i]) : AttentionMaker(), i + 1 < blocks,
        config.DownsamplePadding },
      settings));
  }
  RegisterList(*this, "down_blocks", this->DownBlocks);

  if (config.HasMidBlock)
  {
    BlockSettings midSettings = settings;
    midSettings.OutputScaleFactor = config.MidBlockScaleFactor;
    // As diffusers: the middle attends to itself first, whatever only_cross_attention says.
    this->MidBlock = RegisterChild<UNetMidBlock>(
      *this, "mid_block", channels.back(), transformer(blocks - 1, false), midSettings);
  }

  for (std::size_t i = 0; i < blocks; ++i)
  {
    // The decoder mirrors the encoder: stage i works at the resolution of encoder block `level`.
    const std::size_t level = blocks - 1 - i;
    const bool attends = config.UpBlockTypes[i] == AttendingUpBlock;
    this->UpBlocks.push_back(std::make_shared<UNetUpBlock>(
      UNetUpBlock::Options{ channels[i == 0 ? level : level + 1],
        channels[level == 0 ? 0 : level - 1], channels[level], config.LayersPerBlock[level] + 1,
        attends ? transformer(level, config.OnlyCrossAttention[level]) : AttentionMaker(),
        level > 0 },
      settings));
  }
  RegisterList(*this, "up_blocks", this->UpBlocks);

  this->ConvNormOut = RegisterChild<GroupNorm>(
    *this, "conv_norm_out", config.NormNumGroups, channels.front(), config.NormEps);
  this->ConvOut = RegisterChild<Conv2d>(*this, "conv_out", channels.front(), config.OutChannels,
    config.ConvOutKernel, Conv2d::Options{ 1, config.ConvOutKernel / 2 });
}

UNet2DConditionModel::~UNet2DConditionModel() = default;

std::shared_ptr<UNet2DConditionModel> UNet2DConditionModel::Open(const std::string& folder)
{
  const auto path = std::filesystem::path(folder) / "config.json";
  auto network = std::make_shared<UNet2DConditionModel>(
    UNet2DConditionConfig::Read(Configuration(path.string())));
  LoadWeights(*network, folder, "diffusion_pytorch_model");
  network->eval();
  return network;
}

at::Tensor UNet2DConditionModel::EmbedTime(
  const at::Tensor& sample, const at::Tensor& timesteps, const UNet2DConditions& conditions) const
{
  const UNet2DConditionConfig& config = this->Settings;
  const std::int64_t images = sample.size(0);
  const auto embed = [&](const at::Tensor& values, std::int64_t channels)
  {
    return EmbedTimesteps(values, channels, config.FlipSinToCos, config.FreqShift)
      .to(sample.scalar_type());
  };
  if (conditions.Guidance.defined() &&
    conditions.Guidance.sizes() != at::IntArrayRef({ images, config.TimeCondProjDim }))
  {
    RefuseCondition("a guidance embedding",
      "[" + std::to_string(images) + ", " + std::to_string(config.TimeCondProjDim) + "]",
      conditions.Guidance);
  }
  at::Tensor time = this->TimeEmbedding->Forward(
    embed(timesteps, config.BlockOutChannels.front()), conditions.Guidance);
  if (this->ClassEmbedding)
  {
    if (!conditions.ClassLabels.defined() || conditions.ClassLabels.numel() != images)
    {
      RefuseCondition("class labels", "[" + std::to_string(images) + "]", conditions.ClassLabels);
    }
    time = time + this->ClassEmbedding->Forward(conditions.ClassLabels);
  }
  if (this->AddEmbedding)
  {
    const at::Tensor& ids = conditions.TimeIds;
    if (!ids.defined() || ids.dim() != 2 || ids.size(0) != images)
    {
      RefuseCondition("time ids", "[" + std::to_string(images) + ", 6]", ids);
    }
    const std::int64_t textChannels =
      config.AdditionInputDim - ids.size(1) * config.AdditionTimeEmbedDim;
    const at::Tensor& text = conditions.PooledText;
    if (!text.defined() || text.sizes() != at::IntArrayRef({ images, textChannels }))
    {
      RefuseCondition("a pooled text embedding",
        "[" + std::to_string(images) + ", " + std::to_string(textChannels) + "]", text);
    }
    const at::Tensor sizes =
      embed(ids.flatten(), config.AdditionTimeEmbedDim).reshape({ images, -1 });
    time = time + this->AddEmbedding->Forward(at::cat({ text.to(sizes.scalar_type()), sizes }, 1));
  }
  return time;
}

at::Tensor UNet2DConditionModel::Forward(const at::Tensor& sample, const at::Tensor& timesteps,
  const UNet2DConditions& conditions, at::Tensor* activations) const
{
  const at::Tensor& context = conditions.Context;
  const std::int64_t contextChannels = this->Settings.CrossAttentionDim;
  if (!context.defined() || context.dim() != 3 || context.size(0) != sample.size(0) ||
    context.size(2) != contextChannels)
  {
    RefuseCondition("a context",
      "[" + std::to_string(sample.size(0)) + ", tokens, " + std::to_string(contextChannels) + "]",
      context);
  }
  // Every resnet begins with the same activation of the time embedding.
  const BlockConditions blockConditions{ at::silu(this->EmbedTime(sample, timesteps, conditions)),
    context };

  at::Tensor hidden =
    this->ConvIn->Forward(this->Settings.CenterInputSample ? 2 * sample - 1 : sample);
  std::vector<at::Tensor> skips{ hidden };
  for (const auto& block : this->DownBlocks)
  {
    hidden = block->Forward(hidden, blockConditions, &skips);
  }
  if (this->MidBlock)
  {
    hidden = this->MidBlock->Forward(hidden, blockConditions);
  }
  if (activations)
  {
    *activations = hidden.mean({ 2, 3 });
  }
  for (const auto& block : this->UpBlocks)
  {
    hidden = block->Forward(hidden, blockConditions, &skips);
  }
  return this->ConvOut->Forward(Silu(this->ConvNormOut->Forward(hidden)));
}
}
