// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/AutoencoderBlocks.h"

#include "Filters/Networks/InPlace.h"
#include "Filters/Networks/Layers.h"
#include "Filters/Networks/ModelFolder.h"
#include "Filters/Networks/UNetBlocks.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace tdl
{
namespace
{
constexpr double AutoencoderNormEpsilon = 1e-6; ///< diffusers offers no key for it.
const char* const AttentionDownBlock = "AttnDownEncoderBlock2D";
const char* const AttentionUpBlock = "AttnUpDecoderBlock2D";

void CheckTypes(const Configuration& file, const char* key, const std::vector<std::string>& types,
  std::size_t blocks, const char* plain, const char* attending)
{
  if (types.size() != blocks)
  {
    file.Refuse(key);
  }
  for (const std::string& type : types)
  {
    if (type != plain && type != attending)
    {
      file.Refuse(key);
    }
  }
}

BlockSettings SettingsOf(const AutoencoderShape& shape)
{
  return { 0, shape.NormNumGroups, AutoencoderNormEpsilon, false };
}

/** Attention with one head over all `channels`. */
AttentionMaker Attention(bool wanted, std::int64_t channels, const AutoencoderShape& shape)
{
  if (!wanted)
  {
    return {};
  }
  const BlockSettings settings = SettingsOf(shape);
  return [=]
  { return std::make_shared<AttentionBlock>(channels, channels, settings.Groups, settings); };
}
}

AutoencoderShape AutoencoderShape::Read(const Configuration& file, std::int64_t latentChannels)
{
  const auto activation = file.Get<std::string>("act_fn", "silu");
  if (activation != "silu" && activation != "swish")
  {
    file.Refuse("act_fn");
  }
  AutoencoderShape shape;
  shape.InChannels = file.GetCount("in_channels", shape.InChannels);
  shape.OutChannels = file.GetCount("out_channels", shape.OutChannels);
  shape.LatentChannels = file.GetCount("latent_channels", latentChannels);
  shape.DownBlockTypes = file.Get("down_block_types", shape.DownBlockTypes);
  shape.UpBlockTypes = file.Get("up_block_types", shape.UpBlockTypes);
  shape.BlockOutChannels = file.Get("block_out_channels", shape.BlockOutChannels);
  shape.LayersPerBlock = file.GetCount("layers_per_block", shape.LayersPerBlock);
  shape.NormNumGroups = file.GetCount("norm_num_groups", shape.NormNumGroups);
  shape.MidBlockAddAttention = file.Get("mid_block_add_attention", shape.MidBlockAddAttention);

  const std::size_t blocks = shape.BlockOutChannels.size();
  constexpr std::size_t mostBlocks = 16; // Already 32768 image pixels per latent pixel.
  if (blocks == 0 || blocks > mostBlocks)
  {
    file.Refuse("block_out_channels");
  }
  for (const std::int64_t channels : shape.BlockOutChannels)
  {
    if (channels < 1 || channels % shape.NormNumGroups != 0)
    {
      file.Refuse("block_out_channels");
    }
  }
  CheckTypes(file, "down_block_types", shape.DownBlockTypes, blocks, "DownEncoderBlock2D",
    AttentionDownBlock);
  CheckTypes(
    file, "up_block_types", shape.UpBlockTypes, blocks, "UpDecoderBlock2D", AttentionUpBlock);
  return shape;
}

AutoencoderEncoder::AutoencoderEncoder(const AutoencoderShape& shape, std::int64_t outputs)
{
  const auto& channels = shape.BlockOutChannels;
  const BlockSettings settings = SettingsOf(shape);
  this->ConvIn = RegisterConvolution(*this, "conv_in", shape.InChannels, channels.front());
  for (std::size_t i = 0; i < channels.size(); ++i)
  {
    const bool attends = shape.DownBlockTypes[i] == AttentionDownBlock;
    this->DownBlocks.push_back(std::make_shared<UNetDownBlock>(
      UNetDownBlock::Options{ channels[i == 0 ? 0 : i - 1], channels[i], shape.LayersPerBlock,
        Attention(attends, channels[i], shape), i + 1 < channels.size(), 0 },
      settings));
  }
  RegisterList(*this, "down_blocks", this->DownBlocks);
  this->MidBlock = RegisterChild<UNetMidBlock>(*this, "mid_block", channels.back(),
    Attention(shape.MidBlockAddAttention, channels.back(), shape), settings);
  this->ConvNormOut = RegisterChild<GroupNorm>(
    *this, "conv_norm_out", shape.NormNumGroups, channels.back(), AutoencoderNormEpsilon);
  this->ConvOut = RegisterConvolution(*this, "conv_out", channels.back(), outputs);
}

AutoencoderEncoder::~AutoencoderEncoder() = default;

at::Tensor AutoencoderEncoder::Forward(const at::Tensor& images) const
{
  at::Tensor hidden = this->ConvIn->Forward(images);
  for (const auto& block : this->DownBlocks)
  {
    hidden = block->Forward(hidden, {}, nullptr);
  }
  hidden = this->MidBlock->Forward(hidden, {});
  return this->ConvOut->Forward(Silu(this->ConvNormOut->Forward(hidden)));
}

AutoencoderDecoder::AutoencoderDecoder(const AutoencoderShape& shape)
{
  const auto& channels = shape.BlockOutChannels;
  const std::size_t blocks = channels.size();
  const BlockSettings settings = SettingsOf(shape);
  this->ConvIn = RegisterConvolution(*this, "conv_in", shape.LatentChannels, channels.back());
  this->MidBlock = RegisterChild<UNetMidBlock>(*this, "mid_block", channels.back(),
    Attention(shape.MidBlockAddAttention, channels.back(), shape), settings);
  for (std::size_t i = 0; i < blocks; ++i)
  {
    const std::size_t level = blocks - 1 - i;
    const bool attends = shape.UpBlockTypes[i] == AttentionUpBlock;
    this->UpBlocks.push_back(std::make_shared<UNetUpBlock>(
      UNetUpBlock::Options{ channels[i == 0 ? level : level + 1], 0, channels[level],
        shape.LayersPerBlock + 1, Attention(attends, channels[level], shape), level > 0 },
      settings));
  }
  RegisterList(*this, "up_blocks", this->UpBlocks);
  this->ConvNormOut = RegisterChild<GroupNorm>(
    *this, "conv_norm_out", shape.NormNumGroups, channels.front(), AutoencoderNormEpsilon);
  this->ConvOut = RegisterConvolution(*this, "conv_out", channels.front(), shape.OutChannels);
}

AutoencoderDecoder::~AutoencoderDecoder() = default;

at::Tensor AutoencoderDecoder::Forward(const at::Tensor& latents) const
{
  at::Tensor hidden = this->MidBlock->Forward(this->ConvIn->Forward(latents), {});
  for (const auto& block : this->UpBlocks)
  {
    hidden = block->Forward(hidden, {}, nullptr);
  }
  return this->ConvOut->Forward(Silu(this->ConvNormOut->Forward(hidden)));
}

at::Tensor ProcessImages(const at::Tensor& batch, std::int64_t pixels,
  const std::function<at::Tensor(const at::Tensor&)>& process)
{
  constexpr std::int64_t most = std::int64_t(1) << 22;
  const std::int64_t group = batch.is_cpu() ? 1 : std::max<std::int64_t>(most / pixels, 1);
  std::vector<at::Tensor> results;
  for (const at::Tensor& images : batch.split(group))
  {
    results.push_back(process(images));
  }
  return at::cat(results);
}
}
