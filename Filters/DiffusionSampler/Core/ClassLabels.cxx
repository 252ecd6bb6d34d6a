// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/ClassLabels.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Networks/ModelFolder.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <sstream>

namespace tdl
{
namespace
{
// More classes than these are neither suggested nor listed.
constexpr std::size_t ManyClasses = 100;
constexpr std::size_t ListedClasses = 20;

std::string LowerCase(std::string text)
{
  std::transform(text.begin(), text.end(), text.begin(),
    [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  return text;
}

std::string Trimmed(const std::string& text)
{
  const std::size_t begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? ""
                                    : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

std::vector<std::string> Synonyms(const std::string& names)
{
  std::vector<std::string> words;
  std::istringstream stream(names);
  for (std::string word; std::getline(stream, word, ',');)
  {
    words.push_back(Trimmed(word));
  }
  return words.empty() ? std::vector<std::string>{ names } : words;
}
}

ClassLabels::ClassLabels(const Configuration& index, std::int64_t count, std::int64_t null)
{
  const auto names = index.Get<std::map<std::string, std::string>>("id2label", {});
  std::size_t named = 0;
  std::map<std::string, std::int64_t> labels; // the last of each name
  for (std::int64_t label = 0; label < count; ++label)
  {
    const auto name = names.find(std::to_string(label));
    if (name != names.end())
    {
      labels[name->second] = label;
      ++named;
    }
    else if (names.empty() && label != null)
    {
      labels[std::to_string(label)] = label;
    }
  }
  if (named < names.size())
  {
    index.Refuse("id2label");
  }

  std::map<std::string, int> firsts;
  for (const auto& [name, label] : labels)
  {
    this->Classes.push_back({ name, Synonyms(name), label });
    ++firsts[this->Classes.back().Words.front()];
  }
  std::sort(this->Classes.begin(), this->Classes.end(),
    [](const Class& one, const Class& other) { return one.Label < other.Label; });
  for (Class& item : this->Classes)
  {
    const std::string first = item.Words.front();
    item.Words.push_back(item.Name);
    if (firsts[first] == 1)
    {
      item.Name = first;
    }
  }
}

const ClassLabels::Class& ClassLabels::Find(const std::string& prompt) const
{
  const std::string wanted = LowerCase(prompt);
  const auto found = std::find_if(this->Classes.rbegin(), this->Classes.rend(),
    [&wanted](const Class& candidate)
    {
      return std::any_of(candidate.Words.begin(), candidate.Words.end(),
        [&wanted](const std::string& word) { return LowerCase(word) == wanted; });
    });
  if (found != this->Classes.rend())
  {
    return *found;
  }
  std::string known;
  for (std::size_t i = 0; i < std::min(this->Classes.size(), ListedClasses); ++i)
  {
    known += (i == 0 ? "" : ", ") + this->Classes[i].Name;
  }
  if (this->Classes.size() > ListedClasses)
  {
    known += ", ... (" + std::to_string(this->Classes.size()) + " in all)";
  }
  throw ParameterError("The model has no class '" + prompt + "'; choose from " + known + ".");
}

std::vector<Prompt> ClassLabels::Prompts() const
{
  std::vector<Prompt> prompts;
  if (this->Classes.size() <= ManyClasses)
  {
    for (const Class& item : this->Classes)
    {
      if (&this->Find(item.Name) == &item)
      {
        prompts.push_back({ item.Name, {} });
      }
    }
  }
  return prompts;
}
}
