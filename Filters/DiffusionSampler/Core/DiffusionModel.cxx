// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/DiffusionModel.h"

#include "Filters/DiffusionSampler/Core/DiffusionModels.h"
#include "Filters/DiffusionSampler/Core/ModelComponents.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Memory.h"
#include "Filters/Networks/WeightFiles.h"

#include <ATen/ATen.h>
#include <torch/nn/module.h>

#include <filesystem>

namespace tdl
{
namespace
{
struct Family
{
  const char* Class; ///< Of diffusers, the last two of ours.
  std::unique_ptr<DiffusionModel> (*Open)(
    const std::string&, const Configuration&, const ModelOptions&);
};

constexpr Family Families[] = { { "DDPMPipeline", OpenPixelModel },
  { "DDIMPipeline", OpenPixelModel }, { "LDMPipeline", OpenLDMModel },
  { "DiTPipeline", OpenDiTModel }, { "StableDiffusionPipeline", OpenStableDiffusionModel },
  { "StableDiffusionXLPipeline", OpenStableDiffusionXLModel }, { "GlidePipeline", OpenGlideModel },
  { "TorchScriptPipeline", OpenTorchScriptModel } };
}

Condition Concatenate(const std::vector<Condition>& conditions)
{
  Condition batch;
  for (std::size_t i = 0; i < conditions.front().size(); ++i)
  {
    std::vector<at::Tensor> rows;
    rows.reserve(conditions.size());
    for (const Condition& condition : conditions)
    {
      rows.push_back(condition[i]);
    }
    batch.push_back(at::cat(rows));
  }
  return batch;
}

std::unique_ptr<DiffusionModel> DiffusionModel::Open(
  const std::string& folder, const ModelOptions& options)
{
  const Configuration index(folder + "/model_index.json");
  const auto name = index.Get<std::string>("_class_name", "");
  std::string supported;
  for (const Family& family : Families)
  {
    if (name == family.Class)
    {
      return family.Open(folder, index, options);
    }
    supported += (supported.empty() ? "" : ", ") + std::string(family.Class);
  }
  throw FileError("'" + index.Path() + "' names the pipeline '" + name +
    "' as its _class_name, which is not supported; choose a model of one of these: " + supported +
    ".");
}

DiffusionModel::DiffusionModel(
  std::string folder, Configuration scheduler, const ModelOptions& options)
  : Path(std::move(folder))
  , Scheduler(std::move(scheduler))
  , Options(options)
{
}

DiffusionModel::~DiffusionModel() = default;

PromptLength DiffusionModel::MeasurePrompt(const std::string&) const
{
  return {};
}

std::vector<Prompt> DiffusionModel::SuggestedPrompts() const
{
  const std::filesystem::path file = std::filesystem::path(this->Path) / "prompts.txt";
  return std::filesystem::exists(file) ? ReadPromptFile(file) : this->DefaultPrompts();
}

at::Tensor DiffusionModel::Forward(const at::Tensor& samples, double timestep,
  const Condition& condition, at::Tensor* activations) const
{
  return this
    ->RunNetwork(
      samples.to(this->Precision()), Timesteps(samples, timestep), condition, activations)
    .to(at::kFloat);
}

at::Tensor DiffusionModel::Decode(const at::Tensor& samples, const Condition&) const
{
  return samples;
}

nlohmann::json DiffusionModel::Details() const
{
  return nlohmann::json::object();
}

void DiffusionModel::CheckMemory(const std::string& folder, const std::string& stem)
{
  std::uint64_t bytes = 0;
  const WeightFiles files(folder, stem);
  for (const auto& entry : files.Entries())
  {
    std::uint64_t count = sizeof(float); // as which the networks run, however they are stored
    for (const std::int64_t size : entry.second.Shape)
    {
      count *= static_cast<std::uint64_t>(size);
    }
    bytes += count;
  }
  RequireMemory("The weights in '" + folder + "' take", bytes, "choose a smaller model");
}

void DiffusionModel::AddWeights(const std::vector<std::string>& paths, std::uint64_t bytes)
{
  this->Paths.insert(this->Paths.end(), paths.begin(), paths.end());
  this->Bytes += bytes;
}

void DiffusionModel::AddNetwork(torch::nn::Module& network, const std::string& folder,
  const std::string& stem, at::ScalarType precision)
{
  try
  {
    network.to(this->Options.Device, precision);
  }
  catch (const c10::OutOfMemoryError&)
  {
    throw ResourceError("The device has too little memory for the weights in '" + folder +
      "'; choose a smaller model, or set Device to CPU.");
  }
  std::uint64_t bytes = 0;
  for (const at::Tensor& parameter : network.parameters())
  {
    bytes += parameter.nbytes();
  }
  this->AddWeights(WeightFiles(folder, stem).Files(), bytes);
}
}
