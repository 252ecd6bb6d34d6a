// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/Manifest/Manifest.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Testing/TemporaryFolder.h"
#include "Readers/Manifest/Testing/Mutations.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

namespace
{
const std::string RunText = R"({
  "format": "tree-of-diffusion-life-run",
  "version": 1,
  "provenance": { "model": "mnist", "guidance": 2.5 },
  "prompts": [ { "text": "Sneaker", "group": "footwear" }, { "text": "Coat" },
               { "text": "Sandal", "group": "footwear" } ],
  "iterations": [ { "timestep": 999, "sigma": 14.5 }, {} ],
  "instances": [
    { "instance": 4, "prompt": 2, "images": { "Image": [ "a.png", "b c/\u00fc.png" ] } },
    { "instance": 1, "prompt": 0, "seed": 7, "images": { "Image": [ "d.png", "e.jpg" ] } }
  ]
})";

const std::string FeaturesText = R"({
  "format": "tree-of-diffusion-life-features",
  "version": 1,
  "prompts": [ { "text": "Coat" } ],
  "iterations": [ {}, {} ],
  "instances": [ { "instance": 3, "prompt": 0 }, { "instance": 2, "prompt": 0 } ],
  "features": "features.npy",
  "rows": [ [2, 1], [3, 0] ]
})";

std::string Replaced(std::string text, const std::string& from, const std::string& to)
{
  const auto place = text.find(from);
  EXPECT_NE(place, std::string::npos) << from;
  return text.replace(place, from.size(), to);
}

/** Expects that a manifest is refused with a sentence that contains `words`. */
void ExpectError(const std::string& text, tdl::ManifestKind kind, const std::string& words)
{
  try
  {
    tdl::ParseManifest(text, kind, "run.json");
    ADD_FAILURE() << "accepted, expected: " << words;
  }
  catch (const tdl::FileError& e)
  {
    const std::string message = e.what();
    EXPECT_EQ(message.rfind("run.json", 0), 0u) << message;
    EXPECT_NE(message.find(words), std::string::npos) << message;
    EXPECT_EQ(message.back(), '.') << message;
  }
}
}

TEST(Manifest, ReadsARun)
{
  const tdl::Manifest m = tdl::ParseManifest(RunText, tdl::ManifestKind::Run, "run.json");
  EXPECT_EQ(m.Provenance, R"({"model":"mnist","guidance":2.5})");
  EXPECT_EQ(m.Prompts, (std::vector<std::string>{ "Sneaker", "Coat", "Sandal" }));
  EXPECT_EQ(m.Groups, (std::vector<std::string>{ "footwear", "Ungrouped" }));
  EXPECT_EQ(m.PromptGroup, (std::vector<int>{ 0, 1, 0 }));
  ASSERT_EQ(m.GetNumberOfIterations(), 2);
  EXPECT_EQ(m.Timestep[0], 999.0);
  EXPECT_EQ(m.Sigma[0], 14.5);
  EXPECT_TRUE(std::isnan(m.Timestep[1]) && std::isnan(m.Sigma[1]));
  ASSERT_EQ(m.Instances.size(), 2u);
  EXPECT_EQ(m.Instances[0].Instance, 1);
  EXPECT_EQ(m.Instances[0].Prompt, 0);
  EXPECT_EQ(m.Instances[0].Seed, 7);
  EXPECT_EQ(m.Instances[1].Instance, 4);
  EXPECT_EQ(m.Instances[1].Seed, -1);
  EXPECT_EQ(
    m.Instances[1].Images.at("Image"), (std::vector<std::string>{ "a.png", "b c/\u00fc.png" }));
}

TEST(Manifest, ReadsFeatures)
{
  const tdl::Manifest m = tdl::ParseManifest(FeaturesText, tdl::ManifestKind::Features, "run.json");
  EXPECT_EQ(m.Features.File, "features.npy");
  ASSERT_EQ(m.Rows.size(), 2u);
  EXPECT_EQ(m.Rows[0].Instance, 2);
  EXPECT_EQ(m.Rows[0].Iteration, 1);
  EXPECT_EQ(m.Rows[1].Instance, 3);
}

