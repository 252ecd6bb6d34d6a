// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/Manifest/Manifest.h"

#include "Filters/Foundation/AtomicFile.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Names.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>

namespace tdl
{
namespace
{
// Keeps the order of keys, so that a written manifest begins with its format.
using Json = nlohmann::ordered_json;

constexpr int Version = 1;
// Far deeper than any provenance, far from the end of the stack when a value is written.
constexpr int MaximumDepth = 64;
constexpr char Ungrouped[] = "Ungrouped"; // as the diffusion sampler calls it
constexpr double Unknown = std::numeric_limits<double>::quiet_NaN();

const char* FormatName(ManifestKind kind)
{
  return kind == ManifestKind::Run ? "tree-of-diffusion-life-run"
                                   : "tree-of-diffusion-life-features";
}

/** A value of the manifest that knows its place, for errors. */
class Node
{
public:
  Node(const Json& value, std::string place)
    : Value(&value)
    , Place(std::move(place))
  {
  }

  [[noreturn]] void Fail(const std::string& problem) const
  {
    throw FileError(this->Place + " " + problem);
  }

  bool Has(const char* key) const { return this->Value->contains(key); }

  Node At(const char* key) const
  {
    this->Demand(this->Value->is_object(), "an object");
    const auto found = this->Value->find(key);
    if (found == this->Value->end())
    {
      this->Fail("lacks \"" + std::string(key) + "\"; add it.");
    }
    return { *found, this->Place + " > " + key };
  }

  std::vector<Node> Items() const
  {
    this->Demand(this->Value->is_array(), "a list");
    std::vector<Node> items;
    items.reserve(this->Value->size());
    for (const Json& item : *this->Value)
    {
      items.emplace_back(item, this->Place + "[" + std::to_string(items.size()) + "]");
    }
    return items;
  }

  std::vector<Node> NonEmptyItems() const
  {
    std::vector<Node> items = this->Items();
    if (items.empty())
    {
      this->Fail("is empty; it needs one entry at least.");
    }
    return items;
  }

  std::string Text() const
  {
    this->Demand(this->Value->is_string(), "a text");
    return this->Value->get<std::string>();
  }

  double Number() const
  {
    this->Demand(this->Value->is_number(), "a number");
    return this->Value->get<double>();
  }

  template <typename T>
  T Integer(T minimum, T maximum = std::numeric_limits<T>::max()) const
  {
    const bool fits = this->Value->is_number_unsigned()
      ? this->Value->get<std::uint64_t>() <= static_cast<std::uint64_t>(maximum)
      : this->Value->is_number_integer() && this->Value->get<std::int64_t>() >= minimum;
    this->Demand(
      fits, "a whole number from " + std::to_string(minimum) + " to " + std::to_string(maximum));
    return this->Value->get<T>();
  }

  /** A path that stays in the manifest's folder. */
  std::string Path() const
  {
    std::string text = this->Text();
    const std::filesystem::path path = std::filesystem::path(text).lexically_normal();
    if (text.empty() || text.find('\0') != std::string::npos || path.has_root_path() ||
      *path.begin() == "..")
    {
      this->Fail("must be a path inside the manifest's folder; correct it.");
    }
    return text;
  }

private:
  void Demand(bool condition, const std::string& what) const
  {
    if (!condition)
    {
      this->Fail("must be " + what + "; correct it.");
    }
  }

