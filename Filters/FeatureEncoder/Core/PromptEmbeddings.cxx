// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/FeatureEncoder/Core/PromptEmbeddings.h"

#include "Filters/Networks/ClipTextModel.h"
#include "Filters/Networks/ClipTokenizer.h"
#include "Filters/Networks/ModelFolder.h"

#include <ATen/ATen.h>

#include <filesystem>

namespace tdl
{
namespace
{
bool HasTextHalf(const std::filesystem::path& folder)
{
  return std::filesystem::exists(folder / "vocab.json") &&
    std::filesystem::exists(folder / "merges.txt") &&
    std::filesystem::exists(folder / "config.json") &&
    Configuration((folder / "config.json").string()).Get<std::string>("model_type", "") == "clip";
}
}

at::Tensor EmbedPrompts(
  const std::string& folder, const std::vector<std::string>& prompts, at::Device device)
{
  if (prompts.empty() || !HasTextHalf(folder))
  {
    return {};
  }
  const ClipTokenizer tokenizer(folder);
  const auto network = ClipTextModel::Open(folder);
  network->to(device);
  std::vector<at::Tensor> embeddings;
  for (const std::string& prompt : prompts)
  {
    const std::vector<std::int64_t> ids = tokenizer.Encode(prompt);
    embeddings.push_back(
      network->Forward(at::tensor(ids, at::kLong).unsqueeze(0).to(device)).TextEmbeds);
  }
  return UnitVectors(at::cat(embeddings));
}

at::Tensor UnitVectors(const at::Tensor& vectors)
{
  return vectors / vectors.norm(2, 1, /*keepdim=*/true);
}
}
