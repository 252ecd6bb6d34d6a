// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/PromptFile.h"

#include "Filters/Foundation/Error.h"

#include <nlohmann/json.hpp>

#include <fstream>
#include <iterator>
#include <set>

namespace tdl
{
namespace
{
std::string_view Trimmed(std::string_view text)
{
  constexpr std::string_view space = " \t\r";
  const auto begin = text.find_first_not_of(space);
  if (begin == std::string_view::npos)
  {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

// nlohmann::json checks UTF-8 when it writes a string, which spares us a decoder of our own.
bool IsUtf8(std::string_view text)
{
  try
  {
    nlohmann::json(text).dump();
    return true;
  }
  catch (const nlohmann::json::type_error&)
  {
    return false;
  }
}
}

std::vector<Prompt> ParsePrompts(std::string_view text, const std::string& name)
{
  constexpr std::string_view byteOrderMark = "\xEF\xBB\xBF";
  if (text.substr(0, byteOrderMark.size()) == byteOrderMark)
  {
    text.remove_prefix(byteOrderMark.size());
  }

  std::vector<Prompt> prompts;
  std::set<std::string_view> seen;
  std::string group;
  for (int number = 1; !text.empty(); ++number)
  {
    const auto end = text.find('\n');
    const std::string_view line = Trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const std::string where = name + ", line " + std::to_string(number) + ": ";

    if (line.empty() || line.front() == '#')
    {
      continue;
    }
    if (!IsUtf8(line))
    {
      throw FileError(where + "the text is not UTF-8; save the file in that encoding.");
    }
    if (line.front() == '[')
    {
      group = Trimmed(line.substr(1, line.size() - 2));
      if (line.back() != ']' || group.empty())
      {
        throw FileError(where + "a group heading must read [name].");
      }
      continue;
    }
    if (!seen.insert(line).second)
    {
      throw FileError(where + "the prompt '" + std::string(line) + "' appears twice; remove one.");
    }
    prompts.push_back({ std::string(line), group });
  }
  return prompts;
}

std::vector<Prompt> ReadPromptFile(const std::filesystem::path& file)
{
  std::ifstream stream(file, std::ios::binary);
  if (!stream || !std::filesystem::is_regular_file(file))
  {
    throw FileError("The prompt file " + file.string() + " cannot be read; check its path.");
  }
  const std::string text{ std::istreambuf_iterator<char>(stream), {} };
  std::vector<Prompt> prompts = ParsePrompts(text, file.string());
  if (prompts.empty())
  {
    throw FileError(
      "The prompt file " + file.string() + " holds no prompt; write one prompt per line.");
  }
  return prompts;
}
}
