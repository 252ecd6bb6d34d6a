// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/RecordedRun/Core/RunWriter.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Testing/TemporaryFolder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

namespace
{
namespace fs = std::filesystem;

class RunWriterTest : public ::testing::Test
{
protected:
  /** A manifest of one instance without its images. */
  static tdl::Manifest MakeManifest(const std::string& prompt)
  {
    tdl::Manifest manifest;
    manifest.Prompts = { prompt };
    manifest.Groups = { "group" };
    manifest.PromptGroup = { 0 };
    manifest.Timestep = { 9.0 };
    manifest.Sigma = { 1.0 };
    manifest.Instances.resize(1);
    return manifest;
  }

  void Write(const std::string& prompt, std::uint8_t gray) const
  {
    tdl::RunWriter writer(this->File);
    tdl::Manifest manifest = MakeManifest(prompt);
    manifest.Instances[0].Images["Image"] = { writer.AddImage(0, "Image", 0, { 1, 1, 1 }, &gray) };
    writer.Finish(manifest);
  }

  /** Expects a whole run of this prompt and pixel, and no file beside it. */
  void ExpectRun(const std::string& prompt, std::uint8_t gray, int files = 2) const
  {
    const tdl::Manifest manifest = tdl::ReadManifest(this->File, tdl::ManifestKind::Run);
    EXPECT_EQ(manifest.Prompts[0], prompt);
    const tdl::EncodedImage image =
      tdl::OpenImage(this->Folder / manifest.Instances[0].Images.at("Image")[0]);
    std::uint8_t pixel = 0;
    tdl::DecodeImage(image, &pixel);
    EXPECT_EQ(pixel, gray);
    EXPECT_EQ(std::count_if(fs::recursive_directory_iterator(this->Folder), {},
                [](const fs::directory_entry& entry) { return entry.is_regular_file(); }),
      files);
  }

  const tdl::TemporaryFolder Temporary;
  const fs::path Folder = this->Temporary.Path / "run writer"; // made by the writer
  const fs::path File = this->Folder / "run.json";
};
}

TEST_F(RunWriterTest, ReplacesAnOldRun)
{
  for (int i = 0; i < 4; ++i)
  {
    this->Write("prompt " + std::to_string(i), static_cast<std::uint8_t>(i));
    this->ExpectRun("prompt " + std::to_string(i), static_cast<std::uint8_t>(i));
  }
}

TEST_F(RunWriterTest, LeavesTheOldRunWhenItFails)
{
  this->Write("old", 1);
  {
    tdl::RunWriter writer(this->File);
    const std::uint8_t pixel = 2;
    writer.AddImage(0, "Image", 0, { 1, 1, 1 }, &pixel);
  }
  this->ExpectRun("old", 1);
  {
    tdl::RunWriter writer(this->File);
    EXPECT_THROW(writer.Finish(MakeManifest("\xff")), tdl::DataError);
  }
  this->ExpectRun("old", 1);
}

TEST_F(RunWriterTest, LeavesFilesOfOthers)
{
  fs::create_directories(this->Folder / "mine");
  const std::uint8_t pixel = 3;
  tdl::WritePng(this->Folder / "mine" / "0.png", { 1, 1, 1 }, &pixel);
  tdl::Manifest manifest = MakeManifest("by hand");
  manifest.Instances[0].Images["Image"] = { "mine/0.png" };
  tdl::WriteManifest(manifest, this->File);
  this->ExpectRun("by hand", 3);

  this->Write("new", 4);
  std::ofstream(this->Folder / "run.images" / "notes.txt") << "note";
  this->ExpectRun("new", 4, 4);
  this->Write("newer", 5);
  this->ExpectRun("newer", 5, 4);
}

TEST_F(RunWriterTest, RefusesWhatCouldNotBeRead)
{
  this->Write("old", 1);
  {
    tdl::RunWriter writer(this->File);
    const std::uint8_t pixels[4] = {};
    EXPECT_THROW(writer.AddImage(0, "Image", 0, { 1, 1, 2 }, pixels), tdl::DataError);
  }
  {
    tdl::RunWriter writer(this->File);
    const std::uint8_t pixels[4] = {};
    tdl::Manifest manifest = MakeManifest("twice");
    manifest.Instances[0].Images["Image"] = { writer.AddImage(0, "Image", 0, { 1, 1, 1 }, pixels) };
    EXPECT_THROW(writer.AddImage(1, "Image", 0, { 2, 1, 1 }, pixels), tdl::DataError);
    manifest.Instances.push_back(manifest.Instances[0]);
    EXPECT_THROW(writer.Finish(manifest), tdl::FileError);
  }
  this->ExpectRun("old", 1);
}

TEST_F(RunWriterTest, RefusesAFolderThatCannotBe)
{
  fs::create_directory(this->Folder);
  std::ofstream(this->Folder / "file") << "";
  EXPECT_THROW(tdl::RunWriter(this->Folder / "file" / "run.json"), tdl::FileError);
}
