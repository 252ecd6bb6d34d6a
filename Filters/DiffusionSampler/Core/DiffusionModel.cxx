// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/DiffusionModel.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Networks/UNet2DModel.h"
#include "Filters/Networks/WeightFiles.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

namespace tdl
{
namespace
{
std::string LowerCase(std::string text)
{
  std::transform(text.begin(), text.end(), text.begin(),
    [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return text;
}
}

DiffusionModel::DiffusionModel(const std::string& folder, at::Device device)
  : Folder(folder)
  , Index(folder + "/model_index.json")
  , Scheduler(folder + "/scheduler/scheduler_config.json")
{
  const auto pipeline = this->Index.Get<std::string>("_class_name", "");
  if (pipeline != "DDPMPipeline" && pipeline != "DDIMPipeline")
  {
    this->Index.Refuse("_class_name");
  }
  const Configuration unet(folder + "/unet/config.json");
  const UNet2DConfig config = UNet2DConfig::Read(unet);
  if (config.SampleSize == 0)
  {
    unet.Refuse("sample_size");
  }
  if (config.NumClassEmbeds == 0)
  {
    unet.Refuse("num_class_embeds");
  }
  const auto null = this->Index.Get<std::int64_t>("null_label", -1);
  if (null < -1 || null >= config.NumClassEmbeds)
  {
    this->Index.Refuse("null_label");
  }

  const auto names = this->Index.Get<std::map<std::string, std::string>>("id2label", {});
  for (std::int64_t label = 0; label < config.NumClassEmbeds; ++label)
  {
    const auto name = names.find(std::to_string(label));
    if (name != names.end())
    {
      this->Labels.emplace_back(name->second, label);
    }
    else if (names.empty() && label != null)
    {
      this->Labels.emplace_back(std::to_string(label), label);
    }
  }
  if (this->Labels.size() < names.size())
  {
    this->Index.Refuse("id2label");
  }

  this->Network = UNet2DModel::Open(folder + "/unet");
  this->Network->to(device);
}

const std::pair<std::string, std::int64_t>& DiffusionModel::FindClass(
  const std::string& prompt) const
{
  const std::string wanted = LowerCase(prompt);
  const auto found = std::find_if(this->Labels.begin(), this->Labels.end(),
    [&wanted](const auto& candidate) { return LowerCase(candidate.first) == wanted; });
  if (found == this->Labels.end())
  {
    std::string known;
    for (const auto& candidate : this->Labels)
    {
      known += (known.empty() ? "" : ", ") + candidate.first;
    }
    throw ParameterError("The model has no class '" + prompt + "'; choose from " + known + ".");
  }
  return *found;
}

std::int64_t DiffusionModel::NullLabel() const
{
  const auto label = this->Index.Get<std::int64_t>("null_label", -1);
  if (label < 0)
  {
    throw ParameterError("The model '" + this->Folder +
      "' has no null label to guide away from; set Guidance Scale to 1 or name a Negative Prompt.");
  }
  return label;
}

std::vector<Prompt> DiffusionModel::SuggestedPrompts() const
{
  const std::filesystem::path file = std::filesystem::path(this->Folder) / "prompts.txt";
  if (std::filesystem::exists(file))
  {
    return ReadPromptFile(file);
  }
  std::vector<Prompt> prompts;
  for (const auto& candidate : this->Labels)
  {
    prompts.push_back({ candidate.first, {} });
  }
  return prompts;
}

std::vector<std::int64_t> DiffusionModel::SampleShape() const
{
  const UNet2DConfig& config = this->Network->Config();
  return { 1, config.InChannels, config.SampleSize, config.SampleSize };
}

at::Tensor DiffusionModel::Forward(
  const at::Tensor& samples, double timestep, const at::Tensor& labels) const
{
  return this->Network->Forward(samples, at::full_like(labels, timestep, at::kFloat), labels);
}

std::vector<std::string> DiffusionModel::WeightPaths() const
{
  return WeightFiles(this->Folder + "/unet", "diffusion_pytorch_model").Files();
}

std::uint64_t DiffusionModel::WeightBytes() const
{
  std::uint64_t bytes = 0;
  for (const at::Tensor& parameter : this->Network->parameters())
  {
    bytes += parameter.nbytes();
  }
  return bytes;
}
}
