// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/Manifest/Manifest.h"

#include "Filters/Foundation/AtomicFile.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Json.h"
#include "Filters/Foundation/Names.h"
#include "Readers/Manifest/Table.h"

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
constexpr double MaximumElements = 1e8;
constexpr char Ungrouped[] = "Ungrouped"; // as the diffusion sampler calls it

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
    RequireInside(text, this->Place);
    return text;
  }

  bool IsNull() const { return this->Value->is_null(); }
  bool IsObject() const { return this->Value->is_object(); }

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
  try
  {
    return ParseShallowJson<Json>(text, name, "flatten its provenance");
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
    manifest.PromptGroup.push_back(
      manifest.AddGroup(prompt.Has("group") ? prompt.At("group").Text() : ""));
  }
}

void ParseIterations(const Node& root, std::vector<double>& timesteps, std::vector<double>& sigmas)
{
  for (const Node& iteration : root.At("iterations").NonEmptyItems())
  {
    const auto number = [&iteration](const char* key)
    { return iteration.Has(key) ? iteration.At(key).Number() : Unknown; };
    timesteps.push_back(number("timestep"));
    sigmas.push_back(number("sigma"));
  }
}

ManifestArray ParseArray(const Node& node)
{
  ManifestArray array;
  if (!node.IsObject())
  {
    array.File = node.Path();
    return array;
  }
  array.File = node.At("file").Path();
  array.Name = node.Has("array") ? node.At("array").Text() : "";
  array.Dimensions = node.Has("dimensions") ? node.At("dimensions").Text() : "";
  return array;
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
      files.push_back(file.IsNull() ? std::string() : file.Path());
    }
    if (static_cast<int>(files.size()) != iterations)
    {
      node.At(array).Fail("has " + std::to_string(files.size()) + " images but the run has " +
        std::to_string(iterations) + " iterations; list one image, or null, for each.");
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
    if (node.Has("iterations"))
    {
      ParseIterations(node, instance.Timestep, instance.Sigma);
      if (static_cast<int>(instance.Timestep.size()) != manifest.GetNumberOfIterations())
      {
        node.Fail("has " + std::to_string(instance.Timestep.size()) +
          " iterations but the run has " + std::to_string(manifest.GetNumberOfIterations()) +
          "; give it as many.");
      }
    }
    instance.Place = static_cast<int>(manifest.Instances.size());
    if (!numbers.insert(instance.Instance).second)
    {
      node.Fail("repeats instance " + std::to_string(instance.Instance) +
        "; give each instance a number of its own.");
    }
    if (manifest.Kind == ManifestKind::Run && node.Has("images"))
    {
      instance.Images = ParseImages(node.At("images"), manifest.GetNumberOfIterations());
    }
    const auto sameArray = [](const auto& a, const auto& b) { return a.first == b.first; };
    const auto& first =
      manifest.Instances.empty() ? instance.Images : manifest.Instances.front().Images;
    if (!std::equal(
          instance.Images.begin(), instance.Images.end(), first.begin(), first.end(), sameArray))
    {
      node.Fail("holds images of other arrays than the first instance; give all the same.");
    }
    manifest.Instances.push_back(std::move(instance));
  }
}

void ParseRows(const Node& root, Manifest& manifest)
{
  const int iterations = manifest.GetNumberOfIterations();
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
Json FormatIterations(const std::vector<double>& timesteps, const std::vector<double>& sigmas)
{
  Json json = Json::array();
  for (std::size_t k = 0; k < timesteps.size(); ++k)
  {
    // JSON knows neither NaN nor infinity, which is the noise level of a step without signal.
    Json iteration = Json::object();
    if (std::isfinite(timesteps[k]))
    {
      iteration["timestep"] = timesteps[k];
    }
    if (std::isfinite(sigmas[k]))
    {
      iteration["sigma"] = sigmas[k];
    }
    json.push_back(iteration);
  }
  return json;
}

Json FormatArray(const ManifestArray& array)
{
  Json json{ { "file", array.File } };
  if (!array.Name.empty())
  {
    json["array"] = array.Name;
  }
  if (!array.Dimensions.empty())
  {
    json["dimensions"] = array.Dimensions;
  }
  return json;
}

/** All elements, by instances in the order of the file. */
void AddAllRows(Manifest& manifest, const std::string& name)
{
  const double elements = static_cast<double>(manifest.Instances.size()) * manifest.Timestep.size();
  if (elements > MaximumElements)
  {
    throw FileError(name + " describes more than 100 million elements; split the run.");
  }
  for (const ManifestInstance& instance : manifest.Instances)
  {
    for (int iteration = 0; iteration < manifest.GetNumberOfIterations(); ++iteration)
    {
      manifest.Rows.push_back({ instance.Instance, iteration });
    }
  }
}
}

