// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/RecordedRun/Core/RecordedRun.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Memory.h"
#include "Filters/Foundation/Names.h"
#include "Readers/Manifest/Table.h"
#include "Readers/RecordedRun/Core/ArrayImages.h"
#include "Readers/RecordedRun/Core/NamePattern.h"

#include <algorithm>
#include <cstdio>

namespace tdl
{
namespace
{
namespace fs = std::filesystem;

std::string Describe(const ImageSize& size)
{
  return std::to_string(size.Width) + " x " + std::to_string(size.Height) +
    (size.Components == 1 ? " gray" : " RGB");
}

/** The names under which programs store the images of an image array. */
std::vector<std::string> UsualNames(const std::string& array)
{
  std::vector<std::string> names{ array };
  if (array == names::Image)
  {
    names.insert(names.end(), { "image", "images", "frames", "samples", "arr_0" });
  }
  return names;
}

/** The manifest that was chosen, or that stands beside a file or in a folder; empty where none
 * does.
 */
fs::path ChooseManifest(const RunSource& source)
{
  if (!source.ManifestFile.empty())
  {
    return source.ManifestFile;
  }
  if (!fs::is_directory(source.File))
  {
    return FindManifest(source.File, ManifestKind::Run);
  }
  const fs::path manifest = FindManifest(source.File / "manifest", ManifestKind::Run);
  return manifest.empty() ? FindManifest(source.File / "run", ManifestKind::Run) : manifest;
}

/** Paths of the images in a folder and those in it, relative to it, with slashes. */
std::vector<std::string> FindImageFiles(const fs::path& folder)
{
  std::vector<std::string> paths;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error))
  {
    const bool isHidden = entry->path().filename().string().front() == '.';
    std::error_code ignored;
    if (isHidden)
    {
      entry.disable_recursion_pending();
    }
    else if (IsImageFile(entry->path()) && entry->is_regular_file(ignored))
    {
      paths.push_back(entry->path().lexically_relative(folder).generic_string());
    }
  }
  if (error)
  {
    throw FileError("The folder " + folder.string() + " cannot be read (" + error.message() +
      "); check its permissions.");
  }
  if (paths.empty())
  {
    throw FileError(
      "The folder " + folder.string() + " holds no images; choose one of PNG, JPEG or WebP files.");
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

/** Enters what a manifest tells of the instances that were found. */
void Annotate(Manifest& found, const Manifest& manifest, const std::string& name)
{
  if (manifest.GetNumberOfIterations() < found.GetNumberOfIterations())
  {
    throw FileError(name + " describes " + std::to_string(manifest.GetNumberOfIterations()) +
      " iterations but the images have " + std::to_string(found.GetNumberOfIterations()) +
      "; describe all.");
  }
  std::vector<ManifestInstance> instances;
  for (const ManifestInstance& instance : found.Instances)
  {
    const auto described =
      std::lower_bound(manifest.Instances.begin(), manifest.Instances.end(), instance.Instance,
        [](const ManifestInstance& other, int number) { return other.Instance < number; });
    if (described == manifest.Instances.end() || described->Instance != instance.Instance)
    {
      throw FileError(name + " lacks instance " + std::to_string(instance.Instance) +
        ", of which there are images; add it.");
    }
    ManifestInstance both = *described;
    both.Images = instance.Images;
    for (auto& [array, files] : both.Images)
    {
      files.resize(manifest.Timestep.size());
    }
    instances.push_back(both);
  }
  found = manifest;
  found.Instances = std::move(instances);
  found.Rows.clear();
}
}

/** Where the images of one array come from. */
class RecordedRun::Images
{
public:
  virtual ~Images() = default;
  virtual ImageSize Size() const = 0;
  virtual std::uint64_t Memory() const { return 0; }
  virtual bool Has(const ManifestInstance& instance, int iteration) const = 0;
  virtual void Read(
    const ManifestInstance& instance, int iteration, std::uint8_t* pixels) const = 0;
};

/** A file each. */
class RecordedRun::FileImages : public RecordedRun::Images
{
public:
  FileImages(fs::path folder, std::string array, const Manifest& manifest)
    : Folder(std::move(folder))
    , Array(std::move(array))
  {
    for (const ManifestInstance& instance : manifest.Instances)
    {
      for (const std::string& file : instance.Images.at(this->Array))
      {
        if (!file.empty())
        {
          this->First = OpenImage(this->Folder / file).Size;
          return;
        }
      }
    }
    throw FileError(
      "The run in " + this->Folder.string() + " has no image of " + this->Array + "; add some.");
  }

  ImageSize Size() const override { return this->First; }

  bool Has(const ManifestInstance& instance, int iteration) const override
  {
    return !instance.Images.at(this->Array)[static_cast<std::size_t>(iteration)].empty();
  }

