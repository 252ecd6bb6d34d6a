// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/VisionModel.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Networks/ClipVisionModel.h"
#include "Filters/Networks/ConvNextModel.h"
#include "Filters/Networks/Dinov2Model.h"
#include "Filters/Networks/ModelFolder.h"
#include "Filters/Networks/ResNetModel.h"
#include "Filters/Networks/ScriptedVisionModel.h"
#include "Filters/Networks/ViTModel.h"
#include "Filters/Networks/WeightFiles.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <filesystem>
#include <map>

namespace tdl
{
namespace
{
using Opener = std::shared_ptr<VisionModel> (*)(const std::string&);

template <typename Network>
std::shared_ptr<VisionModel> OpenAs(const std::string& folder)
{
  return Network::Open(folder);
}

/** The families of networks by the model_type of their config.json. */
const std::map<std::string, Opener> Openers{
  { "clip", OpenAs<ClipVisionModel> },
  { "clip_vision_model", OpenAs<ClipVisionModel> },
  { "convnext", OpenAs<ConvNextModel> },
  { "dinov2", OpenAs<Dinov2Model> },
  { "resnet", OpenAs<ResNetModel> },
  { "vit", OpenAs<ViTModel> },
};

std::string ScriptPath(const std::string& folder)
{
  return (std::filesystem::path(folder) / "model.pt").string();
}

bool IsScripted(const std::string& folder)
{
  return !std::filesystem::exists(std::filesystem::path(folder) / "config.json") &&
    std::filesystem::exists(ScriptPath(folder));
}
}

std::shared_ptr<VisionModel> VisionModel::Open(const std::string& folder, c10::Device device)
{
  if (IsScripted(folder))
  {
    return std::make_shared<ScriptedVisionModel>(ScriptPath(folder), device);
  }
  const Configuration config((std::filesystem::path(folder) / "config.json").string());
  const auto type = config.Get<std::string>("model_type", "none");
  const auto opener = Openers.find(type);
  if (opener == Openers.end())
  {
    std::string known;
    for (const auto& item : Openers)
    {
      known += (known.empty() ? "" : ", ") + item.first;
    }
    throw FileError("Encoder folder '" + folder + "' holds a network of model_type '" + type +
      "', which is not supported; choose one of " + known + ", or a TorchScript file, model.pt.");
  }
  auto network = opener->second(folder);
  network->to(device);
  return network;
}

std::vector<std::string> VisionModel::WeightPaths(const std::string& folder)
{
  return IsScripted(folder) ? std::vector<std::string>{ ScriptPath(folder) }
                            : WeightFiles(folder, "model").Files();
}

at::Tensor VisionModel::WithoutClassToken(const at::Tensor& tokens)
{
  return tokens.slice(1, 1);
}

at::Tensor VisionModel::PixelsAsPatches(const at::Tensor& map)
{
  return map.flatten(2).transpose(1, 2);
}

std::int64_t ReadLabelCount(const Configuration& file, const std::string& classifier)
{
  const auto architectures = file.Get<std::vector<std::string>>("architectures", {});
  if (std::count(architectures.begin(), architectures.end(), classifier) == 0)
  {
    return 0;
  }
  // transformers counts the labels of the table, which it omits for its default of two.
  const auto labels = file.Get<std::map<std::string, std::string>>("id2label", {});
  return labels.empty() ? 2 : static_cast<std::int64_t>(labels.size());
}
}
