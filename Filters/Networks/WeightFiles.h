// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Networks/SafetensorsFile.h"

#include <ATen/core/Tensor.h>

#include <list>
#include <map>
#include <string>
#include <vector>

namespace tdl
{
/**
 * The weights of a model folder, named `stem`: `<stem>.safetensors`, or the shards that
 * `<stem>.safetensors.index.json` lists. Where neither is there, those of a variant, "fp16" or else
 * "bf16": `<stem>.fp16.safetensors`, `<stem>.safetensors.index.fp16.json`.
 */
class WeightFiles
{
public:
  /**
   * Opens all files; their tensors are read when they are used.
   * @throws FileError when there are no weights, only those that could run code, or broken ones.
   */
  WeightFiles(const std::string& folder, const std::string& stem);

  /** The file, or the index of the shards. */
  const std::string& Path() const { return this->MainPath; }

  /** The paths of all files that hold tensors. */
  std::vector<std::string> Files() const;

  /** All tensors by name. */
  const std::map<std::string, SafetensorsFile::Entry>& Entries() const { return this->Tensors; }

  /** As SafetensorsFile::Get. `name` must be one of Entries. */
  at::Tensor Get(const std::string& name) const { return this->Places.at(name)->Get(name); }

private:
  void OpenShards();

  std::string MainPath;
  std::list<SafetensorsFile> Shards;
  std::map<std::string, SafetensorsFile::Entry> Tensors;
  std::map<std::string, const SafetensorsFile*> Places; ///< By tensor; elements of Shards.
};
}
