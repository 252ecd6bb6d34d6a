// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/ClassModel.h"
#include "Filters/DiffusionSampler/Core/DiffusionModels.h"
#include "Filters/DiffusionSampler/Core/ModelComponents.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Networks/TorchScriptFile.h"

#include <ATen/ATen.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

namespace tdl
{
namespace
{
constexpr char FileName[] = "denoiser.pt";

// A script calculates in the precision it was exported with.
ModelOptions InSinglePrecision(ModelOptions options)
{
  options.Precision = at::kFloat;
  return options;
}

/**
 * Any network of pixels that a TorchScript file holds: denoiser.pt and scheduler/. The network's
 * forward(sample, timestep), of classes forward(sample, timestep, class_labels), takes the noisy
 * samples (B, C, H, W) float32, the timestep of each (B) float32 and the label of each (B) int64,
 * and returns what the scheduler's prediction_type says, (B, C, H, W), or (B, 2C, H, W) with the
 * variance.
 *
 * model_index.json has beside _class_name "TorchScriptPipeline" in_channels (C), sample_size (W and
 * H, or a list of H and W), num_class_embeds (number of labels; 0 or absent: unconditional), the
 * entries of ClassModel, and torch_version, the version of PyTorch that made the file.
 */
class TorchScriptModel : public ClassModel
{
public:
  TorchScriptModel(
    const std::string& folder, const Configuration& index, const ModelOptions& options)
    : ClassModel(folder, ReadSchedulerConfig(folder), InSinglePrecision(options))
    , Path((std::filesystem::path(folder) / FileName).string())
  {
    const std::int64_t classes = index.GetCount("num_class_embeds", 0, 0);
    this->ReadClasses(index, classes);
    const auto sides = index.GetCounts("sample_size", 0, 2);
    this->Shape = { 1, index.GetCount("in_channels", 0), sides[0], sides[1] };
    if (this->Shape[1] != 1 && this->Shape[1] != 3)
    {
      index.Refuse("in_channels");
    }
    this->Load(index.Get<std::string>("torch_version", ""));
    this->CheckArguments(classes > 0 ? 3 : 2);
  }

  std::vector<std::int64_t> SampleShape() const override { return this->Shape; }

  at::Tensor RunNetwork(const at::Tensor& samples, const at::Tensor& timesteps,
    const Condition& condition, at::Tensor*) const override
  {
    std::vector<c10::IValue> arguments{ samples, timesteps };
    if (this->IsConditional())
    {
      arguments.emplace_back(LabelsOf(condition));
    }
    // What the just-in-time compiler makes of the network after its first runs may differ from them
    // in the last bits.
    const torch::jit::GraphOptimizerEnabledGuard unoptimized(false);
    c10::IValue result;
    try
    {
      result = this->Network.get_method("forward")(std::move(arguments));
    }
    catch (const std::exception& error)
    {
      throw DataError("The network in '" + this->Path + "' failed: " + TorchScriptFault(error));
    }
    this->CheckOutput(result, samples);
    return result.toTensor();
  }

private:
  void Load(const std::string& version)
  {
    this->Network = OpenTorchScript(this->Path, this->Device(), version);
    std::uint64_t weights = 0;
    for (const at::Tensor& tensor : this->Network.parameters())
    {
      weights += tensor.nbytes();
    }
    for (const at::Tensor& tensor : this->Network.buffers())
    {
      weights += tensor.nbytes();
    }
    this->AddWeights({ this->Path }, weights);
  }

  /** @throws FileError when forward does not take `count` arguments. */
  void CheckArguments(std::size_t count) const
  {
    const auto method = this->Network.find_method("forward");
    const auto refuse = [&](const std::string& what)
    {
      throw FileError("The network in '" + this->Path + "' has " + what +
        ", but model_index.json asks for one that takes " +
        (count == 3 ? "samples, timesteps and class labels"
                    : "samples and timesteps, as num_class_embeds is 0") +
        "; export it so.");
    };
    if (!method)
    {
      refuse("no method forward");
    }
    const auto& arguments = method->function().getSchema().arguments(); // self is the first
    const auto needed = std::count_if(arguments.begin(), arguments.end(),
      [](const c10::Argument& argument) { return !argument.default_value().has_value(); });
    if (static_cast<std::size_t>(needed) > count + 1 || arguments.size() < count + 1)
    {
      refuse("a forward of " + std::to_string(arguments.size() - 1) + " arguments");
    }
  }

  void CheckOutput(const c10::IValue& result, const at::Tensor& samples) const
  {
    if (!result.isTensor())
    {
      throw DataError("The network in '" + this->Path + "' returns " + result.tagKind() +
        " instead of a tensor; export one that returns its prediction alone.");
    }
    const at::Tensor& output = result.toTensor();
    auto expected = samples.sizes().vec();
    const bool plain = output.sizes() == at::IntArrayRef(expected);
    expected[1] *= 2;
    if (!plain && output.sizes() != at::IntArrayRef(expected))
    {
      std::ostringstream message;
      message << "The network in '" << this->Path << "' returns " << output.sizes()
              << " for samples of " << samples.sizes()
              << "; it must return the shape of the samples, or twice their channels with the "
                 "variance.";
      throw DataError(message.str());
    }
    if (output.scalar_type() != at::kFloat)
    {
      throw DataError("The network in '" + this->Path + "' returns " +
        std::string(c10::toString(output.scalar_type())) + "; it must return float32.");
    }
  }

  std::string Path;
  std::vector<std::int64_t> Shape;
  torch::jit::Module Network;
};
}

std::unique_ptr<DiffusionModel> OpenTorchScriptModel(
  const std::string& folder, const Configuration& index, const ModelOptions& options)
{
  return std::make_unique<TorchScriptModel>(folder, index, options);
}
}
