// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/WeightFiles.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Networks/ModelFolder.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <system_error>

namespace tdl
{
namespace
{
bool IsIndex(const std::string& path)
{
  return std::filesystem::path(path).extension() == ".json";
}

/** A file of the folder that holds the weights as a pickle; empty where there is none. */
std::string FindPickle(const std::string& folder, const std::string& stem)
{
  std::error_code error; // a folder that cannot be read has no pickle, either
  std::string found;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
  {
    const std::filesystem::path name = entry.path().filename();
    const std::string text = name.string();
    const std::string extension = name.extension().string();
    if ((text.rfind(stem, 0) == 0 || text.rfind("pytorch_model", 0) == 0) &&
      (extension == ".bin" || extension == ".ckpt" || extension == ".pt" || extension == ".pth") &&
      (found.empty() || text < found))
    {
      found = text;
    }
  }
  return found;
}

/** The file with the weights, or the index of the shards. */
std::string FindWeights(const std::string& folder, const std::string& stem)
{
  const std::filesystem::path base(folder);
  const std::string single = stem + ".safetensors";
  const std::string index = single + ".index.json";
  for (const char* variant : { "", ".fp16", ".bf16" })
  {
    for (const std::string* name : { &single, &index })
    {
      // A variant stands before the extension.
      std::string file = *name;
      file.insert(file.rfind('.'), variant);
      if (std::filesystem::exists(base / file))
      {
        return (base / file).string();
      }
    }
  }
  std::string message = "Model folder '" + folder + "' has no " + single;
  const std::string pickle = FindPickle(folder, stem);
  if (pickle.empty())
  {
    throw FileError(message + "; choose a folder that holds the whole model.");
  }
  message += ", only ";
  message += pickle;
  throw FileError(message + ", a pickle, which could run code; convert it to safetensors.");
}

/** Nothing but a file beside the index: a model folder must not open what is elsewhere. */
bool IsFileName(const std::string& name)
{
  return !name.empty() && name != "." && name != ".." &&
    name.find_first_of(std::string("/\\\0", 3)) == std::string::npos;
}

/** The shard of each tensor, by the index. */
std::map<std::string, std::string> ReadWeightMap(const std::string& path)
{
  const auto json = Configuration(path).Get<nlohmann::json>("weight_map", {});
  if (!json.is_object() || json.empty())
  {
    throw FileError("'" + path + "' has no weight_map; download it again.");
  }
  std::map<std::string, std::string> shards;
  for (const auto& [tensor, name] : json.items())
  {
    if (!name.is_string() || !IsFileName(name.get<std::string>()))
    {
      throw FileError("'" + path + "' names the file " + name.dump() +
        ", which is not the name of a file of its folder; download the model from its maker.");
    }
    shards.emplace(tensor, name.get<std::string>());
  }
  return shards;
}
}

WeightFiles::WeightFiles(const std::string& folder, const std::string& stem)
  : MainPath(FindWeights(folder, stem))
{
  if (IsIndex(this->MainPath))
  {
    this->OpenShards();
    return;
  }
  const SafetensorsFile& file = this->Shards.emplace_back(this->MainPath);
  this->Tensors = file.Entries();
  for (const auto& entry : this->Tensors)
  {
    this->Places.emplace(entry.first, &file);
  }
}

void WeightFiles::OpenShards()
{
  const std::filesystem::path folder = std::filesystem::path(this->MainPath).parent_path();
  std::map<std::string, const SafetensorsFile*> opened;
  for (const auto& [tensor, name] : ReadWeightMap(this->MainPath))
  {
    const SafetensorsFile*& shard = opened[name];
    if (shard == nullptr)
    {
      if (!std::filesystem::exists(folder / name))
      {
        throw FileError("'" + this->MainPath + "' names the file '" + name +
          "', which is not there; download the whole model.");
      }
      shard = &this->Shards.emplace_back((folder / name).string());
    }
    const auto entry = shard->Entries().find(tensor);
    if (entry == shard->Entries().end())
    {
      throw FileError("'" + shard->Path() + "' lacks tensor '" + tensor + "', which '" +
        this->MainPath + "' places there; download the whole model again.");
    }
    this->Tensors.insert(*entry);
    this->Places.emplace(tensor, shard);
  }
}

std::vector<std::string> WeightFiles::Files() const
{
  std::vector<std::string> files;
  std::transform(this->Shards.begin(), this->Shards.end(), std::back_inserter(files),
    [](const SafetensorsFile& file) { return file.Path(); });
  std::sort(files.begin(), files.end());
  return files;
}
}