  const Json* Value;
  std::string Place;
};

Json ParseJson(const std::string& text, const std::string& name)
{
  const auto limitDepth = [&name](int depth, Json::parse_event_t, Json&)
  {
    if (depth > MaximumDepth)
    {
      throw FileError(name + " nests deeper than " + std::to_string(MaximumDepth) +
        " levels; flatten its provenance.");
    }
    return true;
  };
  try
  {
    return Json::parse(text, limitDepth);
  }
  catch (const Json::exception& e)
  {
    const std::string detail = e.what(); // "[json.exception...] what happened"
    throw FileError(
      name + " is not valid JSON; correct it: " + detail.substr(detail.find("] ") + 2) + ".");
  }
}

void ParsePrompts(const Node& root, Manifest& manifest)
{
  for (const Node& prompt : root.At("prompts").NonEmptyItems())
  {
    manifest.Prompts.push_back(prompt.At("text").Text());
    const std::string group = prompt.Has("group") ? prompt.At("group").Text() : Ungrouped;
    const auto found = std::find(manifest.Groups.begin(), manifest.Groups.end(), group);
    manifest.PromptGroup.push_back(static_cast<int>(found - manifest.Groups.begin()));
    if (found == manifest.Groups.end())
    {
      manifest.Groups.push_back(group);
    }
  }
}

void ParseIterations(const Node& root, Manifest& manifest)
{
  for (const Node& iteration : root.At("iterations").NonEmptyItems())
  {
    const auto number = [&iteration](const char* key)
    { return iteration.Has(key) ? iteration.At(key).Number() : Unknown; };
    manifest.Timestep.push_back(number("timestep"));
    manifest.Sigma.push_back(number("sigma"));
  }
}

std::map<std::string, std::vector<std::string>> ParseImages(const Node& node, int iterations)
{
  std::map<std::string, std::vector<std::string>> images;
  for (const char* array : { names::Image, names::PredictedImage, names::PredictedNoise })
  {
    if (!node.Has(array))
    {
      continue;
    }
    std::vector<std::string>& files = images[array];
    for (const Node& file : node.At(array).Items())
    {
      files.push_back(file.Path());
    }
    if (static_cast<int>(files.size()) != iterations)
    {
      node.At(array).Fail("has " + std::to_string(files.size()) + " images but the run has " +
        std::to_string(iterations) + " iterations; list one image for each.");
    }
  }
  if (images.empty())
  {
    node.Fail("must hold Image, PredictedImage or PredictedNoise; add one.");
  }
  return images;
}

void ParseInstances(const Node& root, Manifest& manifest)
{
  const int lastPrompt = static_cast<int>(manifest.Prompts.size()) - 1;
  std::set<int> numbers;
  for (const Node& node : root.At("instances").NonEmptyItems())
  {
    ManifestInstance instance;
    instance.Instance = node.At("instance").Integer<int>(0);
    instance.Prompt = node.At("prompt").Integer<int>(0, lastPrompt);
    if (node.Has("seed"))
    {
      instance.Seed = node.At("seed").Integer<std::int64_t>(-1);
    }
    if (!numbers.insert(instance.Instance).second)
    {
      node.Fail("repeats instance " + std::to_string(instance.Instance) +
        "; give each instance a number of its own.");
    }
    if (manifest.Kind == ManifestKind::Run)
    {
      instance.Images = ParseImages(node.At("images"), manifest.GetNumberOfIterations());
      const auto sameArray = [](const auto& a, const auto& b) { return a.first == b.first; };
      const auto& first =
        manifest.Instances.empty() ? instance.Images : manifest.Instances.front().Images;
      if (!std::equal(
            instance.Images.begin(), instance.Images.end(), first.begin(), first.end(), sameArray))
      {
        node.At("images").Fail(
          "holds other arrays than the first instance; give all instances the same.");
      }
    }
    manifest.Instances.push_back(std::move(instance));
  }
}

void ParseRows(const Node& root, Manifest& manifest)
{
  const int iterations = manifest.GetNumberOfIterations();
  if (!root.Has("rows"))
  {
    for (const ManifestInstance& instance : manifest.Instances)
    {
      for (int iteration = 0; iteration < iterations; ++iteration)
      {
        manifest.Rows.push_back({ instance.Instance, iteration });
      }
    }
    return;
  }
  std::set<int> instances;
  for (const ManifestInstance& instance : manifest.Instances)
  {
    instances.insert(instance.Instance);
  }
  std::set<std::pair<int, int>> seen;
  for (const Node& row : root.At("rows").NonEmptyItems())
  {
    const std::vector<Node> pair = row.Items();
    if (pair.size() != 2)
    {
      row.Fail("must be a pair [instance, iteration]; correct it.");
    }
    const ManifestElement element{ pair[0].Integer<int>(0),
      pair[1].Integer<int>(0, iterations - 1) };
    if (instances.count(element.Instance) == 0)
    {
      row.Fail("names instance " + std::to_string(element.Instance) +
        ", which is not among the instances; add it there.");
    }
    if (!seen.emplace(element.Instance, element.Iteration).second)
    {
      row.Fail("repeats instance " + std::to_string(element.Instance) + ", iteration " +
        std::to_string(element.Iteration) + "; remove one of the two.");
    }
    manifest.Rows.push_back(element);
  }
}
}

Manifest ParseManifest(const std::string& text, ManifestKind kind, const std::string& name)
{
  const Json json = ParseJson(text, name);
  const Node root(json, name);

  const std::string format = root.At("format").Text();
  if (format != FormatName(kind))
  {
    root.Fail("has the format \"" + format + "\"; choose a file whose format is \"" +
      FormatName(kind) + "\".");
  }
  const int version = root.At("version").Integer<int>(1);
  if (version > Version)
  {
    root.Fail("is of version " + std::to_string(version) + ", this reader knows version " +
      std::to_string(Version) + "; update the reader.");
  }

  Manifest manifest;
  manifest.Kind = kind;
  if (json.contains("provenance"))
  {
    manifest.Provenance = json["provenance"].dump();
  }
  ParsePrompts(root, manifest);
  ParseIterations(root, manifest);
  ParseInstances(root, manifest);
  if (kind == ManifestKind::Features)
  {
    manifest.FeatureFile = root.At("features").Path();
    ParseRows(root, manifest);
  }
  // After the rows, whose default follows the order of the file.
  std::sort(manifest.Instances.begin(), manifest.Instances.end(),
    [](const ManifestInstance& a, const ManifestInstance& b) { return a.Instance < b.Instance; });
  return manifest;
}

Manifest ReadManifest(const std::filesystem::path& file, ManifestKind kind)
{
  std::ifstream stream(file, std::ios::binary);
  if (!stream || !std::filesystem::is_regular_file(file))
  {
    throw FileError("The manifest " + file.string() + " cannot be read; check its path.");
  }
  const std::string text{ std::istreambuf_iterator<char>(stream), {} };
  return ParseManifest(text, kind, file.string());
}

bool IsManifest(const std::filesystem::path& file, ManifestKind kind)
{
  std::string start(1024, '\0');
  std::ifstream stream(file, std::ios::binary);
  stream.read(start.data(), static_cast<std::streamsize>(start.size()));
  return start.find('"' + std::string(FormatName(kind)) + '"') != std::string::npos;
}

std::string FormatManifest(const Manifest& manifest)
{
  try
  {
    Json json;
    json["format"] = FormatName(manifest.Kind);
    json["version"] = Version;
    json["provenance"] = ParseJson(manifest.Provenance, "The provenance");
    for (std::size_t i = 0; i < manifest.Prompts.size(); ++i)
    {
      const int group = manifest.PromptGroup.at(i);
      json["prompts"].push_back(
        { { "text", manifest.Prompts[i] }, { "group", manifest.Groups.at(group) } });
    }
    for (std::size_t k = 0; k < manifest.Timestep.size(); ++k)
    {
      Json iteration = Json::object();
      if (!std::isnan(manifest.Timestep[k]))
      {
        iteration["timestep"] = manifest.Timestep[k];
      }
      if (!std::isnan(manifest.Sigma[k]))
      {
        iteration["sigma"] = manifest.Sigma[k];
      }
      json["iterations"].push_back(iteration);
    }
    for (const ManifestInstance& instance : manifest.Instances)
    {
      Json entry{ { "instance", instance.Instance }, { "prompt", instance.Prompt } };
      if (instance.Seed != -1)
      {
        entry["seed"] = instance.Seed;
      }
      if (manifest.Kind == ManifestKind::Run)
      {
        entry["images"] = instance.Images;
      }
      json["instances"].push_back(entry);
    }
    if (manifest.Kind == ManifestKind::Features)
    {
      json["features"] = manifest.FeatureFile;
      for (const ManifestElement& row : manifest.Rows)
      {
        json["rows"].push_back({ row.Instance, row.Iteration });
      }
    }
    return json.dump(1) + "\n";
  }
  catch (const Json::exception&)
  {
    throw DataError("A prompt or a group is not UTF-8; correct the texts before writing them.");
  }
}

void WriteManifest(const Manifest& manifest, const std::filesystem::path& file)
{
  const std::string text = FormatManifest(manifest);
  WriteFileAtomically(file.string(), [&text](std::ostream& stream) { stream << text; });
}
}
