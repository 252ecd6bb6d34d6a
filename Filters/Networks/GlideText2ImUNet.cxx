// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/GlideText2ImUNet.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Networks/Attention.h"
#include "Filters/Networks/InPlace.h"
#include "Filters/Networks/Layers.h"
#include "Filters/Networks/ModelFolder.h"
#include "Filters/Networks/UNetBlocks.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>
#include <utility>

namespace tdl
{
namespace
{
constexpr std::int64_t NormGroups = 32;
constexpr double GlideNormEpsilon = 1e-5;

/** A linear layer on the channels of each position, kept as a convolution in one dimension. */
class PointwiseConv1d : public torch::nn::Module
{
public:
  PointwiseConv1d(std::int64_t inputs, std::int64_t outputs)
    : Weight(this->register_parameter("weight", torch::empty({ outputs, inputs, 1 })))
    , Bias(this->register_parameter("bias", torch::empty({ outputs })))
  {
  }
  /** (B, inputs, positions) -> (B, outputs, positions) */
  at::Tensor Forward(const at::Tensor& input) const
  {
    return at::conv1d(input, this->Weight, this->Bias);
  }

private:
  at::Tensor Weight;
  at::Tensor Bias;
};

/** What the layers of the UNet are conditioned on. */
struct Conditions
{
  at::Tensor Time; ///< (B, 4 model channels), the embedding of time and text after its activation.
  at::Tensor Text; ///< (B, W, T)
};

std::shared_ptr<GroupNorm> RegisterNorm(
  torch::nn::Module& parent, const std::string& name, std::int64_t channels)
{
  return RegisterChild<GroupNorm>(parent, name, NormGroups, channels, GlideNormEpsilon);
}
}

/** A layer of the UNet. */
class GlideLayer : public torch::nn::Module
{
public:
  /** (B, inputs, H, W) -> (B, outputs, H', W') */
  virtual at::Tensor Forward(const at::Tensor& input, const Conditions& conditions) const = 0;
};

namespace
{
enum class Resampling
{
  None,
  Up,  ///< To twice the size.
  Down ///< To half the size.
};

at::Tensor Resample(const at::Tensor& input, Resampling kind)
{
  switch (kind)
  {
    case Resampling::Up:
      return at::upsample_nearest2d(input, { 2 * input.size(2), 2 * input.size(3) });
    case Resampling::Down:
      return at::avg_pool2d(input, 2);
    default:
      return input;
  }
}

/** Two convolutions with a residual connection, scaled and shifted by the embedding of time and
 * text; in between it may change the images' size. */
class ResidualLayer : public GlideLayer
{
public:
  ResidualLayer(std::int64_t inputs, std::int64_t outputs, std::int64_t timeChannels,
    Resampling resampling = Resampling::None)
    : Kind(resampling)
  {
    const auto in = RegisterChild<NameLevel>(*this, "in_layers");
    this->NormIn = RegisterNorm(*in, "0", inputs);
    this->ConvIn = RegisterConvolution(*in, "2", inputs, outputs);
    const auto embedding = RegisterChild<NameLevel>(*this, "emb_layers");
    this->TimeProjection = RegisterChild<Linear>(*embedding, "1", timeChannels, 2 * outputs);
    const auto out = RegisterChild<NameLevel>(*this, "out_layers");
    this->NormOut = RegisterNorm(*out, "0", outputs);
    this->ConvOut = RegisterConvolution(*out, "3", outputs, outputs);
    if (inputs != outputs)
    {
      this->Shortcut =
        RegisterChild<Conv2d>(*this, "skip_connection", inputs, outputs, 1, Conv2d::Options{});
    }
  }