  void Read(const ManifestInstance& instance, int iteration, std::uint8_t* pixels) const override
  {
    const EncodedImage image = OpenImage(
      this->Folder / instance.Images.at(this->Array)[static_cast<std::size_t>(iteration)]);
    if (!(image.Size == this->First))
    {
      throw FileError("The image " + image.File.string() + " is " + Describe(image.Size) +
        " but the first of the run is " + Describe(this->First) +
        "; give all the same size and color.");
    }
    DecodeImage(image, pixels);
  }

private:
  fs::path Folder;
  std::string Array;
  ImageSize First;
};

/** All in one array. */
class RecordedRun::ArrayImages : public RecordedRun::Images
{
public:
  ArrayImages(SharedArray array, const ArrayLayout& layout, ValueRange range, const Manifest& about)
    : Array(array)
    , Layout(layout)
  {
    if (layout.Element >= 0)
    {
      this->PlaceRows(about);
    }
    std::vector<ArrayPlace> finals;
    constexpr std::size_t enough = 16;
    for (const ManifestInstance& instance : about.Instances)
    {
      for (int k = about.GetNumberOfIterations() - 1; k >= 0 && finals.size() < enough; --k)
      {
        if (this->Has(instance, k))
        {
          finals.push_back(this->Place(instance, k));
          break;
        }
      }
    }
    this->Reader = std::make_unique<ArrayImageReader>(std::move(array), layout, range, finals);
  }

  const ArrayImageReader& GetReader() const { return *this->Reader; }

  ImageSize Size() const override { return this->Reader->Size(); }
  std::uint64_t Memory() const override { return this->Array->GetMemory(); }

  bool Has(const ManifestInstance& instance, int iteration) const override
  {
    return this->Layout.Element < 0 || this->Rows.count({ instance.Instance, iteration }) > 0;
  }

  void Read(const ManifestInstance& instance, int iteration, std::uint8_t* pixels) const override
  {
    this->Reader->Read(this->Place(instance, iteration), pixels);
  }

private:
  ArrayPlace Place(const ManifestInstance& instance, int iteration) const
  {
    ArrayPlace place;
    place.Element = this->Layout.Element < 0 ? 0 : this->Rows.at({ instance.Instance, iteration });
    place.Instance = static_cast<std::uint64_t>(instance.Place);
    place.Iteration = static_cast<std::uint64_t>(iteration);
    return place;
  }

  void PlaceRows(const Manifest& about)
  {
    if (!about.Rows.empty())
    {
      for (const ManifestElement& row : about.Rows)
      {
        this->Rows.emplace(std::make_pair(row.Instance, row.Iteration), this->Rows.size());
      }
    }
    else
    {
      for (const ManifestInstance& instance : about.Instances)
      {
        for (int k = 0; k < about.GetNumberOfIterations(); ++k)
        {
          this->Rows[{ instance.Instance, k }] =
            static_cast<std::uint64_t>(instance.Place) * about.Timestep.size() +
            static_cast<std::uint64_t>(k);
        }
      }
    }
    const std::uint64_t extent = this->Array->Shape[static_cast<std::size_t>(this->Layout.Element)];
    if (this->Rows.size() != extent)
    {
      throw FileError(this->Array->Describe() + " has " + std::to_string(extent) +
        " elements but its manifest describes " + std::to_string(this->Rows.size()) +
        "; list the elements of all.");
    }
  }

