// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Foundation/Testing/TemporaryFolder.h"
#include "Filters/Networks/ModelFolder.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <string>

namespace tdl
{
/** A model folder whose files a test writes. */
class WritableModel
{
public:
  WritableModel() = default;

  /** Starts as a copy of `folder`, with what is linked into that. */
  explicit WritableModel(const std::filesystem::path& folder)
  {
    std::filesystem::copy(folder, this->Folder.Path, std::filesystem::copy_options::recursive);
  }

  std::string Path(const std::string& file) const { return (this->Folder.Path / file).string(); }

  void Write(const std::string& file, const nlohmann::json& content) const
  {
    std::ofstream(this->Path(file)) << content;
  }

  /** Sets one key of a JSON file; null removes it. */
  void Change(const std::string& file, const std::string& key, const nlohmann::json& value) const
  {
    nlohmann::json content = ReadJsonObject(this->Path(file));
    content[key] = value;
    this->Write(file, content);
  }

  TemporaryFolder Folder;
};
}
