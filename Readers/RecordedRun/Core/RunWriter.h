// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Readers/Manifest/Manifest.h"
#include "Readers/RecordedRun/Core/ImageFile.h"

#include <filesystem>
#include <string>

namespace tdl
{
/**
 * Writes a recorded run in a way that `manifestFile` names a whole run at any time: the images go
 * to a new folder beside it, the manifest is replaced when they are complete, and only then the
 * images that the old manifest named in a folder of this class are removed. A writer that goes
 * before Finish removes what it wrote.
 */
class RunWriter
{
public:
  /** Makes the folder of the images. @throws FileError when it cannot. */
  explicit RunWriter(const std::filesystem::path& manifestFile);
  ~RunWriter();
  RunWriter(const RunWriter&) = delete;
  void operator=(const RunWriter&) = delete;

  /**
   * Writes one image and returns its path for the manifest.
   * @param pixels bottom row first.
   * @throws DataError when it is neither gray nor RGB or its size is not that of the first;
   * FileError when it cannot be written.
   */
  std::string AddImage(int instance, const std::string& array, int iteration, const ImageSize& size,
    const std::uint8_t* pixels);

  /**
   * Writes the manifest and removes the run that it replaces.
   * @throws FileError when the manifest contradicts itself (see ParseManifest) or cannot be
   * written; DataError when a text in it is not UTF-8.
   */
  void Finish(const Manifest& manifest);

private:
  void RemoveImages(const Manifest& replaced) const;

  std::filesystem::path ManifestFile;
  std::string FolderPrefix;
  std::filesystem::path Folder;
  ImageSize Size;
  bool Finished = false;
};
}
