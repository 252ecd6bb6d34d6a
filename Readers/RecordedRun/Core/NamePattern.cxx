// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/RecordedRun/Core/NamePattern.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Names.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <tuple>

namespace tdl
{
namespace
{
FileError SameStep(const std::string& first, const std::string& second, const std::string& folder)
{
  return FileError("The images " + first + " and " + second + " in " + folder +
    " are the same step of the same instance; remove one of the two.");
}

enum class Kind
{
  Literal,
  Number,
  Text,     // one character at least
  Anything, // none, too
  Word      // anything without digits
};

struct Token
{
  Kind Type = Kind::Literal;
  /** What a literal is, or the name of a placeholder. */
  std::string Text;
};

/** What the placeholders of a pattern stand for in a path. */
using Match = std::map<std::string, std::string>;

constexpr std::array UsualPatterns{ "{group}/{prompt}/{word}{instance}/{word}{step}{word}",
  "{group}/{prompt}/{word}{instance}{word}{step}{word}",
  "{prompt}/{word}{instance}/{word}{step}{word}", "{prompt}/{*}{instance}{word}{step}{word}",
  "{word}{instance}/{*}{step}{word}", "{prompt}/{*}{step}{word}", "{prompt}_{instance}_{step}",
  "{prompt}-{instance}-{step}", "{*}{instance}{word}{step}{word}", "{*}{step}{word}" };

bool IsDigit(char c)
{
  return c >= '0' && c <= '9';
}

std::vector<Token> ParsePattern(const std::string& pattern)
{
  const auto fail = [&pattern](const std::string& problem)
  {
    throw ParameterError("The name pattern '" + pattern + "' " + problem +
      "; use {group}, {prompt}, {instance}, {seed}, {step}, {timestep}, {array} and {*}.");
  };
  static const std::map<std::string, Kind> kinds{ { "group", Kind::Text }, { "prompt", Kind::Text },
    { "array", Kind::Text }, { "instance", Kind::Number }, { "seed", Kind::Number },
    { "step", Kind::Number }, { "timestep", Kind::Number }, { "*", Kind::Anything },
    { "word", Kind::Word } };
  std::vector<Token> tokens;
  std::set<std::string> names;
  for (std::size_t i = 0; i < pattern.size();)
  {
    if (pattern[i] != '{')
    {
      const std::size_t end = std::min(pattern.find('{', i), pattern.size());
      tokens.push_back({ Kind::Literal, pattern.substr(i, end - i) });
      i = end;
      continue;
    }
    const std::size_t end = pattern.find('}', i);
    const std::string name = pattern.substr(i + 1, end == std::string::npos ? 0 : end - i - 1);
    const auto found = kinds.find(name);
    if (end == std::string::npos || found == kinds.end())
    {
      fail("has an unknown placeholder");
    }
    const bool isNamed = found->second != Kind::Anything && found->second != Kind::Word;
    if (isNamed && !names.insert(name).second)
    {
      fail("repeats {" + name + "}");
    }
    tokens.push_back({ found->second, name });
    i = end + 1;
  }
  if (names.count("step") + names.count("timestep") != 1)
  {
    fail("must hold {step} or {timestep}");
  }
  return tokens;
}

/** Matches a path against a pattern, each pair of places once. */
class Matcher
{
public:
  Matcher(const std::vector<Token>& tokens, const std::string& path)
    : Tokens(tokens)
    , Path(path)
    , Failed((tokens.size() + 1) * (path.size() + 1), false)
  {
  }

  std::optional<Match> Find()
  {
    if (!this->FindFrom(0, 0))
    {
      return {};
    }
    return this->Result;
  }

private:
  bool FindFrom(std::size_t token, std::size_t place)
  {
    if (token == this->Tokens.size())
    {
      return place == this->Path.size();
    }
    const std::size_t state = token * (this->Path.size() + 1) + place;
    if (this->Failed[state])
    {
      return false;
    }
    const bool found = this->FindToken(token, place);
    this->Failed[state] = !found;
    return found;
  }

  bool FindToken(std::size_t token, std::size_t place)
  {
    const auto& [kind, text] = this->Tokens[token];
    if (kind == Kind::Literal)
    {
      return this->Path.compare(place, text.size(), text) == 0 &&
        this->FindFrom(token + 1, place + text.size());
    }
    if (kind == Kind::Number)
    {
      // A whole run of digits.
      std::size_t end = place;
      while (end < this->Path.size() && IsDigit(this->Path[end]))
      {
        ++end;
      }
      const bool begins = place == 0 || !IsDigit(this->Path[place - 1]);
      return end > place && begins && this->Accept(token, place, end);
    }
    for (std::size_t end = place + (kind == Kind::Text ? 1 : 0); end <= this->Path.size(); ++end)
    {
      const char last = end > place ? this->Path[end - 1] : ' ';
      if (last == '/' || (kind == Kind::Word && IsDigit(last)))
      {
        return false;
      }
      if (this->Accept(token, place, end))
      {
        return true;
      }
    }
    return false;
  }

