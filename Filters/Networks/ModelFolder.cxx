// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/ModelFolder.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Networks/WeightFiles.h"

#include <ATen/ATen.h>
#include <torch/nn/module.h>
#include <torch/utils.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <set>
#include <sstream>

namespace tdl
{
namespace
{
std::string ShapeText(at::IntArrayRef shape)
{
  std::ostringstream text;
  text << shape;
  return text.str();
}

/** Collects what is wrong under one heading and tells the count and the first few. */
class Findings
{
public:
  void Add(std::string finding) { this->Items.push_back(std::move(finding)); }

  std::string Text(const std::string& heading) const
  {
    if (this->Items.empty())
    {
      return {};
    }
    constexpr std::size_t shown = 3;
    std::string text = "; " + std::to_string(this->Items.size()) + " " + heading + ": ";
    for (std::size_t i = 0; i < std::min(shown, this->Items.size()); ++i)
    {
      text += (i == 0 ? "" : ", ") + this->Items[i];
    }
    return text + (this->Items.size() > shown ? ", ..." : "");
  }

private:
  std::vector<std::string> Items;
};

bool StartsWithAny(const std::string& name, const std::vector<std::string>& beginnings)
{
  return std::any_of(beginnings.begin(), beginnings.end(),
    [&name](const std::string& beginning) { return name.rfind(beginning, 0) == 0; });
}

/** The former name of an attention layer's tensor, or `name` where there was none. */
std::string FormerName(const std::string& name)
{
  for (const auto& [now, before] :
    { std::make_pair(".to_q.", ".query."), std::make_pair(".to_k.", ".key."),
      std::make_pair(".to_v.", ".value."), std::make_pair(".to_out.0.", ".proj_attn.") })
  {
    const std::size_t place = name.rfind(now);
    if (place != std::string::npos)
    {
      return std::string(name).replace(place, std::strlen(now), before);
    }
  }
  return name;
}

/** A tensor's shape as the network has it: without the kernel of an attention layer that was kept
 * as a 1x1 convolution. */
std::vector<std::int64_t> PresentShape(const std::string& name, std::vector<std::int64_t> shape)
{
  if (FormerName(name) != name && shape.size() == 4 && shape[2] == 1 && shape[3] == 1)
  {
    shape.resize(2);
  }
  return shape;
}
}

void LoadWeights(torch::nn::Module& network, const std::string& folder, const std::string& stem,
  const std::string& prefix, const std::vector<std::string>& ignored)
{
  const WeightFiles file(folder, stem);
  std::map<std::string, at::Tensor> wanted;
  for (const auto& item : network.named_parameters())
  {
    wanted.emplace(item.key(), item.value());
  }
  for (const auto& item : network.named_buffers())
  {
    wanted.emplace(item.key(), item.value());
  }

  Findings missing;
  Findings misshapen;
  Findings unexpected;
  std::set<std::string> used;
  torch::NoGradGuard noGradient;
  for (const auto& [name, tensor] : wanted)
  {
    auto found = file.Entries().end();
    for (const std::string& candidate : { name, prefix + name, FormerName(name) })
    {
      found = found == file.Entries().end() ? file.Entries().find(candidate) : found;
    }
    if (found == file.Entries().end())
    {
      missing.Add(name);
      continue;
    }
    used.insert(found->first);
    const auto shape = PresentShape(name, found->second.Shape);
    if (tensor.sizes() != at::IntArrayRef(shape))
    {
      misshapen.Add(name + " (expected " + ShapeText(tensor.sizes()) + ", found " +
        ShapeText(found->second.Shape) + ")");
      continue;
    }
    const at::Tensor value = file.Get(found->first).reshape(shape);
    if (value.scalar_type() == tensor.scalar_type() && tensor.device().is_cpu())
    {
      at::Tensor(tensor).set_data(value); // the file's own pages, read when they are used
    }
    else
    {
      at::Tensor(tensor).copy_(value);
    }
  }
  for (const auto& item : file.Entries())
  {
    if (used.count(item.first) == 0 && !StartsWithAny(item.first, ignored))
    {
      unexpected.Add(item.first);
    }
  }
  const std::string findings =
    missing.Text("missing") + unexpected.Text("unexpected") + misshapen.Text("of another shape");
  if (!findings.empty())
  {
    throw FileError("The weights '" + file.Path() + "' do not fit the model's configuration" +
      findings + ". Choose the config.json that belongs to these weights.");
  }
}
}
