// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace tdl
{
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
  /** Kind Run: for each image array (Image, ...) one image file per iteration. */
  std::map<std::string, std::vector<std::string>> Images;
};

/** Names one element: one row of a feature file. */
struct ManifestElement
{
  int Instance = 0;
  /** Index into Manifest::Timestep and Manifest::Sigma. */
  int Iteration = 0;
};

/**
 * What a run's files hold: a JSON file beside images or features that were recorded elsewhere or
 * earlier. Readers/README.md describes the format.
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
  /** Kind Features: the .npy file and what its rows are. */
  std::string FeatureFile;
  std::vector<ManifestElement> Rows;

  /** K, the number of captured iterations. */
  int GetNumberOfIterations() const { return static_cast<int>(this->Timestep.size()); }
};

/**
 * The manifest in a JSON text.
 * @param name how errors call the text, usually its file name.
 * @throws FileError when the text is no manifest of this kind, contradicts itself or leads out of
 * its folder.
 */
Manifest ParseManifest(const std::string& text, ManifestKind kind, const std::string& name);

/**
 * Reads a manifest, see ParseManifest.
 * @throws FileError as ParseManifest, and when the file cannot be read.
 */
Manifest ReadManifest(const std::filesystem::path& file, ManifestKind kind);

/** Whether a file claims, in its first lines, to be a manifest of this kind. Never throws. */
bool IsManifest(const std::filesystem::path& file, ManifestKind kind);

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
