// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/TorchScriptFile.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Memory.h"

#include <caffe2/serialize/inline_container.h>
#include <torch/script.h>
#include <torch/version.h>

#include <cstdint>
#include <filesystem>
#include <regex>
#include <vector>

namespace tdl
{
namespace
{
constexpr char MakeAgain[] = "make it again by torch.jit.save of a PyTorch no newer than that";

/**
 * @param name of the file, in messages.
 * @throws FileError when the file is of a newer format or no TorchScript.
 */
void CheckArchive(const std::string& path, const std::string& name)
{
  try
  {
    caffe2::serialize::PyTorchStreamReader reader(path);
    if (!reader.hasRecord("constants.pkl"))
    {
      throw FileError(name +
        " holds weights without their network (torch.save); store the network by torch.jit.save.");
    }
  }
  catch (const c10::Error& error)
  {
    const std::string text = error.what_without_backtrace();
    std::smatch version;
    if (std::regex_search(text, version, std::regex("with version ([0-9]+), but")))
    {
      throw FileError(name + " is in version " + version[1].str() +
        " of TorchScript's format, but LibTorch " TORCH_VERSION " reads up to version " +
        std::to_string(caffe2::serialize::kMaxSupportedFileFormatVersion) + "; " + MakeAgain + ".");
    }
    throw FileError(name +
      " is no TorchScript file, or a broken one; store the network by torch.jit.save, or download "
      "it again.");
  }
}
}

std::string TorchScriptFault(const std::exception& error)
{
  const auto* fromTorch = dynamic_cast<const c10::Error*>(&error);
  std::string text = fromTorch != nullptr ? fromTorch->what_without_backtrace() : error.what();
  // The interpreter puts the calls first and the fault behind them.
  const std::size_t fault = text.rfind("Error: ");
  if (text.rfind("The following operation failed in the TorchScript interpreter", 0) == 0 &&
    fault != std::string::npos)
  {
    text = text.substr(fault + std::string("Error: ").size());
  }
  text = text.substr(text.find_first_not_of(" \n"));
  return text.substr(0, text.find('\n'));
}

torch::jit::Module OpenTorchScript(
  const std::string& path, c10::Device device, const std::string& madeBy)
{
  if (!std::filesystem::is_regular_file(path))
  {
    throw FileError("Cannot open '" + path + "'; check the path and its permissions.");
  }
  const std::string name =
    "'" + path + (madeBy.empty() ? "'" : "', made by PyTorch " + madeBy + ",");
  CheckArchive(path, name);
  RequireMemory(name + " takes", std::filesystem::file_size(path), "choose a smaller model");
  try
  {
    torch::jit::Module network = torch::jit::load(path, device);
    network.eval();
    return network;
  }
  catch (const std::exception& error)
  {
    const std::string text = error.what();
    std::smatch operation;
    if (std::regex_search(text, operation, std::regex("Unknown builtin op: ([A-Za-z0-9_:]+)")))
    {
      throw FileError(name + " uses " + operation[1].str() +
        ", which LibTorch " TORCH_VERSION " does not know; " + MakeAgain + ".");
    }
    throw FileError(name + " cannot be opened by LibTorch " TORCH_VERSION " (" +
      TorchScriptFault(error) + "); " + MakeAgain + ".");
  }
}
}
