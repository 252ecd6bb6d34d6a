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
 * What a run's files hold: a JSON file beside images or features that were computed elsewhere or
 * earlier. A run of two iterations reads
 *
 *     {
 *       "format": "tree-of-diffusion-life-run",
 *       "version": 1,
 *       "provenance": { "model": "...", "scheduler": "ddim" },
 *       "prompts": [ { "text": "Sneaker", "group": "footwear" }, { "text": "Coat" } ],
 *       "iterations": [ { "timestep": 999, "sigma": 14.6 }, { "timestep": 0, "sigma": 0.03 } ],
 *       "instances": [
 *         { "instance": 0, "prompt": 0, "seed": 7,
 *           "images": { "Image": [ "0/0.png", "0/1.png" ] } },
 *         ...
 *       ]
 *     }
 *
 * and features of the same elements
 *
 *     {
 *       "format": "tree-of-diffusion-life-features",
 *       (version, provenance, prompts, iterations, instances as above, without "images")
 *       "features": "features.npy",
 *       "rows": [ [0, 0], [0, 1], ... ]
 *     }
 *
 * where row r of the file belongs to the instance and iteration rows[r].
 *
 * - Iterations run from the noisiest to the final image; an instance has one image of each.
 * - "images" holds any of Image (x_t), PredictedImage and PredictedNoise, the same for every
 *   instance. Files are PNG or JPEG, all of one size.
 * - Paths are relative to the manifest's folder and may not leave it.
 * - "rows" may be left out when all instances have all iterations, in the order of the manifest,
 *   the iterations of an instance together.
 * - "provenance" (anything that says where the run is from), "group", "timestep", "sigma" and
 *   "seed" may be left out. Keys not named here are ignored.
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
