// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace tdl
{
/** A timestep or noise level that a manifest does not tell. */
inline constexpr double Unknown = std::numeric_limits<double>::quiet_NaN();

/** What the manifest stands beside: images (a recorded run) or features computed from them. */
enum class ManifestKind
{
  Run,
  Features
};

/** One run of the sampler. */
struct ManifestInstance
{
  int Instance = 0;
  /** Index into Manifest::Prompts. */
  int Prompt = 0;
  /** -1 where it is not known. */
  std::int64_t Seed = -1;
  /** Kind Run: for each image array (Image, ...) one image file per iteration, empty where it is
   * missing. */
  std::map<std::string, std::vector<std::string>> Images;
  /** K values each where this instance was sampled in other steps than the run; else empty. */
  std::vector<double> Timestep;
  std::vector<double> Sigma;
  /** Its place among the instances of the file: its index in an array. */
  int Place = 0;
};

/** Names one element: one row of a feature file, or of an array of images. */
struct ManifestElement
{
  int Instance = 0;
  /** Index into Manifest::Timestep and Manifest::Sigma. */
  int Iteration = 0;
};

/** Where the images of one image array lie, if not in a file each. */
struct ManifestArray
{
  std::string File;
  /** In a file of several arrays; empty: the usual one. */
  std::string Name;
  /** A letter per dimension, see ArrayLayout.h; empty: to be inferred. */
  std::string Dimensions;
};

/**
 * What a run's files hold: a JSON or CSV file beside images or features that were recorded
 * elsewhere or earlier. Readers/README.md describes both formats.
 */
struct Manifest
{
  ManifestKind Kind = ManifestKind::Run;
  /** A JSON text. */
  std::string Provenance = "{}";
  /** P prompts. */
  std::vector<std::string> Prompts;
  /** G names in order of appearance; prompts without a group share "Ungrouped". */
  std::vector<std::string> Groups;
  /** P indices into Groups. */
  std::vector<int> PromptGroup;
  /** K values each, NaN where the manifest has none. */
  std::vector<double> Timestep;
  std::vector<double> Sigma;
  /** Ordered by instance number. */
  std::vector<ManifestInstance> Instances;
  /** Kind Run: for each image array the array that holds its images; none where they are files. */
  std::map<std::string, ManifestArray> Arrays;
  /** Kind Features: the file of the features; may be empty, as its manifest may name none. */
  ManifestArray Features;
  /** The elements there are, in the order of the rows of an array or table. Empty for a run: all.
   */
  std::vector<ManifestElement> Rows;

  /** K, the number of captured iterations. */
  int GetNumberOfIterations() const { return static_cast<int>(this->Timestep.size()); }

  /** K values each of an instance. */
  const std::vector<double>& GetTimestep(const ManifestInstance& instance) const
  {
    return instance.Timestep.empty() ? this->Timestep : instance.Timestep;
  }
  const std::vector<double>& GetSigma(const ManifestInstance& instance) const
  {
    return instance.Sigma.empty() ? this->Sigma : instance.Sigma;
  }

  /** Index of a group's name, which is added where it is new; an empty one is "Ungrouped". */
  int AddGroup(const std::string& name);
};

/** A manifest of one unnamed prompt: what is known where there is none. */
Manifest MakeManifest(ManifestKind kind, int instances, int iterations, const std::string& prompt);

/**
 * The manifest in a JSON text.
 * @param name how errors call the text, usually its file name.
 * @throws FileError when the text is no manifest of this kind, contradicts itself or leads out of
 * its folder.
 */
Manifest ParseManifest(const std::string& text, ManifestKind kind, const std::string& name);

/**
 * Reads a manifest, see ParseManifest, or where its name ends in .csv, see ParseTable.
 * @throws FileError as these, and when the file cannot be read.
 */
Manifest ReadManifest(const std::filesystem::path& file, ManifestKind kind);

/** Whether a file claims, in its first lines, to be a manifest of this kind. Never throws. */
bool IsManifest(const std::filesystem::path& file, ManifestKind kind);

/**
 * The manifest beside a file: of the same name, but ending in .json, where it is of this kind, or
 * .csv. Empty where there is none.
 */
std::filesystem::path FindManifest(const std::filesystem::path& file, ManifestKind kind);

/**
 * Where the images of a run are: in files or in arrays, and of all instances in the same.
 * @throws FileError when the manifest names none.
 */
void RequireImages(const Manifest& manifest, const std::string& name);

/**
 * A path that stays in the folder it is relative to, as a manifest's must.
 * @throws FileError that begins with `place` when it does not.
 */
void RequireInside(const std::string& path, const std::string& place);

/**
 * The JSON text of a manifest.
 * @throws DataError when a text in it is not UTF-8; FileError when Provenance is not JSON.
 */
std::string FormatManifest(const Manifest& manifest);

/**
 * Writes a manifest, see WriteFileAtomically.
 * @throws FileError when the file cannot be written; both errors as FormatManifest.
 */
void WriteManifest(const Manifest& manifest, const std::filesystem::path& file);
}