  bool Accept(std::size_t token, std::size_t begin, std::size_t end)
  {
    if (!this->FindFrom(token + 1, end))
    {
      return false;
    }
    const Token& next = this->Tokens[std::min(token + 1, this->Tokens.size() - 1)];
    const std::string& name = this->Tokens[token].Text;
    // Of a word is kept which number it calls.
    this->Result[name == "word" ? name + " " + next.Text : name] =
      this->Path.substr(begin, end - begin);
    return true;
  }

  const std::vector<Token>& Tokens;
  const std::string& Path;
  std::vector<bool> Failed;
  Match Result;
};

std::string WithoutExtension(const std::string& path)
{
  const std::size_t dot = path.rfind('.');
  const std::size_t slash = path.rfind('/');
  return dot == std::string::npos || (slash != std::string::npos && dot < slash)
    ? path
    : path.substr(0, dot);
}

/** The matches of all paths; nothing where one does not match, which is then the bad one. */
std::optional<std::vector<Match>> MatchAll(
  const std::vector<std::string>& paths, const std::string& pattern, std::string& bad)
{
  const std::vector<Token> tokens = ParsePattern(pattern);
  std::vector<Match> matches;
  for (const std::string& path : paths)
  {
    const std::string stem = WithoutExtension(path);
    std::optional<Match> match = Matcher(tokens, stem).Find();
    if (!match)
    {
      bad = path;
      return {};
    }
    matches.push_back(std::move(*match));
  }
  return matches;
}

/** A number of a match; the fallback where the pattern has none. */
std::int64_t Number(const Match& match, const char* name, std::int64_t fallback,
  std::int64_t maximum, const std::string& path)
{
  const auto found = match.find(name);
  if (found == match.end())
  {
    return fallback;
  }
  std::int64_t number = 0;
  const char* end = found->second.data() + found->second.size();
  if (std::from_chars(found->second.data(), end, number).ec != std::errc() || number > maximum)
  {
    throw FileError("The image " + path + " has a " + name + " in its name that is larger than " +
      std::to_string(maximum) + "; state the Name Pattern.");
  }
  return number;
}

std::string Text(const Match& match, const char* name, const char* fallback)
{
  const auto found = match.find(name);
  return found == match.end() ? fallback : found->second;
}

/** Whether what stands before the number of the instance says that it is a seed. */
bool CallsSeed(const Match& match)
{
  const auto found = match.find("word instance");
  std::string word = found == match.end() ? "" : found->second;
  word.erase(
    std::remove_if(word.begin(), word.end(), [](unsigned char c) { return std::isalpha(c) == 0; }),
    word.end());
  std::transform(word.begin(), word.end(), word.begin(),
    [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return word.size() >= 4 && word.compare(word.size() - 4, 4, "seed") == 0;
}

/** An image by its name. */
struct NamedImage
{
  std::string Group;
  std::string Prompt;
  std::int64_t Instance;
  std::int64_t Seed;
  std::int64_t Step;
  std::string Array;
  std::string Path;
};

/**
 * The iteration of each step. Where the steps, but for the last, lie on a regular grid, one that is
 * missing keeps its place.
 */
std::map<std::int64_t, int> NumberSteps(const std::set<std::int64_t>& steps)
{
  const std::vector<std::int64_t> sorted(steps.begin(), steps.end());
  std::map<std::int64_t, int> distances;
  for (std::size_t i = 1; i < sorted.size(); ++i)
  {
    ++distances[sorted[i] - sorted[i - 1]];
  }
  std::int64_t usual = 1;
  int most = 0;
  for (const auto& [distance, count] : distances)
  {
    if (count > most)
    {
      usual = distance;
      most = count;
    }
  }
  const bool regular = std::all_of(sorted.begin(), sorted.end(),
    [&](std::int64_t step)
    { return (step - sorted.front()) % usual == 0 || step == sorted.back(); });
  const std::int64_t last = (sorted.back() - sorted.front() + usual - 1) / usual;
  const bool isGrid = regular && last < static_cast<std::int64_t>(4 * sorted.size() + 16);
  std::map<std::int64_t, int> numbers;
  for (const std::int64_t step : sorted)
  {
    numbers[step] = isGrid ? static_cast<int>((step - sorted.front() + usual - 1) / usual)
                           : static_cast<int>(numbers.size());
  }
  return numbers;
}
}

Manifest DescribeImages(
  const std::vector<std::string>& paths, const std::string& pattern, const std::string& name)
{
  std::string bad;
  std::optional<std::vector<Match>> matches;
  std::string used = pattern;
  if (!pattern.empty())
  {
    matches = MatchAll(paths, pattern, bad);
  }
  else
  {
    for (auto usual = UsualPatterns.begin(); usual != UsualPatterns.end() && !matches; ++usual)
    {
      used = *usual;
      matches = MatchAll(paths, used, bad);
    }
  }
  if (!matches)
  {
    throw FileError("The image " + bad + " in " + name +
      (pattern.empty() ? " has a name that does not tell what it is; state the Name Pattern."
                       : " does not follow the name pattern '" + pattern + "'; correct either."));
  }

  std::vector<NamedImage> images;
  std::set<std::int64_t> steps;
  const bool down = used.find("{timestep}") != std::string::npos;
  for (std::size_t i = 0; i < paths.size(); ++i)
  {
    const Match& match = (*matches)[i];
    constexpr auto any = std::numeric_limits<std::int64_t>::max() / 4;
    constexpr std::int64_t integer = std::numeric_limits<int>::max() - 1;
    NamedImage image;
    image.Group = Text(match, "group", "");
    image.Prompt = Text(match, "prompt", "Unknown prompt");
    image.Seed = Number(match, "seed", -1, any, paths[i]);
    if (CallsSeed(match))
    {
      image.Seed = Number(match, "instance", -1, any, paths[i]);
    }
    // A pattern may tell instances by their seeds alone.
    image.Instance =
      Number(match, "instance", std::max<std::int64_t>(image.Seed, 0), any, paths[i]);
    image.Step = Number(match, down ? "timestep" : "step", 0, integer, paths[i]);
    image.Step = down ? -image.Step : image.Step;
    image.Array = Text(match, "array", names::Image);
    if (image.Array != names::Image && image.Array != names::PredictedImage &&
      image.Array != names::PredictedNoise)
    {
      throw FileError("The image " + paths[i] + " in " + name + " is of the array '" + image.Array +
        "'; name it Image, PredictedImage or PredictedNoise.");
    }
    image.Path = paths[i];
    steps.insert(image.Step);
    images.push_back(image);
  }
  std::sort(images.begin(), images.end(),
    [](const NamedImage& a, const NamedImage& b)
    {
      return std::tie(a.Group, a.Prompt, a.Instance, a.Array, a.Step, a.Path) <
        std::tie(b.Group, b.Prompt, b.Instance, b.Array, b.Step, b.Path);
    });

  Manifest manifest = MakeManifest(ManifestKind::Run, 0, 0, "");
  manifest.Prompts.clear();
  manifest.PromptGroup.clear();
  manifest.Groups.clear();
  const std::map<std::int64_t, int> iterations = NumberSteps(steps);
  const auto count = static_cast<std::size_t>(iterations.rbegin()->second) + 1;
  manifest.Timestep.assign(count, Unknown);
  manifest.Sigma = manifest.Timestep;
  for (const auto& [step, iteration] : iterations)
  {
    if (down)
    {
      manifest.Timestep[static_cast<std::size_t>(iteration)] = static_cast<double>(-step);
    }
  }
  std::set<std::string> arrays;
  std::set<std::int64_t> numbers;
  std::set<std::tuple<std::string, std::string, std::int64_t>> instances;
  for (const NamedImage& image : images)
  {
    instances.emplace(image.Group, image.Prompt, image.Instance);
  }
  if (instances.size() * count > 64 * images.size() + 100000)
  {
    throw FileError("The names of the " + std::to_string(images.size()) + " images in " + name +
      " tell " + std::to_string(instances.size()) + " instances of " + std::to_string(count) +
      " iterations, most of which are missing; state the Name Pattern.");
  }
  const NamedImage* previous = nullptr;
  for (const NamedImage& image : images)
  {
    const bool newPrompt = !previous ||
      std::tie(previous->Group, previous->Prompt) != std::tie(image.Group, image.Prompt);
    if (newPrompt)
    {
      manifest.Prompts.push_back(image.Prompt);
      manifest.PromptGroup.push_back(manifest.AddGroup(image.Group));
    }
    if (newPrompt || previous->Instance != image.Instance)
    {
      ManifestInstance instance;
      instance.Instance = image.Instance <= std::numeric_limits<int>::max() - 1
        ? static_cast<int>(image.Instance)
        : -1;
      instance.Prompt = static_cast<int>(manifest.Prompts.size()) - 1;
      instance.Seed = image.Seed;
      manifest.Instances.push_back(instance);
      numbers.insert(instance.Instance);
    }
    ManifestInstance& instance = manifest.Instances.back();
    std::vector<std::string>& files = instance.Images[image.Array];
    files.resize(count);
    std::string& file = files[static_cast<std::size_t>(iterations.at(image.Step))];
    if (!file.empty())
    {
      throw SameStep(file, image.Path, name);
    }
    file = image.Path;
    arrays.insert(image.Array);
    previous = &image;
  }
  const bool distinct = numbers.size() == manifest.Instances.size() && numbers.count(-1) == 0;
  for (std::size_t i = 0; i < manifest.Instances.size(); ++i)
  {
    ManifestInstance& instance = manifest.Instances[i];
    instance.Instance = distinct ? instance.Instance : static_cast<int>(i);
    for (const std::string& array : arrays)
    {
      instance.Images[array].resize(count);
    }
  }
  std::sort(manifest.Instances.begin(), manifest.Instances.end(),
    [](const ManifestInstance& a, const ManifestInstance& b) { return a.Instance < b.Instance; });
  for (std::size_t i = 0; i < manifest.Instances.size(); ++i)
  {
    manifest.Instances[i].Place = static_cast<int>(i);
  }
  return manifest;
}
}
