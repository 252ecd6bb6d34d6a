// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/FeatureEncoder/Core/ModelEncoder.h"

#include "Filters/FeatureEncoder/Core/GramFeatures.h"
#include "Filters/FeatureEncoder/Core/PromptEmbeddings.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Networks/Checksum.h"
#include "Filters/Networks/ModelFolder.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace tdl
{
namespace
{
/** A FeatureOutput in the words of its property, and what a network has to have for it. */
struct OutputWords
{
  const char* Name;
  const char* Needs;
};
constexpr OutputWords Outputs[] = { { "Pooled", "result for the whole image" },
  { "Class Scores", "classification head" }, { "Class Token", "class token" },
  { "Mean of Patches", "patches" }, { "Hidden Layer", "layers to look into" },
  { "Gram Matrix", "layers to look into" } };

const OutputWords& Words(FeatureOutput output)
{
  return Outputs[static_cast<int>(output)];
}

/** As many channels as are normalized; three where that is not told. */
int ChannelsOf(const VisionModel& network, const Configuration& preprocessor)
{
  if (network.Channels() > 0)
  {
    return static_cast<int>(network.Channels());
  }
  const auto mean = preprocessor.Get<std::vector<double>>("image_mean", { 0.0, 0.0, 0.0 });
  return mean.size() == 1 ? 1 : 3;
}

Preprocessor OpenPreprocessor(const std::string& folder, const VisionModel& network)
{
  const Configuration file(folder + "/preprocessor_config.json");
  return { file, ChannelsOf(network, file) };
}
}

ModelEncoder::ModelEncoder(
  const Options& options, const std::vector<std::string>& prompts, const ImageView& example)
  : Settings(options)
  , Network(VisionModel::Open(options.Folder, options.Device))
  , Preprocess(OpenPreprocessor(options.Folder, *this->Network))
  , PromptEmbeddings(EmbedPrompts(options.Folder, prompts, options.Device))
{
  if (this->UsesLayer())
  {
    this->ResolveLayer();
  }
  const VisionModel::Output output = this->Run({ example });
  const at::Tensor features = this->Select(output);
  if (!features.defined())
  {
    const FeatureOutput other =
      output.Pooled.defined() ? FeatureOutput::Pooled : FeatureOutput::MeanOfPatches;
    throw FileError("Encoder folder '" + options.Folder + "' holds a network that has no " +
      Words(options.Output).Needs + "; set Feature Output to " + Words(other).Name +
      " or choose another folder.");
  }
  this->Width = static_cast<int>(features.size(1));
}

bool ModelEncoder::UsesLayer() const
{
  return this->Settings.Output == FeatureOutput::HiddenLayer ||
    this->Settings.Output == FeatureOutput::GramMatrix;
}

void ModelEncoder::ResolveLayer()
{
  const int layers = static_cast<int>(this->Network->HiddenLayers());
  const int layer = this->Settings.Layer;
  if (layers > 0 && (layer < -layers || layer >= layers))
  {
    throw ParameterError("Layer is " + std::to_string(layer) +
      ", but the network has layers 0 (its embedding) to " + std::to_string(layers - 1) +
      "; choose one of these, or -1 for the last, -2 for the one before it, and so on.");
  }
  this->Request.Layer = layer < 0 ? layer + layers : layer;
  // What a network without hidden states does give tells the way out.
  this->Request.Summary = this->ComparesPrompts() || layers == 0;
}

VisionModel::Output ModelEncoder::Run(const std::vector<ImageView>& images) const
{
  return this->Network->Forward(
    this->Preprocess.Apply(images).to(this->Settings.Device), this->Request);
}

at::Tensor ModelEncoder::Select(const VisionModel::Output& output) const
{
  const auto mean = [](const at::Tensor& patches)
  { return patches.defined() ? patches.mean(1) : at::Tensor(); };
  switch (this->Settings.Output)
  {
    case FeatureOutput::ClassScores:
      return output.ClassScores;
    case FeatureOutput::ClassToken:
      return output.ClassToken;
    case FeatureOutput::MeanOfPatches:
      return mean(output.Patches);
    case FeatureOutput::HiddenLayer:
      return mean(output.HiddenState);
    case FeatureOutput::GramMatrix:
      return output.HiddenState.defined() ? GramFeatures(output.HiddenState) : at::Tensor();
    default:
      return output.Pooled;
  }
}

void ModelEncoder::Store(const at::Tensor& values, float* target) const
{
  const at::Tensor result = values.to(at::kCPU).contiguous();
  const float* numbers = result.data_ptr<float>();
  if (!std::all_of(
        numbers, numbers + result.numel(), [](float number) { return std::isfinite(number); }))
  {
    throw FileError("Encoder folder '" + this->Settings.Folder +
      "' gives features that are not finite numbers; its weights are damaged, download them "
      "again.");
  }
  std::copy_n(numbers, result.numel(), target);
}

void ModelEncoder::Encode(const EncoderBatch& batch) const
{
  const VisionModel::Output output = this->Run(batch.Images);
  this->Store(this->Select(output), batch.Features);
  if (this->ComparesPrompts())
  {
    const auto count = static_cast<std::int64_t>(batch.Images.size());
    at::Tensor prompts = at::empty({ count }, at::kLong);
    std::copy_n(batch.Prompts, count, prompts.data_ptr<std::int64_t>());
    const at::Tensor embeddings =
      this->PromptEmbeddings.index_select(0, prompts.to(this->Settings.Device));
    this->Store((UnitVectors(output.Embedding) * embeddings).sum(1), batch.Similarities);
  }
}

nlohmann::json ModelEncoder::Provenance() const
{
  nlohmann::json provenance{ { "folder", this->Settings.Folder },
    { "checksum", FilesChecksum(VisionModel::WeightPaths(this->Settings.Folder)) },
    { "output", Words(this->Settings.Output).Name }, { "device", this->Settings.Device.str() } };
  if (this->UsesLayer())
  {
    provenance["layer"] = this->Request.Layer;
  }
  return provenance;
}
}
