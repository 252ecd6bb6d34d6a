// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <c10/core/Device.h>

#include <string>

namespace torch::jit
{
struct Module;
}

namespace tdl
{
/**
 * Opens a network that PyTorch stored as TorchScript (torch.jit.save), for inference.
 * @param device where its weights go.
 * @param madeBy the version of PyTorch that stored it, for messages; the file does not tell.
 * @throws FileError when the file is missing, broken or no TorchScript, or was made by a newer
 * PyTorch than this LibTorch understands; the message then names both versions, or the operator
 * that is new; ResourceError when memory lacks.
 */
torch::jit::Module OpenTorchScript(
  const std::string& path, c10::Device device, const std::string& madeBy = "");

/**
 * What went wrong inside a TorchScript network, in one line: LibTorch's own words are followed by
 * the source and the calls that led there.
 */
std::string TorchScriptFault(const std::exception& error);
}