TEST(Manifest, KeepsHoles)
{
  const tdl::Manifest m =
    tdl::ParseManifest(Replaced(RunText, "\"a.png\"", "null"), tdl::ManifestKind::Run, "run.json");
  EXPECT_EQ(m.Instances[1].Images.at("Image"), (std::vector<std::string>{ "", "b c/\u00fc.png" }));
  const tdl::Manifest copy =
    tdl::ParseManifest(tdl::FormatManifest(m), tdl::ManifestKind::Run, "run.json");
  EXPECT_EQ(copy.Instances[1].Images, m.Instances[1].Images);
}

TEST(Manifest, ReadsWhereArraysLie)
{
  const std::string text = R"({ "format": "tree-of-diffusion-life-run", "version": 1,
    "prompts": [ { "text": "Coat" } ], "iterations": [ {}, {} ],
    "instances": [ { "instance": 8, "prompt": 0 },
                   { "instance": 3, "prompt": 0, "iterations": [ { "timestep": 5 }, {} ] } ],
    "arrays": { "Image": "a.npy",
                "PredictedImage": { "file": "b.npz", "array": "x", "dimensions": "IKHWC" } } })";
  const tdl::Manifest m = tdl::ParseManifest(text, tdl::ManifestKind::Run, "run.json");
  EXPECT_EQ(m.Arrays.at("Image").File, "a.npy");
  EXPECT_EQ(m.Arrays.at("PredictedImage").Name, "x");
  EXPECT_EQ(m.Arrays.at("PredictedImage").Dimensions, "IKHWC");
  EXPECT_EQ(m.Instances[0].Instance, 3);
  EXPECT_EQ(m.Instances[0].Place, 1);
  EXPECT_EQ(m.GetTimestep(m.Instances[0])[0], 5.0);
  EXPECT_TRUE(std::isnan(m.GetTimestep(m.Instances[1])[0]));
  EXPECT_TRUE(m.Rows.empty());
  const std::string once = tdl::FormatManifest(m);
  EXPECT_EQ(
    tdl::FormatManifest(tdl::ParseManifest(once, tdl::ManifestKind::Run, "run.json")).size(),
    once.size());
}

TEST(Manifest, RowsFollowTheFileByDefault)
{
  const tdl::Manifest m =
    tdl::ParseManifest(Replaced(FeaturesText, R"("rows": [ [2, 1], [3, 0] ])", R"("note": "")"),
      tdl::ManifestKind::Features, "run.json");
  ASSERT_EQ(m.Rows.size(), 4u);
  EXPECT_EQ(m.Rows[0].Instance, 3);
  EXPECT_EQ(m.Rows[1].Instance, 3);
  EXPECT_EQ(m.Rows[1].Iteration, 1);
  EXPECT_EQ(m.Rows[2].Instance, 2);
  EXPECT_EQ(m.Instances[0].Instance, 2);
}

TEST(Manifest, FormatsWhatItParses)
{
  for (const auto& [text, kind] : { std::pair(RunText, tdl::ManifestKind::Run),
         std::pair(FeaturesText, tdl::ManifestKind::Features) })
  {
    const std::string once = tdl::FormatManifest(tdl::ParseManifest(text, kind, "run.json"));
    EXPECT_EQ(tdl::FormatManifest(tdl::ParseManifest(once, kind, "run.json")), once);
    EXPECT_NE(once.find("Coat"), std::string::npos);
  }
}

