// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EncoderComparison/Core/EncoderNames.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <set>

namespace tdl
{
namespace
{
/** What tells encoders of a kind apart, the most telling first, by its value alone. */
constexpr const char* Telling[] = { "folder", "output", "normalization", "image_array" };
/** What differs without a difference in the features, or only together with something else. */
const std::set<std::string> NotTelling = { "encoder", "checksum", "device" };

nlohmann::json EncoderPart(const std::string& provenance)
{
  const auto json = nlohmann::json::parse(provenance, nullptr, /*allow_exceptions=*/false);
  const auto part = json.is_object() ? json.value("encoder", nlohmann::json()) : nlohmann::json();
  return part.is_string() ? nlohmann::json{ { "encoder", part } }
                          : (part.is_object() ? part : nlohmann::json::object());
}

bool IsTelling(const std::string& key)
{
  return std::find(std::begin(Telling), std::end(Telling), key) != std::end(Telling);
}

/** What an encoder's part says under a key, in words; empty where it says nothing. */
std::string Detail(const nlohmann::json& part, const std::string& key)
{
  const auto found = part.find(key);
  if (found == part.end() || !found->is_primitive() || found->is_null() || *found == "None")
  {
    return {};
  }
  if (!found->is_string())
  {
    std::string words = key;
    std::replace(words.begin(), words.end(), '_', ' ');
    return words + " " + found->dump();
  }
  auto text = found->get<std::string>();
  if (key == "folder")
  {
    const std::filesystem::path path(text);
    return (path.has_filename() ? path : path.parent_path()).filename().string();
  }
  return text;
}

std::string NameWith(const std::string& kind, const std::vector<std::string>& details)
{
  std::string name = kind;
  for (std::size_t i = 0; i < details.size(); ++i)
  {
    name += (i == 0 ? " (" : ", ") + details[i];
  }
  return details.empty() ? name : name + ")";
}
}

std::vector<std::string> NameEncoders(const std::vector<std::string>& provenances)
{
  const std::size_t count = provenances.size();
  std::vector<nlohmann::json> parts;
  std::vector<std::string> kinds;
  std::vector<std::string> keys(std::begin(Telling), std::end(Telling));
  std::set<std::string> others;
  for (std::size_t i = 0; i < count; ++i)
  {
    parts.push_back(EncoderPart(provenances[i]));
    const auto kind = parts.back().find("encoder");
    kinds.push_back(
      kind != parts.back().end() && kind->is_string() ? kind->get<std::string>() : "");
    if (kinds.back().empty())
    {
      kinds.back() = "Encoder " + std::to_string(i + 1);
    }
    for (const auto& [key, value] : parts.back().items())
    {
      if (!IsTelling(key) && NotTelling.count(key) == 0)
      {
        others.insert(key);
      }
    }
  }
  keys.insert(keys.end(), others.begin(), others.end());

  std::vector<std::string> names = kinds;
  std::vector<std::vector<std::string>> details(count);
  for (const std::string& key : keys)
  {
    const std::vector<std::string> before = names;
    for (std::size_t i = 0; i < count; ++i)
    {
      const std::string detail = Detail(parts[i], key);
      bool differs = false;
      for (std::size_t j = 0; j < count; ++j)
      {
        differs = differs || (before[j] == before[i] && Detail(parts[j], key) != detail);
      }
      if (differs && !detail.empty())
      {
        details[i].push_back(detail);
        names[i] = NameWith(kinds[i], details[i]);
      }
    }
  }

  std::set<std::string> taken;
  for (std::string& name : names)
  {
    const std::string same = name;
    for (int number = 2; !taken.insert(name).second; ++number)
    {
      name = same + " " + std::to_string(number);
    }
  }
  return names;
}
}
