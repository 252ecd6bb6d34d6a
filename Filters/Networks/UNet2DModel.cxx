// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/UNet2DModel.h"

#include "Filters/Networks/InPlace.h"
#include "Filters/Networks/Layers.h"
#include "Filters/Networks/ModelFolder.h"
#include "Filters/Networks/UNetBlocks.h"

#include <ATen/ATen.h>

#include <filesystem>

namespace tdl
{
namespace
{
/** Whether a block has attention. @throws FileError for a type that is neither `plain` nor
 * `attending`. */
bool HasAttention(const Configuration& file, const std::string& key, const std::string& type,
  const char* plain, const char* attending)
{
  if (type != plain && type != attending)
  {
    file.Refuse(key);
  }
  return type == attending;
}
}

UNet2DConfig UNet2DConfig::Read(const Configuration& file)
{
  file.Require<std::string>("_class_name", "UNet2DModel");
  file.Require<std::string>("time_embedding_type", "positional");
  file.Require<std::string>("mid_block_type", "UNetMidBlock2D");
  file.Require<std::string>("downsample_type", "conv");
  file.Require<std::string>("upsample_type", "conv");
  if (file.Has("class_embed_type"))
  {
    file.Refuse("class_embed_type");
  }
  const auto activation = file.Get<std::string>("act_fn", "silu");
  if (activation != "silu" && activation != "swish")
  {
    file.Refuse("act_fn");
  }

  UNet2DConfig config;
  config.SampleSize = file.GetCount("sample_size", config.SampleSize, 0);
  config.InChannels = file.GetCount("in_channels", config.InChannels);
  config.OutChannels = file.GetCount("out_channels", config.OutChannels);
  config.CenterInputSample = file.Get("center_input_sample", config.CenterInputSample);
  config.TimeEmbeddingDim = file.GetCount("time_embedding_dim", config.TimeEmbeddingDim, 0);
  config.FreqShift = file.Get("freq_shift", config.FreqShift);
  config.FlipSinToCos = file.Get("flip_sin_to_cos", config.FlipSinToCos);
  config.DownBlockTypes = file.Get("down_block_types", config.DownBlockTypes);
  config.UpBlockTypes = file.Get("up_block_types", config.UpBlockTypes);
  config.BlockOutChannels = file.Get("block_out_channels", config.BlockOutChannels);
  config.LayersPerBlock = file.GetCount("layers_per_block", config.LayersPerBlock);
  config.MidBlockScaleFactor = file.Get("mid_block_scale_factor", config.MidBlockScaleFactor);
  config.DownsamplePadding = file.GetCount("downsample_padding", config.DownsamplePadding, 0);
  // null means "one head as wide as the block", a missing key the default.
  config.AttentionHeadDim = file.IsNull("attention_head_dim")
    ? 0
    : file.GetCount("attention_head_dim", config.AttentionHeadDim);
  config.NormNumGroups = file.GetCount("norm_num_groups", config.NormNumGroups);
  config.AttnNormNumGroups = file.GetCount("attn_norm_num_groups", config.AttnNormNumGroups, 0);
  config.NormEps = file.Get("norm_eps", config.NormEps);
  config.AddAttention = file.Get("add_attention", config.AddAttention);
  config.NumClassEmbeds = file.GetCount("num_class_embeds", config.NumClassEmbeds, 0);
  const auto timeScaleShift = file.Get<std::string>("resnet_time_scale_shift", "default");
  if (timeScaleShift != "default" && timeScaleShift != "scale_shift")
  {
    file.Refuse("resnet_time_scale_shift");
  }
  config.ScaleShift = timeScaleShift == "scale_shift";

  const std::size_t blocks = config.BlockOutChannels.size();
  if (blocks == 0)
  {
    file.Refuse("block_out_channels");
  }
  if (config.DownBlockTypes.size() != blocks)
  {
    file.Refuse("down_block_types");
  }
  if (config.UpBlockTypes.size() != blocks)
  {
    file.Refuse("up_block_types");
  }
  for (const std::int64_t channels : config.BlockOutChannels)
  {
    if (channels < 1 || channels % config.NormNumGroups != 0)
    {
      file.Refuse("block_out_channels");
    }
    if (config.AttentionHeadDim > 0 && config.AttentionHeadDim > channels)
    {
      file.Refuse("attention_head_dim");
    }
  }
  for (const std::string& type : config.DownBlockTypes)
  {
    HasAttention(file, "down_block_types", type, "DownBlock2D", "AttnDownBlock2D");
  }
  for (const std::string& type : config.UpBlockTypes)
  {
    HasAttention(file, "up_block_types", type, "UpBlock2D", "AttnUpBlock2D");
  }
  return config;
}

UNet2DModel::UNet2DModel(const UNet2DConfig& config)
  : Settings(config)
{
  const auto& channels = config.BlockOutChannels;
  const std::size_t blocks = channels.size();
  const std::int64_t timeChannels =
    config.TimeEmbeddingDim > 0 ? config.TimeEmbeddingDim : 4 * channels.front();
  const BlockSettings settings{ timeChannels, config.NormNumGroups, config.NormEps,
    config.ScaleShift };
  const auto attention = [&config](bool wanted, std::int64_t blockChannels, std::int64_t groups,
                           const BlockSettings& blockSettings) -> AttentionMaker
  {
    if (!wanted)
    {
      return {};
    }
    const std::int64_t width =
      config.AttentionHeadDim > 0 ? config.AttentionHeadDim : blockChannels;
    return [=]
    { return std::make_shared<AttentionBlock>(blockChannels, width, groups, blockSettings); };
  };

  this->ConvIn = this->register_module("conv_in",
    std::make_shared<Conv2d>(config.InChannels, channels.front(), 3, Conv2d::Options{ 1, 1 }));
  this->TimeEmbedding = this->register_module(
    "time_embedding", std::make_shared<TimestepEmbedding>(channels.front(), timeChannels));
  if (config.NumClassEmbeds > 0)
  {
    this->ClassEmbedding = this->register_module(
      "class_embedding", std::make_shared<Embedding>(config.NumClassEmbeds, timeChannels));
  }

  for (std::size_t i = 0; i < blocks; ++i)
  {
    const bool attends = config.DownBlockTypes[i] == "AttnDownBlock2D";
    this->DownBlocks.push_back(std::make_shared<UNetDownBlock>(
      UNetDownBlock::Options{ channels[i == 0 ? 0 : i - 1], channels[i], config.LayersPerBlock,
        attention(attends, channels[i], settings.Groups, settings), i + 1 < blocks,
        config.DownsamplePadding },
      settings));
  }
  RegisterList(*this, "down_blocks", this->DownBlocks);

  BlockSettings midSettings = settings;
  midSettings.OutputScaleFactor = config.MidBlockScaleFactor;
  // As diffusers: with scale-shift modulation only an explicit group count normalizes.
  const std::int64_t defaultGroups = config.ScaleShift ? 0 : config.NormNumGroups;
  this->MidBlock = this->register_module("mid_block",
    std::make_shared<UNetMidBlock>(channels.back(),
      attention(config.AddAttention, channels.back(),
        config.AttnNormNumGroups > 0 ? config.AttnNormNumGroups : defaultGroups, midSettings),
      midSettings));

  for (std::size_t i = 0; i < blocks; ++i)
  {
    // The decoder mirrors the encoder: stage i works at the resolution of encoder block `level`.
    const std::size_t level = blocks - 1 - i;
    const bool attends = config.UpBlockTypes[i] == "AttnUpBlock2D";
    this->UpBlocks.push_back(std::make_shared<UNetUpBlock>(
      UNetUpBlock::Options{ channels[i == 0 ? level : level + 1],
        channels[level == 0 ? 0 : level - 1], channels[level], config.LayersPerBlock + 1,
        attention(attends, channels[level], settings.Groups, settings), level > 0 },
      settings));
  }
  RegisterList(*this, "up_blocks", this->UpBlocks);

  this->ConvNormOut = this->register_module("conv_norm_out",
    std::make_shared<GroupNorm>(config.NormNumGroups, channels.front(), config.NormEps));
  this->ConvOut = this->register_module("conv_out",
    std::make_shared<Conv2d>(channels.front(), config.OutChannels, 3, Conv2d::Options{ 1, 1 }));
}

UNet2DModel::~UNet2DModel() = default;

std::shared_ptr<UNet2DModel> UNet2DModel::Open(const std::string& folder)
{
  const auto path = std::filesystem::path(folder) / "config.json";
  auto network = std::make_shared<UNet2DModel>(UNet2DConfig::Read(Configuration(path.string())));
  LoadWeights(*network, folder, "diffusion_pytorch_model");
  network->eval();
  return network;
}

at::Tensor UNet2DModel::Forward(const at::Tensor& sample, const at::Tensor& timesteps,
  const at::Tensor& classLabels, at::Tensor* activations) const
{
  const std::int64_t timeInputs = this->Settings.BlockOutChannels.front();
  at::Tensor time = this->TimeEmbedding->Forward(
    EmbedTimesteps(timesteps, timeInputs, this->Settings.FlipSinToCos, this->Settings.FreqShift)
      .to(sample.scalar_type()));
  if (this->ClassEmbedding)
  {
    time = time + this->ClassEmbedding->Forward(classLabels);
  }
  // Every resnet begins with the same activation of the time embedding.
  const BlockConditions conditions{ at::silu(time), {} };

  at::Tensor hidden =
    this->ConvIn->Forward(this->Settings.CenterInputSample ? 2 * sample - 1 : sample);
  std::vector<at::Tensor> skips{ hidden };
  for (const auto& block : this->DownBlocks)
  {
    hidden = block->Forward(hidden, conditions, &skips);
  }
  hidden = this->MidBlock->Forward(hidden, conditions);
  if (activations)
  {
    *activations = hidden.mean({ 2, 3 });
  }
  for (const auto& block : this->UpBlocks)
  {
    hidden = block->Forward(hidden, conditions, &skips);
  }
  return this->ConvOut->Forward(Silu(this->ConvNormOut->Forward(hidden)));
}
}
