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
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string_view>

namespace tdl
{
namespace
{
constexpr std::string_view NonFinite[] = { "-Infinity", "Infinity", "NaN" };

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

// Python writes numbers that JSON does not know, such as the -Infinity of DPM-Solver++'s
// lambda_min_clipped; they become strings.
std::string QuoteNonFinite(const std::string& text)
{
  std::string quoted;
  bool inString = false;
  for (std::size_t i = 0; i < text.size(); ++i)
  {
    if (text[i] == '"')
    {
      inString = !inString;
    }
    else if (inString && text[i] == '\\')
    {
      quoted += text[i++];
    }
    else if (!inString)
    {
      const auto* const word = std::find_if(std::begin(NonFinite), std::end(NonFinite),
        [&](std::string_view candidate)
        { return text.compare(i, candidate.size(), candidate) == 0; });
      if (word != std::end(NonFinite))
      {
        quoted.append("\"").append(*word).append("\"");
        i += word->size() - 1;
        continue;
      }
    }
    if (i < text.size())
    {
      quoted += text[i];
    }
  }
  return quoted;
}

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

nlohmann::json ReadJsonObject(const std::string& path)
{
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
  {
    throw FileError("Cannot open '" + path + "'; check the path and its permissions.");
  }
  nlohmann::json json;
  try
  {
    json = nlohmann::json::parse(QuoteNonFinite({ std::istreambuf_iterator<char>(stream), {} }));
  }
  catch (const nlohmann::json::exception& error)
  {
    throw FileError("'" + path + "' is not valid JSON (" + error.what() + "); download it again.");
  }
  if (!json.is_object())
  {
    throw FileError("'" + path + "' is not a JSON object; choose the model's own file.");
  }
  return json;
}

std::int64_t Configuration::GetCount(
  const std::string& key, std::int64_t fallback, std::int64_t minimum) const
{
  const auto count = this->Get<std::int64_t>(key, fallback);
  if (count < minimum)
  {
    this->Refuse(key);
  }
  return count;
}

double Configuration::GetPositive(const std::string& key, double fallback) const
{
  const double number = this->Get(key, fallback);
  if (!(number > 0.0))
  {
    this->Refuse(key);
  }
  return number;
}

std::vector<std::int64_t> Configuration::GetCounts(
  const std::string& key, std::int64_t fallback, std::size_t size) const
{
  auto counts = this->GetPerItem(key, fallback, size);
  if (std::any_of(counts.begin(), counts.end(), [](std::int64_t count) { return count < 1; }))
  {
    this->Refuse(key);
  }
  return counts;
}

Configuration Configuration::GetPart(const std::string& key) const
{
  Configuration part;
  part.Source = this->Source;
  part.Part = this->Part + key + ".";
  part.Settings = this->Get(key, nlohmann::json());
  const auto earlier = this->Get(key + "_dict", nlohmann::json::object());
  if (!part.Settings.is_object())
  {
    this->Refuse(key);
  }
  if (!earlier.is_object())
  {
    this->Refuse(key + "_dict");
  }
  part.Settings.update(earlier);
  return part;
}

bool Configuration::Has(const std::string& key) const
{
  const auto found = this->Settings.find(key);
  return found != this->Settings.end() && !found->is_null();
}

bool Configuration::IsNull(const std::string& key) const
{
  const auto found = this->Settings.find(key);
  return found != this->Settings.end() && found->is_null();
}

void Configuration::Refuse(const std::string& key) const
{
  const auto found = this->Settings.find(key);
  const std::string value = found == this->Settings.end() ? "missing" : found->dump();
  throw FileError("'" + this->Source + "' has " + this->Part + key + " = " + value +
    ", which is not supported; choose another model.");
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
