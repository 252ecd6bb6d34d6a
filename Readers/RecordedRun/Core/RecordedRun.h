// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Readers/Manifest/Choice.h"
#include "Readers/Manifest/Manifest.h"
#include "Readers/RecordedRun/Core/ImageFile.h"

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tdl
{
/** Which values of an array are black and white. Whole numbers are 0 to 255 in any case. */
enum class ValueRange
{
  /** By the final images: -1 to 1 where some are negative, 0 to 255 where some exceed 2. */
  Automatic,
  UnitInterval,
  MinusOneToOne,
  Bytes
};

/** What a recorded run is read from. */
struct RunSource
{
  /** A manifest (JSON, CSV), an array file, or a folder of images. */
  std::filesystem::path File;
  /** Of an array file or folder; empty: the one beside it, if any. */
  std::filesystem::path ManifestFile;
  /** Of a folder without list of files; empty: a usual one, see NamePattern.h. */
  std::string NamePattern;
  /** In a file of several arrays; empty: the usual ones. */
  std::string ArrayName;
  /** Of an array, see ArrayLayout.h; empty: inferred. */
  std::string Dimensions;
  ValueRange Range = ValueRange::Automatic;
  /** Larger images are made smaller so that their longer side has this many pixels; 0: none. */
  int StoredImageSize = 0;
};

/**
 * A recorded run whose images are read one by one. Opening it reads manifests, names and headers
 * alone.
 */
class RecordedRun
{
public:
  /** @throws FileError, ParameterError naming what is missing or wrong. */
  explicit RecordedRun(const RunSource& source);
  ~RecordedRun();
  RecordedRun(const RecordedRun&) = delete;
  RecordedRun& operator=(const RecordedRun&) = delete;

  const Manifest& Description() const { return this->About; }

  /** Names of the image arrays. */
  const std::vector<std::string>& Arrays() const { return this->Names; }

  /** Of an image as it is stored. */
  const ImageSize& Size() const { return this->Stored; }

  /** Whether all arrays hold an image of that element. @param instance index in the manifest. */
  bool Has(int instance, int iteration) const;

  /** Bytes of memory that reading so many elements takes, with what the files keep. */
  std::uint64_t Memory(std::size_t elements) const;

  /** How the files were understood: "arrays.npz: floats as IKHWC, from -1 to 1". */
  const std::string& Reading() const { return this->HowRead; }

  /**
   * Whether nothing tells that these are images but whoever chose the file for them: an array
   * without a manifest that would rather hold features.
   */
  bool IsUnlikely() const { return this->LooksLikeFeatures; }

  /**
   * Reads an image; several threads may at once.
   * @param pixels receives Size().GetNumberOfBytes() values, bottom row first.
   * @throws FileError when it is damaged or of another size than the first.
   */
  void Read(const std::string& array, int instance, int iteration, std::uint8_t* pixels) const;

private:
  class Images;
  class FileImages;
  class ArrayImages;

  void OpenFolder(const RunSource& source);
  void OpenArrayFile(const RunSource& source);
  void OpenFiles(const std::filesystem::path& folder);
  void OpenArray(const std::string& name, const ManifestArray& where, const RunSource& source);

  Manifest About;
  std::vector<std::string> Names;
  ImageSize Stored;
  std::string HowRead;
  bool LooksLikeFeatures = false;
  std::map<std::string, std::unique_ptr<Images>> Sources;
};
}
