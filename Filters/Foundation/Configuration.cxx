// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Configuration.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Json.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string_view>

namespace tdl
{
namespace
{
constexpr std::string_view NonFinite[] = { "-Infinity", "Infinity", "NaN" };

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
    json = ParseShallowJson<nlohmann::json>(
      QuoteNonFinite({ std::istreambuf_iterator<char>(stream), {} }), "'" + path + "'",
      "choose another model");
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
  Configuration part = *this;
  part.Part += key + ".";
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
}
