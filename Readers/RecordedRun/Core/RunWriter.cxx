// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/RecordedRun/Core/RunWriter.h"

#include "Filters/Foundation/Error.h"

#include <cstdio>
#include <optional>
#include <set>

namespace tdl
{
namespace
{
namespace fs = std::filesystem;

/** "Image-007": padded, so that a file browser lists the files in order. */
std::string Numbered(const std::string& name, int number)
{
  char digits[16];
  std::snprintf(digits, sizeof(digits), "-%03d", number);
  return name + digits;
}

/** The run that is there already, if it is one. */
std::optional<Manifest> FindManifest(const fs::path& file)
{
  try
  {
    return ReadManifest(file, ManifestKind::Run);
  }
  catch (const FileError&)
  {
    return {};
  }
}
}

RunWriter::RunWriter(const fs::path& manifestFile)
  : ManifestFile(manifestFile)
  , FolderPrefix(manifestFile.stem().string() + ".images")
{
  const fs::path parent = fs::absolute(manifestFile).parent_path();
  std::error_code error;
  fs::create_directories(parent, error);
  bool created = false;
  for (int i = 1; !created && !error; ++i)
  {
    this->Folder = parent / (i == 1 ? this->FolderPrefix : Numbered(this->FolderPrefix, i));
    created = fs::create_directory(this->Folder, error);
  }
  if (!created)
  {
    throw FileError("The folder " + this->Folder.string() +
      " cannot be made; choose a folder that you may write to.");
  }
}

RunWriter::~RunWriter()
{
  if (!this->Finished)
  {
    std::error_code ignored;
    fs::remove_all(this->Folder, ignored);
  }
}

std::string RunWriter::AddImage(int instance, const std::string& array, int iteration,
  const ImageSize& size, const std::uint8_t* pixels)
{
  if (this->Size == ImageSize())
  {
    this->Size = size;
  }
  if (!(size == this->Size) || (size.Components != 1 && size.Components != 3))
  {
    throw DataError("The array " + array + " of instance " + std::to_string(instance) +
      " holds no gray or RGB images of the size of the first; give all images one size.");
  }
  const fs::path folder = this->Folder / Numbered("instance", instance);
  std::error_code ignored; // WritePng reports a folder that is not there
  fs::create_directory(folder, ignored);
  const fs::path file = folder / (Numbered(array, iteration) + ".png");
  WritePng(file, size, pixels);
  return file.lexically_relative(this->Folder.parent_path()).generic_string();
}

void RunWriter::Finish(const Manifest& manifest)
{
  const std::optional<Manifest> replaced = FindManifest(this->ManifestFile);
  // What the reader would refuse is not written.
  ParseManifest(FormatManifest(manifest), ManifestKind::Run, this->ManifestFile.string());
  WriteManifest(manifest, this->ManifestFile);
  this->Finished = true;
  if (replaced)
  {
    this->RemoveImages(*replaced);
  }
}

void RunWriter::RemoveImages(const Manifest& replaced) const
{
  const fs::path parent = this->Folder.parent_path();
  std::set<fs::path> folders;
  std::error_code ignored; // a file that stays does no harm
  for (const ManifestInstance& instance : replaced.Instances)
  {
    for (const auto& [array, files] : instance.Images)
    {
      for (const std::string& file : files)
      {
        const fs::path path = fs::path(file).lexically_normal();
        if (path.begin()->string().rfind(this->FolderPrefix, 0) == 0)
        {
          fs::remove(parent / path, ignored);
          folders.insert(parent / path.parent_path());
        }
      }
    }
  }
  for (const fs::path& folder : folders)
  {
    fs::remove(folder, ignored); // only where nothing of somebody else's is left in it
    fs::remove(folder.parent_path(), ignored);
  }
}
}