  SharedArray Array;
  ArrayLayout Layout;
  std::map<std::pair<int, int>, std::uint64_t> Rows;
  std::unique_ptr<ArrayImageReader> Reader;
};

RecordedRun::RecordedRun(const RunSource& source)
{
  if (source.StoredImageSize < 0)
  {
    throw ParameterError("Stored Image Size must not be negative; set 0 for the images' own.");
  }
  std::error_code ignored;
  if (fs::is_directory(source.File, ignored))
  {
    this->OpenFolder(source);
  }
  else if (IsArrayFile(source.File))
  {
    this->OpenArrayFile(source);
  }
  else
  {
    this->About = ReadManifest(source.File, ManifestKind::Run);
    RequireImages(this->About, source.File.string());
    if (this->About.Arrays.empty())
    {
      this->OpenFiles(source.File.parent_path());
    }
    for (const auto& [name, where] : this->About.Arrays)
    {
      this->OpenArray(name,
        { (source.File.parent_path() / where.File).string(), where.Name, where.Dimensions },
        source);
    }
  }
  const ImageSize size = this->Sources.begin()->second->Size();
  for (const auto& [name, images] : this->Sources)
  {
    this->Names.push_back(name);
    if (!(images->Size() == size))
    {
      throw FileError("The images of " + name + " are " + Describe(images->Size()) +
        " but those of " + this->Sources.begin()->first + " are " + Describe(size) +
        "; give all the same size and color.");
    }
  }
  this->Stored = LimitSize(size, source.StoredImageSize);
}

RecordedRun::~RecordedRun() = default;

void RecordedRun::OpenFolder(const RunSource& source)
{
  const fs::path manifestFile = ChooseManifest(source);
  Manifest manifest;
  if (!manifestFile.empty())
  {
    manifest = ReadManifest(manifestFile, ManifestKind::Run);
    if (!manifest.Instances.front().Images.empty())
    {
      this->About = std::move(manifest);
      this->OpenFiles(manifestFile.parent_path());
      return;
    }
  }
  this->About =
    DescribeImages(FindImageFiles(source.File), source.NamePattern, source.File.string());
  if (!manifestFile.empty())
  {
    Annotate(this->About, manifest, manifestFile.string());
  }
  this->OpenFiles(source.File);
}

void RecordedRun::OpenFiles(const fs::path& folder)
{
  for (const auto& [name, files] : this->About.Instances.front().Images)
  {
    this->Sources[name] = std::make_unique<FileImages>(folder, name, this->About);
  }
  this->HowRead = "image files";
}

void RecordedRun::OpenArrayFile(const RunSource& source)
{
  const fs::path manifestFile = ChooseManifest(source);
  if (!manifestFile.empty())
  {
    this->About = ReadManifest(manifestFile, ManifestKind::Run);
  }
  const std::string file = source.File.string();
  this->OpenArray(names::Image, { file, source.ArrayName, source.Dimensions }, source);
  if (!source.ArrayName.empty())
  {
    return;
  }
  const std::vector<SharedArray> arrays = OpenArrays(source.File);
  for (const char* name : { names::PredictedImage, names::PredictedNoise })
  {
    if (std::any_of(arrays.begin(), arrays.end(),
          [name](const SharedArray& array) { return array->Name == name; }))
    {
      this->OpenArray(name, { file, name, source.Dimensions }, source);
    }
  }
}

void RecordedRun::OpenArray(
  const std::string& name, const ManifestArray& where, const RunSource& source)
{
  const SharedArray array = FindArray(OpenArrays(where.File), where.Name, UsualNames(name));
  const bool isDescribed = !this->About.Instances.empty();
  KnownCounts known;
  if (isDescribed)
  {
    known.Rows = this->About.Rows.size();
    known.Instances = this->About.Instances.size();
    known.Iterations = this->About.Timestep.size();
  }
  const std::string letters = where.Dimensions.empty()
    ? InferLayout(array->Shape, known, array->Describe())
    : where.Dimensions;
  const ArrayLayout layout = ParseLayout(letters, array->Shape, array->Describe());
  const auto extent = [&array](int dimension) {
    return dimension < 0 ? 1 : static_cast<int>(array->Shape[static_cast<std::size_t>(dimension)]);
  };
  if (!isDescribed)
  {
    if (layout.Element >= 0)
    {
      throw FileError(array->Describe() +
        " holds elements of which no manifest tells what they are; set the Manifest File.");
    }
    this->LooksLikeFeatures = where.Dimensions.empty() && array->Shape.size() == 3 &&
      (!LooksLikeImages(*array) || !FindManifest(where.File, ManifestKind::Features).empty());
    this->About = MakeManifest(
      ManifestKind::Run, extent(layout.Instance), extent(layout.Iteration), "Unknown prompt");
  }
  if (layout.Element < 0 &&
    (extent(layout.Instance) != static_cast<int>(this->About.Instances.size()) ||
      extent(layout.Iteration) != this->About.GetNumberOfIterations()))
  {
    throw FileError(array->Describe() + ", read as " + letters + ", has " +
      std::to_string(extent(layout.Instance)) + " instances of " +
      std::to_string(extent(layout.Iteration)) + " iterations but its manifest describes " +
      std::to_string(this->About.Instances.size()) + " of " +
      std::to_string(this->About.GetNumberOfIterations()) +
      "; state the Dimensions or correct the manifest.");
  }
  RequireMemory(array->Describe() + " needs", array->GetMemory(),
    "save the array as .npy, which is read in parts");
  auto images = std::make_unique<ArrayImages>(array, layout, source.Range, this->About);
  const ArrayImageReader& reader = images->GetReader();
  char range[64];
  std::snprintf(range, sizeof(range), ", from %g to %g", reader.Low(), reader.High());
  this->HowRead += (this->HowRead.empty() ? "" : "; ") + name + " as " + letters + range;
  this->Sources[name] = std::move(images);
}

bool RecordedRun::Has(int instance, int iteration) const
{
  return std::all_of(this->Sources.begin(), this->Sources.end(),
    [&](const auto& source)
    {
      return source.second->Has(
        this->About.Instances[static_cast<std::size_t>(instance)], iteration);
    });
}

std::uint64_t RecordedRun::Memory(std::size_t elements) const
{
  std::uint64_t bytes = elements * this->Sources.size() * this->Stored.GetNumberOfBytes();
  for (const auto& source : this->Sources)
  {
    bytes += source.second->Memory() + source.second->Size().GetNumberOfBytes();
  }
  return bytes;
}

void RecordedRun::Read(
  const std::string& array, int instance, int iteration, std::uint8_t* pixels) const
{
  const Images& images = *this->Sources.at(array);
  const ManifestInstance& which = this->About.Instances[static_cast<std::size_t>(instance)];
  const ImageSize size = images.Size();
  if (size == this->Stored)
  {
    images.Read(which, iteration, pixels);
    return;
  }
  std::vector<std::uint8_t> whole(size.GetNumberOfBytes());
  images.Read(which, iteration, whole.data());
  ShrinkImage(size, whole.data(), this->Stored, pixels);
}
}
