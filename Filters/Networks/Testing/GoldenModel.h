// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Testing/TemporaryFolder.h"
#include "Filters/Networks/ModelFolder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

namespace tdl
{
/** Largest difference relative to the largest value. */
inline double RelativeDifference(const at::Tensor& value, const at::Tensor& expected)
{
  EXPECT_EQ(value.sizes(), expected.sizes());
  return ((value - expected).abs().max() / expected.abs().max()).item<double>();
}

/** A copy of a golden model folder whose configuration or weights a test changes. */
class ChangedModel : public ::testing::Test
{
protected:
  ChangedModel(std::filesystem::path model, std::string weights)
    : Weights(std::move(weights))
  {
    for (const std::string& name : { std::string("config.json"), this->Weights })
    {
      std::filesystem::copy_file(model / name, this->Folder.Path / name);
    }
  }

  /** Opens the folder as the model it is. */
  virtual void Open() const = 0;

  nlohmann::json ReadConfig() const
  {
    return ReadJsonObject((this->Folder.Path / "config.json").string());
  }

  void WriteConfig(const nlohmann::json& config) const
  {
    std::ofstream(this->Folder.Path / "config.json") << config;
  }

  void SetOption(const std::string& key, const nlohmann::json& value) const
  {
    nlohmann::json config = this->ReadConfig();
    config[key] = value;
    this->WriteConfig(config);
  }

  /** The message with which opening the folder fails. */
  std::string Message() const
  {
    try
    {
      this->Open();
    }
    catch (const FileError& error)
    {
      return error.what();
    }
    return "no error";
  }

  /** Expects that an option's value is refused by name; changes nothing. */
  void ExpectRefusal(const std::string& key, const nlohmann::json& value) const
  {
    const nlohmann::json before = this->ReadConfig();
    this->SetOption(key, value);
    EXPECT_NE(this->Message().find(key + " = " + value.dump()), std::string::npos)
      << key << ": " << this->Message();
    this->WriteConfig(before);
  }

  TemporaryFolder Folder;
  std::string Weights;
};
}
