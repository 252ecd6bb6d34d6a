// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Readers/Arrays/ArrayFile.h"
#include "Readers/Manifest/Manifest.h"

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace tdl
{
/** What features are read from. */
struct FeatureSource
{
  /** A manifest (JSON), a table (CSV), or an array file. */
  std::filesystem::path File;
  /** Of an array file; empty: the one beside it, if any. */
  std::filesystem::path ManifestFile;
  /** In a file of several arrays; empty: "features" or the like. */
  std::string ArrayName;
};

/**
 * Features that were computed elsewhere: a matrix with a row per element, or an array of instances
 * x iterations x components (or iterations x instances, where the manifest's numbers say so).
 */
class FeatureFile
{
public:
  /** Reads headers alone (a table as a whole). @throws FileError naming what is missing or wrong.
   */
  explicit FeatureFile(const FeatureSource& source);

  /** With the elements of all rows. */
  const Manifest& Description() const { return this->About; }

  int Components() const { return this->Dimension; }

  /** Bytes of memory that reading so many rows takes, with what the file keeps. */
  std::uint64_t Memory(std::size_t rows) const;

  /** How the file was understood. */
  const std::string& Reading() const { return this->HowRead; }

  /**
   * Whether nothing tells that these are features but whoever chose the file for them: an array
   * without a manifest that would rather hold images.
   */
  bool IsUnlikely() const { return this->LooksLikeImages; }

  /**
   * Reads rows as float32.
   * @param rows indices into Description().Rows.
   * @param values receives rows x Components() numbers.
   * @throws FileError when the file is damaged.
   */
  void Read(const std::vector<std::size_t>& rows, float* values) const;

private:
  void OpenTable(const std::filesystem::path& file);
  void OpenArray(const ManifestArray& where);

  Manifest About;
  int Dimension = 0;
  std::string HowRead;
  SharedArray Array;        // null where the numbers are in Table
  std::vector<float> Table; // row by row
  bool IterationsFirst = false;
  bool LooksLikeImages = false;
};
}