TEST(Manifest, RefusesWhatContradictsItself)
{
  using tdl::ManifestKind;
  const auto run = [](const std::string& from, const std::string& to, const std::string& words)
  { ExpectError(Replaced(RunText, from, to), ManifestKind::Run, words); };
  run("\"version\": 1", "\"version\": 2", "update the reader");
  run("\"version\": 1", "\"version\": \"1\"", "version must be a whole number");
  run("life-run", "life-walk", "tree-of-diffusion-life-walk");
  run("\"prompts\"", "\"prompt\"", "lacks \"prompts\"");
  run("{ \"text\": \"Coat\" }", "\"Coat\"", "prompts[1] must be an object");
  run("\"sigma\": 14.5", "\"sigma\": null", "iterations[0] > sigma must be a number");
  run("\"prompt\": 2", "\"prompt\": 3", "instances[0] > prompt must be a whole number from 0 to 2");
  run("\"prompt\": 2", "\"prompt\": 1.5", "instances[0] > prompt");
  run("\"instance\": 4", "\"instance\": 1", "repeats instance 1");
  run("\"instance\": 4", "\"instance\": 4294967296", "instances[0] > instance");
  run("\"seed\": 7", "\"seed\": 9223372036854775808", "seed must be a whole number");
  run("\"a.png\", ", "", "has 1 images but the run has 2 iterations");
  run("\"a.png\"", "3", "Image[0] must be a text");
  run("\"seed\": 7", "\"iterations\": [ {} ]", "has 1 iterations but the run has 2");
  run("\"version\": 1", "\"version\": 1, \"arrays\": {}", "arrays must hold Image");
  run("\"version\": 1", "\"version\": 1, \"arrays\": { \"Image\": \"/a.npy\" }", "arrays > Image");
  run("\"a.png\"", "\"../a.png\"", "inside the manifest's folder");
  run("\"a.png\"", "\"x/../../a.png\"", "inside the manifest's folder");
  run("\"a.png\"", "\"/a.png\"", "inside the manifest's folder");
  run("\"a.png\"", "\"\"", "inside the manifest's folder");
  run("\"a.png\"", R"("a.png\u0000")", "inside the manifest's folder");
  run("\"Image\"", "\"image\"", "must hold Image, PredictedImage or PredictedNoise");
  run("\"Image\": [ \"d.png\"", "\"PredictedImage\": [ \"d.png\"", "other arrays");
  run("\"version\": 1,", "\"version\": 1", "is not valid JSON");

  const auto features = [](const std::string& from, const std::string& to, const std::string& words)
  { ExpectError(Replaced(FeaturesText, from, to), ManifestKind::Features, words); };
  features("features.npy", "../features.npy", "inside the manifest's folder");
  features("[2, 1]", "[2, 2]", "rows[0][1] must be a whole number from 0 to 1");
  features("[2, 1]", "[5, 1]", "names instance 5");
  features("[2, 1]", "[3, 0]", "rows[1] repeats instance 3, iteration 0");
  features("[2, 1]", "[2, 1, 0]", "must be a pair");

  ExpectError("", ManifestKind::Run, "is not valid JSON");
  ExpectError("[]", ManifestKind::Run, "must be an object");
  ExpectError(RunText, ManifestKind::Features, "choose a file whose format is");
  ExpectError(std::string(1000000, '['), ManifestKind::Run, "nests deeper");
}

TEST(Manifest, SurvivesDamage)
{
  for (const auto& [text, kind] : { std::pair(RunText, tdl::ManifestKind::Run),
         std::pair(FeaturesText, tdl::ManifestKind::Features) })
  {
    tdl::testing::ForEachMutation(text, 4000,
      [kind = kind](const std::string& damaged)
      {
        try
        {
          tdl::FormatManifest(tdl::ParseManifest(damaged, kind, "run.json"));
        }
        catch (const tdl::FileError&)
        {
        }
      });
  }
}

TEST(Manifest, WritesWholeFilesOnly)
{
  const tdl::TemporaryFolder temporary;
  const std::filesystem::path& folder = temporary.Path;
  const std::filesystem::path file = folder / "run.json";
  tdl::Manifest manifest = tdl::ParseManifest(RunText, tdl::ManifestKind::Run, "run.json");
  tdl::WriteManifest(manifest, file);
  EXPECT_TRUE(tdl::IsManifest(file, tdl::ManifestKind::Run));
  EXPECT_FALSE(tdl::IsManifest(file, tdl::ManifestKind::Features));
  EXPECT_EQ(tdl::ReadManifest(file, tdl::ManifestKind::Run).Prompts, manifest.Prompts);

  manifest.Prompts[0] = "\xff";
  EXPECT_THROW(tdl::WriteManifest(manifest, file), tdl::DataError);
  manifest.Prompts[0] = "Boot";
  manifest.Provenance = "{";
  EXPECT_THROW(tdl::WriteManifest(manifest, file), tdl::FileError);
  EXPECT_EQ(tdl::ReadManifest(file, tdl::ManifestKind::Run).Prompts[0], "Sneaker");

  EXPECT_THROW(tdl::ReadManifest(folder, tdl::ManifestKind::Run), tdl::FileError);
  std::filesystem::remove_all(folder);
  EXPECT_THROW(tdl::WriteManifest(tdl::ParseManifest(RunText, tdl::ManifestKind::Run, "run.json"),
                 folder / "run.json"),
    tdl::FileError);
  EXPECT_THROW(tdl::ReadManifest(file, tdl::ManifestKind::Run), tdl::FileError);
  EXPECT_FALSE(tdl::IsManifest(file, tdl::ManifestKind::Run));
}