  at::Tensor Forward(const at::Tensor& input, const Conditions& conditions) const override
  {
    const at::Tensor activated = Silu(this->NormIn->Forward(input));
    at::Tensor hidden = this->ConvIn->Forward(Resample(activated, this->Kind));
    const auto scaleAndShift =
      this->TimeProjection->Forward(conditions.Time).unsqueeze(2).unsqueeze(3).chunk(2, 1);
    hidden = Sum(this->NormOut->Forward(hidden) * (1 + scaleAndShift[0]), scaleAndShift[1]);
    hidden = this->ConvOut->Forward(Silu(hidden));
    const at::Tensor resampled = Resample(input, this->Kind);
    return Sum(hidden, this->Shortcut ? this->Shortcut->Forward(resampled) : resampled);
  }

private:
  Resampling Kind;
  std::shared_ptr<GroupNorm> NormIn;
  std::shared_ptr<Conv2d> ConvIn;
  std::shared_ptr<Linear> TimeProjection;
  std::shared_ptr<GroupNorm> NormOut;
  std::shared_ptr<Conv2d> ConvOut;
  std::shared_ptr<Conv2d> Shortcut; ///< Only where the channel count changes.
};

/** Pixels attend to the text's tokens and each other, with a residual connection. */
class AttendingLayer : public GlideLayer
{
public:
  AttendingLayer(std::int64_t channels, std::int64_t headWidth, std::int64_t textChannels)
    : Heads(channels / headWidth)
    , Norm(RegisterNorm(*this, "norm", channels))
    , Projection(RegisterChild<PointwiseConv1d>(*this, "qkv", channels, 3 * channels))
    , TextProjection(
        RegisterChild<PointwiseConv1d>(*this, "encoder_kv", textChannels, 2 * channels))
    , Output(RegisterChild<PointwiseConv1d>(*this, "proj_out", channels, channels))
  {
  }

  at::Tensor Forward(const at::Tensor& input, const Conditions& conditions) const override
  {
    // The channels of a head's query, key and value stand together.
    const auto splitHeads = [this](const at::Tensor& projected, std::int64_t parts) {
      return projected.unflatten(1, { this->Heads, -1 }).transpose(2, 3).chunk(parts, 3);
    };
    const auto pixels =
      splitHeads(this->Projection->Forward(this->Norm->Forward(input).flatten(2)), 3);
    const auto text = splitHeads(this->TextProjection->Forward(conditions.Text), 2);
    const at::Tensor attended =
      Attend(pixels[0], at::cat({ text[0], pixels[1] }, 2), at::cat({ text[1], pixels[2] }, 2));
    return Sum(
      this->Output->Forward(attended.transpose(2, 3).flatten(1, 2)).reshape(input.sizes()), input);
  }

private:
  std::int64_t Heads;
  std::shared_ptr<GroupNorm> Norm;
  std::shared_ptr<PointwiseConv1d> Projection;
  std::shared_ptr<PointwiseConv1d> TextProjection;
  std::shared_ptr<PointwiseConv1d> Output;
};
}

/** Layers that follow each other. */
class GlideStage : public torch::nn::Module
{
public:
  template <typename Layer, typename... Arguments>
  void Add(Arguments&&... arguments)
  {
    this->Layers.push_back(RegisterChild<Layer>(
      *this, std::to_string(this->Layers.size()), std::forward<Arguments>(arguments)...));
  }

  at::Tensor Forward(at::Tensor hidden, const Conditions& conditions) const
  {
    for (const auto& layer : this->Layers)
    {
      hidden = layer->Forward(hidden, conditions);
    }
    return hidden;
  }

private:
  std::vector<std::shared_ptr<GlideLayer>> Layers;
};

/** Attention and a perceptron, each behind a normalization and beside a residual connection. */
class GlideTextLayer : public torch::nn::Module
{
public:
  GlideTextLayer(std::int64_t channels, std::int64_t heads)
    : Heads(heads)
    , Norm1(RegisterChild<LayerNorm>(*this, "ln_1", channels, GlideNormEpsilon))
    , Norm2(RegisterChild<LayerNorm>(*this, "ln_2", channels, GlideNormEpsilon))
  {
    const auto attention = RegisterChild<NameLevel>(*this, "attn");
    this->Projection = RegisterChild<Linear>(*attention, "c_qkv", channels, 3 * channels);
    this->Output = RegisterChild<Linear>(*attention, "c_proj", channels, channels);
    const auto perceptron = RegisterChild<NameLevel>(*this, "mlp");
    this->Widen = RegisterChild<Linear>(*perceptron, "c_fc", channels, 4 * channels);
    this->Narrow = RegisterChild<Linear>(*perceptron, "c_proj", 4 * channels, channels);
  }

