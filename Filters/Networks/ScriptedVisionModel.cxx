// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/ScriptedVisionModel.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Networks/TorchScriptFile.h"

#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/script.h>

#include <vector>

namespace tdl
{
namespace
{
/** The tensors of a network's result, those first that are known to be pooled. */
std::vector<at::Tensor> TensorsOf(const c10::IValue& result)
{
  std::vector<c10::IValue> values;
  if (result.isTuple())
  {
    values = result.toTupleRef().elements().vec();
  }
  else if (result.isTensorList() || result.isList())
  {
    values = result.toListRef().vec();
  }
  else if (result.isGenericDict())
  {
    const auto dictionary = result.toGenericDict();
    for (const char* key : { "pooler_output", "image_embeds" })
    {
      const auto found = dictionary.find(key);
      if (found != dictionary.end())
      {
        values.push_back(found->value());
      }
    }
    for (const auto& item : dictionary)
    {
      values.push_back(item.value());
    }
  }
  else
  {
    values.push_back(result);
  }
  std::vector<at::Tensor> tensors;
  for (const c10::IValue& value : values)
  {
    if (value.isTensor())
    {
      tensors.push_back(value.toTensor());
    }
  }
  return tensors;
}
}

ScriptedVisionModel::ScriptedVisionModel(const std::string& path, c10::Device device)
  : Path(path)
  , Network(std::make_unique<torch::jit::Module>(OpenTorchScript(path, device)))
{
}

ScriptedVisionModel::~ScriptedVisionModel() = default;

VisionModel::Output ScriptedVisionModel::Forward(
  const at::Tensor& pixels, const Request& /*request*/) const
{
  // What the just-in-time compiler makes of the network after its first runs may differ from them
  // in the last bits.
  const torch::jit::GraphOptimizerEnabledGuard unoptimized(false);
  Output output;
  try
  {
    // The interpreter runs on a copy of the module's references, so that threads may share it.
    torch::jit::Module network = *this->Network;
    for (const at::Tensor& tensor : TensorsOf(network.forward({ pixels })))
    {
      const bool ofImages = tensor.dim() > 0 && tensor.size(0) == pixels.size(0);
      const bool map = ofImages && tensor.dim() == 4;
      const bool single = map && tensor.size(2) == 1 && tensor.size(3) == 1;
      if (!output.Pooled.defined() && ((ofImages && tensor.dim() == 2) || single))
      {
        output.Pooled = tensor.flatten(1).to(at::kFloat);
      }
      else if (!output.Patches.defined() && map && !single)
      {
        output.Patches = PixelsAsPatches(tensor).to(at::kFloat);
      }
    }
  }
  catch (const std::exception& error)
  {
    throw DataError("The network '" + this->Path + "' fails with images of " +
      std::to_string(pixels.size(1)) + " x " + std::to_string(pixels.size(2)) + " x " +
      std::to_string(pixels.size(3)) + " numbers (" + TorchScriptFault(error) +
      "); choose the preprocessor_config.json that belongs to it.");
  }
  if (!output.Pooled.defined() && !output.Patches.defined())
  {
    throw DataError("The network '" + this->Path +
      "' gives no tensor of shape (images, features) or (images, channels, height, width); store "
      "one that does.");
  }
  return output;
}
}