int Manifest::AddGroup(const std::string& name)
{
  const std::string group = name.empty() ? Ungrouped : name;
  const auto found = std::find(this->Groups.begin(), this->Groups.end(), group);
  const auto index = static_cast<int>(found - this->Groups.begin());
  if (found == this->Groups.end())
  {
    this->Groups.push_back(group);
  }
  return index;
}

Manifest MakeManifest(ManifestKind kind, int instances, int iterations, const std::string& prompt)
{
  Manifest manifest;
  manifest.Kind = kind;
  manifest.Prompts = { prompt };
  manifest.PromptGroup = { manifest.AddGroup("") };
  manifest.Timestep.assign(static_cast<std::size_t>(iterations), Unknown);
  manifest.Sigma = manifest.Timestep;
  manifest.Instances.resize(static_cast<std::size_t>(instances));
  for (int i = 0; i < instances; ++i)
  {
    manifest.Instances[static_cast<std::size_t>(i)].Instance = i;
    manifest.Instances[static_cast<std::size_t>(i)].Place = i;
  }
  if (kind == ManifestKind::Features)
  {
    AddAllRows(manifest, "The array");
  }
  return manifest;
}

void RequireInside(const std::string& path, const std::string& place)
{
  const std::filesystem::path normal = std::filesystem::path(path).lexically_normal();
  if (path.empty() || path.find('\0') != std::string::npos || normal.has_root_path() ||
    *normal.begin() == "..")
  {
    throw FileError(place + " must be a path inside the manifest's folder; correct it.");
  }
}

void RequireImages(const Manifest& manifest, const std::string& name)
{
  if (manifest.Arrays.empty() &&
    (manifest.Instances.empty() || manifest.Instances.front().Images.empty()))
  {
    throw FileError(
      name + " names no images; give each instance \"images\", or the run \"arrays\".");
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
  ParseIterations(root, manifest.Timestep, manifest.Sigma);
  ParseInstances(root, manifest);
  if (kind == ManifestKind::Features && root.Has("features"))
  {
    manifest.Features = ParseArray(root.At("features"));
  }
  if (kind == ManifestKind::Run && root.Has("arrays"))
  {
    for (const char* array : { names::Image, names::PredictedImage, names::PredictedNoise })
    {
      if (root.At("arrays").Has(array))
      {
        manifest.Arrays[array] = ParseArray(root.At("arrays").At(array));
      }
    }
    if (manifest.Arrays.empty())
    {
      root.At("arrays").Fail("must hold Image, PredictedImage or PredictedNoise; add one.");
    }
  }
  if (root.Has("rows"))
  {
    ParseRows(root, manifest);
  }
  else if (kind == ManifestKind::Features)
  {
    AddAllRows(manifest, name);
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
  return IsTable(file) ? ParseTable(text, kind, file.string()).Description
                       : ParseManifest(text, kind, file.string());
}

bool IsManifest(const std::filesystem::path& file, ManifestKind kind)
{
  std::string start(1024, '\0');
  std::ifstream stream(file, std::ios::binary);
  stream.read(start.data(), static_cast<std::streamsize>(start.size()));
  return start.find('"' + std::string(FormatName(kind)) + '"') != std::string::npos;
}

std::filesystem::path FindManifest(const std::filesystem::path& file, ManifestKind kind)
{
  for (const char* extension : { ".json", ".csv" })
  {
    std::filesystem::path manifest = std::filesystem::path(file).replace_extension(extension);
    std::error_code ignored;
    if (std::filesystem::is_regular_file(manifest, ignored) &&
      (IsTable(manifest) || IsManifest(manifest, kind)))
    {
      return manifest;
    }
  }
  return {};
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
    json["iterations"] = FormatIterations(manifest.Timestep, manifest.Sigma);
    for (const ManifestInstance& instance : manifest.Instances)
    {
      Json entry{ { "instance", instance.Instance }, { "prompt", instance.Prompt } };
      if (instance.Seed != -1)
      {
        entry["seed"] = instance.Seed;
      }
      if (!instance.Timestep.empty())
      {
        entry["iterations"] = FormatIterations(instance.Timestep, instance.Sigma);
      }
      for (const auto& [array, files] : instance.Images)
      {
        Json& list = entry["images"][array] = Json::array();
        for (const std::string& file : files)
        {
          list.push_back(file.empty() ? Json() : Json(file));
        }
      }
      json["instances"].push_back(entry);
    }
    for (const auto& [name, array] : manifest.Arrays)
    {
      json["arrays"][name] = FormatArray(array);
    }
    if (!manifest.Features.File.empty())
    {
      json["features"] = FormatArray(manifest.Features);
    }
    for (const ManifestElement& row : manifest.Rows)
    {
      json["rows"].push_back({ row.Instance, row.Iteration });
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