  /** (B, T, W) -> the same shape */
  at::Tensor Forward(const at::Tensor& input) const
  {
    const auto parts = this->Projection->Forward(this->Norm1->Forward(input))
                         .unflatten(2, { this->Heads, -1 })
                         .transpose(1, 2)
                         .chunk(3, 3);
    const at::Tensor attended = Attend(parts[0], parts[1], parts[2]).transpose(1, 2).flatten(2);
    const at::Tensor hidden = input + this->Output->Forward(attended);
    return hidden + this->Narrow->Forward(Gelu(this->Widen->Forward(this->Norm2->Forward(hidden))));
  }

private:
  std::int64_t Heads;
  std::shared_ptr<LayerNorm> Norm1;
  std::shared_ptr<Linear> Projection;
  std::shared_ptr<Linear> Output;
  std::shared_ptr<LayerNorm> Norm2;
  std::shared_ptr<Linear> Widen;
  std::shared_ptr<Linear> Narrow;
};

GlideText2ImConfig GlideText2ImConfig::Read(const Configuration& file)
{
  if (file.Get<std::string>("_class_name", "") != "GlideText2ImUNet")
  {
    file.Refuse("_class_name");
  }
  GlideText2ImConfig config;
  config.SampleSize = file.GetCount("sample_size", config.SampleSize);
  config.InChannels = file.GetCount("in_channels", config.InChannels);
  config.OutChannels = file.GetCount("out_channels", config.OutChannels);
  config.SuperRes = file.Get("super_res", config.SuperRes);
  config.ModelChannels = file.GetCount("model_channels", config.ModelChannels);
  config.ChannelMult = file.Get("channel_mult", config.ChannelMult);
  config.NumResBlocks = file.GetCount("num_res_blocks", config.NumResBlocks);
  config.AttentionDownsample = file.Get("attention_downsample", config.AttentionDownsample);
  config.NumHeadChannels = file.GetCount("num_head_channels", config.NumHeadChannels);
  config.VocabSize = file.GetCount("n_vocab", config.VocabSize);
  config.TextContext = file.GetCount("text_ctx", config.TextContext);
  config.TextWidth = file.GetCount("xf_width", config.TextWidth);
  config.TextLayers = file.GetCount("xf_layers", config.TextLayers);
  config.TextHeads = file.GetCount("xf_heads", config.TextHeads);

  constexpr std::size_t mostLevels = 16;
  if (config.ChannelMult.empty() || config.ChannelMult.size() > mostLevels ||
    std::any_of(config.ChannelMult.begin(), config.ChannelMult.end(),
      [](std::int64_t factor) { return factor < 1; }))
  {
    file.Refuse("channel_mult");
  }
  if (config.ModelChannels % NormGroups != 0)
  {
    file.Refuse("model_channels");
  }
  if (config.OutChannels != 2 * config.InChannels)
  {
    file.Refuse("out_channels");
  }
  if (config.SampleSize % (std::int64_t(1) << (config.ChannelMult.size() - 1)) != 0)
  {
    file.Refuse("sample_size");
  }
  if (config.TextWidth % config.TextHeads != 0)
  {
    file.Refuse("xf_heads");
  }
  for (std::size_t level = 0; level < config.ChannelMult.size(); ++level)
  {
    // The middle attends at the size of the last level.
    const bool attends = config.Attends(level) || level + 1 == config.ChannelMult.size();
    if (attends && config.ModelChannels * config.ChannelMult[level] % config.NumHeadChannels != 0)
    {
      file.Refuse("num_head_channels");
    }
  }
  return config;
}

bool GlideText2ImConfig::Attends(std::size_t level) const
{
  const auto& factors = this->AttentionDownsample;
  return std::find(factors.begin(), factors.end(), std::int64_t(1) << level) != factors.end();
}

GlideText2ImUNet::GlideText2ImUNet(const GlideText2ImConfig& config)
  : Settings(config)
{
  const std::int64_t timeChannels = 4 * config.ModelChannels;
  this->TokenEmbedding =
    RegisterChild<Embedding>(*this, "token_embedding", config.VocabSize, config.TextWidth);
  const auto positions = [&] { return torch::empty({ config.TextContext, config.TextWidth }); };
  this->PositionEmbedding = this->register_parameter("positional_embedding", positions());
  this->PaddingEmbedding = this->register_parameter("padding_embedding", positions());
  const auto transformer = RegisterChild<NameLevel>(*this, "transformer");
  for (std::int64_t i = 0; i < config.TextLayers; ++i)
  {
    this->TextLayers.push_back(
      std::make_shared<GlideTextLayer>(config.TextWidth, config.TextHeads));
  }
  RegisterList(*transformer, "resblocks", this->TextLayers);
  this->TextNorm = RegisterChild<LayerNorm>(*this, "final_ln", config.TextWidth, GlideNormEpsilon);
  this->TextProjection =
    RegisterChild<Linear>(*this, "transformer_proj", config.TextWidth, timeChannels);
  const auto time = RegisterChild<NameLevel>(*this, "time_embed");
  this->Time1 = RegisterChild<Linear>(*time, "0", config.ModelChannels, timeChannels);
  this->Time2 = RegisterChild<Linear>(*time, "2", timeChannels, timeChannels);

  const std::int64_t levels = static_cast<std::int64_t>(config.ChannelMult.size());
  std::int64_t channels = 0; // of the layer before
  const auto addResidual =
    [&](GlideStage& stage, std::int64_t inputs, std::int64_t outputs, Resampling resampling)
  {
    stage.Add<ResidualLayer>(inputs, outputs, timeChannels, resampling);
    channels = outputs;
  };
  const auto addAttention = [&](GlideStage& stage)
  { stage.Add<AttendingLayer>(channels, config.NumHeadChannels, config.TextWidth); };
  const auto channelsOf = [&](std::int64_t level)
  { return config.ModelChannels * config.ChannelMult[level]; };

  const auto inputs = RegisterChild<NameLevel>(*this, "input_blocks");
  const auto first = RegisterChild<NameLevel>(*inputs, "0");
  channels = channelsOf(0);
  this->ConvIn =
    RegisterConvolution(*first, "0", config.InChannels * (config.SuperRes ? 2 : 1), channels);
  std::vector<std::int64_t> skips{ channels };
  const auto addInputStage = [&](std::int64_t outputs, Resampling resampling)
  {
    const auto stage =
      RegisterChild<GlideStage>(*inputs, std::to_string(this->InputStages.size() + 1));
    addResidual(*stage, channels, outputs, resampling);
    this->InputStages.push_back(stage);
    skips.push_back(channels);
  };
  for (std::int64_t level = 0; level < levels; ++level)
  {
    for (std::int64_t i = 0; i < config.NumResBlocks; ++i)
    {
      addInputStage(channelsOf(level), Resampling::None);
      if (config.Attends(level))
      {
        addAttention(*this->InputStages.back());
      }
    }
    if (level + 1 < levels)
    {
      addInputStage(channels, Resampling::Down);
    }
  }

  this->MiddleStage = RegisterChild<GlideStage>(*this, "middle_block");
  addResidual(*this->MiddleStage, channels, channels, Resampling::None);
  addAttention(*this->MiddleStage);
  addResidual(*this->MiddleStage, channels, channels, Resampling::None);

  for (std::int64_t level = levels - 1; level >= 0; --level)
  {
    for (std::int64_t i = 0; i <= config.NumResBlocks; ++i)
    {
      const auto stage = std::make_shared<GlideStage>();
      addResidual(*stage, channels + skips.back(), channelsOf(level), Resampling::None);
      skips.pop_back();
      if (config.Attends(level))
      {
        addAttention(*stage);
      }
      if (level > 0 && i == config.NumResBlocks)
      {
        addResidual(*stage, channels, channels, Resampling::Up);
      }
      this->OutputStages.push_back(stage);
    }
  }
  RegisterList(*this, "output_blocks", this->OutputStages);

  const auto out = RegisterChild<NameLevel>(*this, "out");
  this->NormOut = RegisterNorm(*out, "0", channels);
  this->ConvOut = RegisterConvolution(*out, "2", channels, config.OutChannels);
}

GlideText2ImUNet::~GlideText2ImUNet() = default;

std::shared_ptr<GlideText2ImUNet> GlideText2ImUNet::Open(const std::string& folder)
{
  const auto path = std::filesystem::path(folder) / "config.json";
  auto network =
    std::make_shared<GlideText2ImUNet>(GlideText2ImConfig::Read(Configuration(path.string())));
  LoadWeights(*network, folder, "diffusion_pytorch_model");
  network->eval();
  return network;
}

GlideText2ImUNet::Text GlideText2ImUNet::EncodeText(
  const at::Tensor& ids, const at::Tensor& mask) const
{
  if (ids.dim() != 2 || ids.size(1) != this->Settings.TextContext || ids.sizes() != mask.sizes())
  {
    std::ostringstream text;
    text << "The network takes texts of " << this->Settings.TextContext
         << " tokens, with a mask of the same shape, not " << ids.sizes() << " and " << mask.sizes()
         << "; pad or truncate them.";
    throw DataError(text.str());
  }
  if (ids.numel() > 0 &&
    (ids.min().item<std::int64_t>() < 0 ||
      ids.max().item<std::int64_t>() >= this->Settings.VocabSize))
  {
    throw DataError("A text has a token that the network does not know, of which there are " +
      std::to_string(this->Settings.VocabSize) +
      "; choose the tokenizer that belongs to the network.");
  }
  at::Tensor tokens = at::where(mask.unsqueeze(2),
    this->TokenEmbedding->Forward(ids) + this->PositionEmbedding, this->PaddingEmbedding);
  for (const auto& layer : this->TextLayers)
  {
    tokens = layer->Forward(tokens);
  }
  tokens = this->TextNorm->Forward(tokens);
  return { this->TextProjection->Forward(tokens.select(1, -1)), tokens.transpose(1, 2) };
}

void GlideText2ImUNet::CheckInput(
  const at::Tensor& sample, const Text& text, const at::Tensor& smaller) const
{
  const std::int64_t divisor = std::int64_t(1) << (this->Settings.ChannelMult.size() - 1);
  std::ostringstream message;
  if (sample.dim() != 4 || sample.size(1) != this->Settings.InChannels ||
    sample.size(2) % divisor != 0 || sample.size(3) % divisor != 0)
  {
    message << "The network takes images of " << this->Settings.InChannels
            << " channels whose sides are divisible by " << divisor << ", not " << sample.sizes()
            << "; choose another size.";
  }
  else if (text.Summary.size(0) != sample.size(0))
  {
    message << "The network needs a text for each of its " << sample.size(0) << " images, not "
            << text.Summary.size(0) << "; give as many.";
  }
  else if (this->Settings.SuperRes != smaller.defined() ||
    (smaller.defined() &&
      (smaller.dim() != 4 || smaller.size(0) != sample.size(0) ||
        smaller.size(1) != sample.size(1))))
  {
    message << "The network is " << (this->Settings.SuperRes ? "an" : "no")
            << " upsampler; give it "
            << (this->Settings.SuperRes ? "a smaller image for each sample."
                                        : "no image to enlarge.");
  }
  if (!message.str().empty())
  {
    throw DataError(message.str());
  }
}

at::Tensor GlideText2ImUNet::Forward(const at::Tensor& sample, const at::Tensor& timesteps,
  const Text& text, const at::Tensor& smaller, at::Tensor* activations) const
{
  this->CheckInput(sample, text, smaller);
  const at::Tensor time = this->Time2->Forward(at::silu(this->Time1->Forward(
    EmbedTimesteps(timesteps, this->Settings.ModelChannels, true, 0.0).to(sample.scalar_type()))));
  // Every residual layer begins with the same activation.
  const Conditions conditions{ at::silu(time + text.Summary), text.Tokens };

  at::Tensor input = sample;
  if (smaller.defined())
  {
    input = at::cat(
      { sample, at::upsample_bilinear2d(smaller, { sample.size(2), sample.size(3) }, false) }, 1);
  }
  at::Tensor hidden = this->ConvIn->Forward(input);
  std::vector<at::Tensor> skips{ hidden };
  for (const auto& stage : this->InputStages)
  {
    hidden = stage->Forward(hidden, conditions);
    skips.push_back(hidden);
  }
  hidden = this->MiddleStage->Forward(hidden, conditions);
  if (activations)
  {
    *activations = hidden.mean({ 2, 3 });
  }
  for (const auto& stage : this->OutputStages)
  {
    hidden = stage->Forward(at::cat({ hidden, skips.back() }, 1), conditions);
    skips.pop_back();
  }
  return this->ConvOut->Forward(Silu(this->NormOut->Forward(hidden)));
}
}
