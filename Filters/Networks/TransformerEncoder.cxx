// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/TransformerEncoder.h"

#include "Filters/Networks/Attention.h"
#include "Filters/Networks/InPlace.h"
#include "Filters/Networks/Layers.h"

#include <ATen/ATen.h>
#include <torch/utils.h>

namespace tdl
{
namespace
{
/** A module in one of the places that a layer's names tell. */
template <typename T, typename... Arguments>
std::shared_ptr<T> RegisterPart(
  torch::nn::Module& layer, const std::string& path, Arguments&&... arguments)
{
  const NamePlace place = FindPlace(layer, path);
  return RegisterChild<T>(*place.Parent, place.Name, std::forward<Arguments>(arguments)...);
}

at::Tensor RegisterScale(torch::nn::Module& layer, const char* path, std::int64_t channels)
{
  if (path == nullptr)
  {
    return {};
  }
  const NamePlace place = FindPlace(layer, path);
  return place.Parent->register_parameter(place.Name, torch::empty({ channels }));
}
}

const TransformerLayerNames ClipLayerNames{ "layer_norm1", "self_attn.q_proj", "self_attn.k_proj",
  "self_attn.v_proj", "self_attn.out_proj", "layer_norm2", "mlp.fc1", "mlp.fc2" };

TransformerLayer::TransformerLayer(const Options& options)
  : Heads(options.Heads)
  , Causal(options.Causal)
  , GatedSilu(options.GatedSilu)
  , Activate(FindActivation(options.HiddenAct))
{
  const TransformerLayerNames& names = options.Names;
  const std::int64_t channels = options.Channels;
  const auto norm = [&](const char* path)
  { return RegisterPart<LayerNorm>(*this, path, channels, options.Epsilon); };
  const auto projection = [&](const char* path)
  { return RegisterPart<Linear>(*this, path, channels, channels, options.QueryBias); };
  this->Norm1 = norm(names.Norm1);
  this->Query = projection(names.Query);
  this->Key = projection(names.Key);
  this->Value = projection(names.Value);
  this->Output = RegisterPart<Linear>(*this, names.Output, channels, channels);
  this->Norm2 = norm(names.Norm2);
  this->Widen = RegisterPart<Linear>(
    *this, names.Widen, channels, options.GatedSilu ? 2 * options.Inner : options.Inner);
  this->Narrow = RegisterPart<Linear>(*this, names.Narrow, options.Inner, channels);
  this->Scale1 = RegisterScale(*this, names.Scale1, channels);
  this->Scale2 = RegisterScale(*this, names.Scale2, channels);
}

at::Tensor TransformerLayer::Attended(const at::Tensor& input) const
{
  const auto splitHeads = [this](const at::Tensor& projected) {
    return projected.unflatten(2, { this->Heads, -1 }).transpose(1, 2);
  };
  return this->Output->Forward(Attend(splitHeads(this->Query->Forward(input)),
    splitHeads(this->Key->Forward(input)), splitHeads(this->Value->Forward(input)), this->Causal)
                                 .transpose(1, 2)
                                 .flatten(2));
}

at::Tensor TransformerLayer::Perceived(const at::Tensor& input) const
{
  const at::Tensor wide = this->Widen->Forward(input);
  if (this->GatedSilu)
  {
    const auto gateAndValue = wide.chunk(2, -1);
    return this->Narrow->Forward(at::silu(gateAndValue[0]) * gateAndValue[1]);
  }
  return this->Narrow->Forward(this->Activate(wide));
}

at::Tensor TransformerLayer::Forward(const at::Tensor& input) const
{
  const auto scaled = [](const at::Tensor& value, const at::Tensor& scale)
  { return scale.defined() ? value * scale : value; };
  const at::Tensor hidden =
    Sum(scaled(this->Attended(this->Norm1->Forward(input)), this->Scale1), input);
  return Sum(scaled(this->Perceived(this->Norm2->Forward(hidden)), this->Scale2), hidden);
}

std::vector<std::shared_ptr<TransformerLayer>> RegisterTransformerLayers(torch::nn::Module& parent,
  const std::string& path, std::int64_t count, const TransformerLayer::Options& options)
{
  std::vector<std::shared_ptr<TransformerLayer>> layers;
  for (std::int64_t i = 0; i < count; ++i)
  {
    layers.push_back(std::make_shared<TransformerLayer>(options));
  }
  const NamePlace place = FindPlace(parent, path);
  RegisterList(*place.Parent, place.Name, layers);
  return layers;
}
}
