// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/RecordedRun/Core/RecordedRun.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Memory.h"
#include "Filters/Foundation/Testing/TemporaryFolder.h"
#include "Readers/RecordedRun/Core/ArrayImages.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <map>

namespace
{
namespace fs = std::filesystem;

const fs::path Data = fs::path(TDL_TEST_DATA);

/** What make_array_files.py stores. */
int Pixel(int i, int k, int y, int x, int c)
{
  return 100 * i + 30 * k + 5 * y + x + 10 * c;
}

tdl::RunSource Source(const fs::path& file)
{
  tdl::RunSource source;
  source.File = file;
  return source;
}

/** Expects the images of make_array_files.py. */
void ExpectPixels(const tdl::RunSource& source)
{
  const tdl::RecordedRun run(source);
  ASSERT_EQ(run.Size(), (tdl::ImageSize{ 5, 4, 3 })) << source.File;
  ASSERT_EQ(run.Description().Instances.size(), 2u);
  ASSERT_EQ(run.Description().GetNumberOfIterations(), 3);
  EXPECT_EQ(run.Arrays(), std::vector<std::string>{ "Image" });
  std::vector<std::uint8_t> pixels(60);
  for (int i = 0; i < 2; ++i)
  {
    for (int k = 0; k < 3; ++k)
    {
      EXPECT_TRUE(run.Has(i, k));
      run.Read("Image", i, k, pixels.data());
      for (int y = 0; y < 4; ++y)
      {
        for (int x = 0; x < 5; ++x)
        {
          for (int c = 0; c < 3; ++c)
          {
            ASSERT_EQ(pixels[((3 - y) * 5 + x) * 3 + c], Pixel(i, k, y, x, c))
              << source.File << ' ' << run.Reading();
          }
        }
      }
    }
  }
}

class RecordedRun : public ::testing::Test
{
protected:
  /** A .npy file of float32 or uint8. */
  template <typename Number>
  fs::path WriteNpy(
    const std::string& name, const std::string& shape, const std::vector<Number>& numbers) const
  {
    const std::string header = std::string("{'descr': '") + (sizeof(Number) == 1 ? "|u1" : "<f4") +
      "', 'fortran_order': False, 'shape': (" + shape + ")}\n";
    std::string bytes("\x93NUMPY\x01\x00", 8);
    bytes += static_cast<char>(header.size());
    bytes += '\0';
    bytes += header;
    bytes.append(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(Number));
    return this->Write(name, bytes);
  }

  fs::path Write(const std::string& name, const std::string& bytes) const
  {
    const fs::path file = this->Folder / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
    return file;
  }

  /** A gray image of 2 x 2 pixels. */
  void WriteImage(const std::string& name, int gray) const
  {
    const fs::path file = this->Folder / name;
    fs::create_directories(file.parent_path());
    const std::vector<std::uint8_t> pixels(4, static_cast<std::uint8_t>(gray));
    tdl::WritePng(file, { 2, 2, 1 }, pixels.data());
  }

  static int Gray(const tdl::RecordedRun& run, int instance, int iteration)
  {
    std::vector<std::uint8_t> pixels(run.Size().GetNumberOfBytes());
    run.Read("Image", instance, iteration, pixels.data());
    return pixels[0];
  }

  static void ExpectError(const tdl::RunSource& source, const std::string& words)
  {
    try
    {
      const tdl::RecordedRun run(source);
      std::vector<std::uint8_t> pixels(run.Size().GetNumberOfBytes());
      for (const std::string& array : run.Arrays())
      {
        run.Read(array, 0, 0, pixels.data());
      }
      ADD_FAILURE() << "read, expected: " << words;
    }
    catch (const tdl::Error& e)
    {
      const std::string message = e.what();
      EXPECT_NE(message.find(words), std::string::npos) << message;
      EXPECT_EQ(message.back(), '.') << message;
    }
  }

  const tdl::TemporaryFolder Temporary{ "tdl recorded r\u00fcn" };
  const fs::path Folder = this->Temporary.Path;
};
}

TEST_F(RecordedRun, ReadsArraysOfEveryFormat)
{
  for (const char* name :
    { "images.npy", "stored.npz", "deflated.npz", "arrays.safetensors", "arrays.h5" })
  {
    ExpectPixels(Source(Data / "Arrays" / name));
  }
  for (const auto& [file, array] :
    { std::pair("stored.npz", "floats"), std::pair("arrays.safetensors", "floats"),
      std::pair("arrays.safetensors", "halves"), std::pair("arrays.h5", "run/doubles") })
  {
    tdl::RunSource source = Source(Data / "Arrays" / file);
    source.ArrayName = array;
    ExpectPixels(source);
  }
}

TEST_F(RecordedRun, ReadsAnyOrderOfDimensions)
{
  for (const std::string letters : { "IKHWC", "KIHWC", "IKCHW", "CWHKI", "HKWCI", "EHWC" })
  {
    const std::map<char, int> extents{ { 'I', 2 }, { 'K', 3 }, { 'H', 4 }, { 'W', 5 }, { 'C', 3 },
      { 'E', 6 } };
    std::vector<std::uint8_t> numbers;
    std::map<char, int> index;
    std::string shape;
    const std::function<void(std::size_t)> fill = [&](std::size_t depth)
    {
      if (depth == letters.size())
      {
        const bool rows = index.count('E') > 0;
        numbers.push_back(static_cast<std::uint8_t>(Pixel(rows ? index['E'] / 3 : index['I'],
          rows ? index['E'] % 3 : index['K'], index['H'], index['W'], index['C'])));
        return;
      }
      int& place = index[letters[depth]];
      for (place = 0; place < extents.at(letters[depth]); ++place)
      {
        fill(depth + 1);
      }
    };
    fill(0);
    for (const char letter : letters)
    {
      shape += std::to_string(extents.at(letter)) + ", ";
    }
    tdl::RunSource source = Source(this->WriteNpy("run.npy", shape, numbers));
    source.Dimensions = letters;
    source.ManifestFile =
      this->Write("seeds.csv", "instance,iteration\n0,0\n0,1\n0,2\n1,0\n1,1\n1,2\n");
    ExpectPixels(source);
  }
}

TEST_F(RecordedRun, FindsTheRangeOfValues)
{
  const auto expect = [this](const std::vector<float>& values, tdl::ValueRange range, int gray)
  {
    tdl::RunSource source = Source(this->WriteNpy("range.npy", "1, 1, 2", values));
    source.Range = range;
    EXPECT_EQ(Gray(tdl::RecordedRun(source), 0, 0), gray) << values[0] << ' ' << values[1];
  };
  using tdl::ValueRange;
  expect({ 0.5F, 1.0F }, ValueRange::Automatic, 128);
  expect({ 0.5F, -0.9F }, ValueRange::Automatic, 191);
  expect({ 7.0F, 200.0F }, ValueRange::Automatic, 7);
  expect({ 0.5F, 1.0F }, ValueRange::MinusOneToOne, 191);
  expect({ 0.5F, 1.0F }, ValueRange::Bytes, 1);
  expect({ 0.5F, -0.9F }, ValueRange::UnitInterval, 128);
  expect({ 99.0F, -0.9F }, ValueRange::Automatic, 255);
  expect({ std::numeric_limits<float>::infinity(), 0.0F }, ValueRange::UnitInterval, 255);
  const std::vector<float> bad{ std::nanf(""), 0.0F };
  ExpectError(Source(this->WriteNpy("nan.npy", "1, 1, 2", bad)), "holds NaN");
}

TEST_F(RecordedRun, TakesWhatAManifestTells)
{
  // Two instances, listed in another order than their numbers; the array is as the list.
  const fs::path file = this->WriteNpy<std::uint8_t>("run.npy", "2, 2, 1, 1", { 10, 11, 20, 21 });
  this->Write(
    "run.csv", "instance,prompt,seed,timestep\n7,cat,1,999\n7,cat,1,0\n3,dog,2,999\n3,dog,2,0\n");
  const tdl::RecordedRun run(Source(file));
  EXPECT_EQ(run.Description().Prompts, (std::vector<std::string>{ "cat", "dog" }));
  ASSERT_EQ(run.Description().Instances[0].Instance, 3);
  EXPECT_EQ(run.Description().Timestep, (std::vector<double>{ 999, 0 }));
  EXPECT_EQ(Gray(run, 0, 1), 21);
  EXPECT_EQ(Gray(run, 1, 0), 10);

  this->Write("run.csv", "instance,iteration\n7,0\n7,1\n7,2\n8,0\n");
  ExpectError(Source(file), "but its manifest describes 2 of 3");
}

TEST_F(RecordedRun, KeepsHolesOfAnArray)
{
  tdl::RunSource source =
    Source(this->WriteNpy<std::uint8_t>("run.npy", "3, 1, 1", { 10, 21, 20 }));
  source.ManifestFile = this->Write("rows.csv", "instance,iteration\n0,0\n1,1\n1,0\n");
  const tdl::RecordedRun run(source);
  EXPECT_TRUE(run.Has(0, 0));
  EXPECT_FALSE(run.Has(0, 1));
  EXPECT_EQ(Gray(run, 1, 1), 21);
  EXPECT_EQ(Gray(run, 1, 0), 20);
  source.ManifestFile = this->Write("rows.csv", "instance,iteration\n0,0\n1,1\n");
  source.Dimensions = "EHW";
  ExpectError(source, "has 3 elements but its manifest describes 2");
  source.ManifestFile.clear();
  ExpectError(source, "no manifest tells what they are");
}

TEST_F(RecordedRun, ReadsAFolder)
{
  for (int k = 0; k < 3; ++k)
  {
    this->WriteImage("a c\u00e4t/3/" + std::to_string(10 * k) + ".png", 30 + k);
    if (k != 1)
    {
      this->WriteImage("a c\u00e4t/4/" + std::to_string(10 * k) + ".png", 40 + k);
    }
  }
  this->WriteImage(".thumbnails/9.png", 0);
  {
    const tdl::RecordedRun run(Source(this->Folder));
    EXPECT_EQ(run.Description().Prompts, std::vector<std::string>{ "a c\u00e4t" });
    EXPECT_EQ(Gray(run, 0, 1), 31);
    EXPECT_FALSE(run.Has(1, 1));
    EXPECT_EQ(Gray(run, 1, 2), 42);
    EXPECT_EQ(run.Memory(100), 100u * 4 + 4);
  }
  // A manifest that names no files tells of those that are found.
  this->Write("manifest.csv",
    "instance,iteration,prompt,seed,timestep\n"
    "3,0,cat,7,900\n3,1,cat,7,500\n3,2,cat,7,1\n4,0,dog,8,900\n");
  {
    const tdl::RecordedRun run(Source(this->Folder));
    EXPECT_EQ(run.Description().Prompts, (std::vector<std::string>{ "cat", "dog" }));
    EXPECT_EQ(run.Description().Timestep, (std::vector<double>{ 900, 500, 1 }));
    EXPECT_EQ(run.Description().Instances[1].Seed, 8);
    EXPECT_EQ(Gray(run, 1, 2), 42);
  }
  this->Write("manifest.csv", "instance,iteration\n3,0\n3,2\n");
  ExpectError(Source(this->Folder), "lacks instance 4");
  this->Write("manifest.csv", "instance,iteration\n3,0\n4,1\n");
  ExpectError(Source(this->Folder), "describes 2 iterations but the images have 3");
  // One that names files is all that counts.
  this->Write("manifest.csv", "file\na c\u00e4t/4/20.png\na c\u00e4t/3/0.png\n");
  EXPECT_EQ(Gray(tdl::RecordedRun(Source(this->Folder)), 0, 0), 42);
}

TEST_F(RecordedRun, RefusesFoldersThatAreNoRun)
{
  ExpectError(Source(this->Folder), "holds no images");
  this->Write("notes.txt", "nothing");
  ExpectError(Source(this->Folder), "holds no images");
  this->Write("0.png", "nothing");
  ExpectError(Source(this->Folder), "neither PNG nor JPEG nor WebP");
  this->WriteImage("0.png", 1);
  this->WriteImage("00.png", 1);
  ExpectError(Source(this->Folder), "are the same step");
  ExpectError(Source(this->Folder / "gone.json"), "cannot be read");
  ExpectError(Source(this->Folder / "gone.npy"), "is missing");
}

TEST_F(RecordedRun, RefusesArraysThatAreNoImages)
{
  ExpectError(Source(this->WriteNpy("x.npy", "1, 1, 1, 4", std::vector<float>(4))), "latents");
  ExpectError(
    Source(this->WriteNpy("x.npy", "4,", std::vector<float>(4))), "does not tell its dimensions");
  tdl::RunSource source = Source(Data / "Arrays" / "arrays.h5");
  source.ArrayName = "nothing";
  ExpectError(source, "holds no array 'nothing'");
}

TEST_F(RecordedRun, ReadsFourChannelsOverWhite)
{
  const tdl::RecordedRun run(Source(
    this->WriteNpy<std::uint8_t>("rgba.npy", "1, 1, 2, 4", { 10, 20, 30, 255, 0, 0, 0, 51 })));
  std::vector<std::uint8_t> pixels(6);
  run.Read("Image", 0, 0, pixels.data());
  EXPECT_EQ(pixels, (std::vector<std::uint8_t>{ 10, 20, 30, 204, 204, 204 }));
}

TEST_F(RecordedRun, MakesImagesSmaller)
{
  tdl::RunSource source = Source(Data / "Arrays" / "images.npy");
  source.StoredImageSize = 2;
  const tdl::RecordedRun run(source);
  ASSERT_EQ(run.Size(), (tdl::ImageSize{ 2, 2, 3 }));
  std::vector<std::uint8_t> pixels(12);
  run.Read("Image", 0, 0, pixels.data());
  // Upper left, of red: the mean over rows 0 and 1 and columns 0, 1 and half of 2.
  EXPECT_EQ(pixels[6], static_cast<int>((0 + 1 + 2 * 0.5) / 2.5 + 2.5 + 0.5));
  source.StoredImageSize = 5;
  EXPECT_EQ(tdl::RecordedRun(source).Size(), (tdl::ImageSize{ 5, 4, 3 }));
  source.StoredImageSize = -1;
  ExpectError(source, "must not be negative");
  EXPECT_EQ(tdl::LimitSize({ 1000, 1, 3 }, 10), (tdl::ImageSize{ 10, 1, 3 }));
}

TEST_F(RecordedRun, ChoosesElements)
{
  tdl::RunChoice choice;
  EXPECT_EQ(choice.ChooseIterations(3), (std::vector<int>{ 0, 1, 2 }));
  choice = { {}, 1, -1, 3 };
  EXPECT_EQ(choice.ChooseIterations(9), (std::vector<int>{ 1, 4, 7, 8 }));
  choice = { {}, 2, 2, 5 };
  EXPECT_EQ(choice.ChooseIterations(9), std::vector<int>{ 2 });
  for (const tdl::RunChoice& bad : { tdl::RunChoice{ {}, 3, 2, 1 }, tdl::RunChoice{ {}, 0, 9, 1 },
         tdl::RunChoice{ {}, -1, -1, 1 }, tdl::RunChoice{ {}, 0, -1, 0 } })
  {
    EXPECT_THROW(bad.ChooseIterations(9), tdl::ParameterError);
  }
  std::vector<tdl::ManifestInstance> instances(3);
  instances[1].Instance = 4;
  instances[2].Instance = 9;
  EXPECT_EQ(choice.ChooseInstances(instances), (std::vector<int>{ 0, 1, 2 }));
  choice.Instances = { 9, 4 };
  EXPECT_EQ(choice.ChooseInstances(instances), (std::vector<int>{ 1, 2 }));
  choice.Instances = { 5 };
  EXPECT_THROW(choice.ChooseInstances(instances), tdl::ParameterError);
}

TEST_F(RecordedRun, IsUnlikelyWhereFeaturesAreMeant)
{
  const std::vector<float> numbers(12);
  const fs::path file = this->WriteNpy("x.npy", "2, 3, 2", numbers);
  EXPECT_TRUE(tdl::RecordedRun(Source(file)).IsUnlikely());
  tdl::RunSource stated = Source(file);
  stated.Dimensions = "KHW";
  EXPECT_FALSE(tdl::RecordedRun(stated).IsUnlikely());
  this->Write("x.csv", "instance,iteration\n0,0\n0,1\n");
  EXPECT_FALSE(tdl::RecordedRun(Source(file)).IsUnlikely());

  EXPECT_FALSE(
    tdl::RecordedRun(Source(this->WriteNpy("color.npy", "2, 2, 1, 3", numbers))).IsUnlikely());
  const fs::path bytes = this->WriteNpy("bytes.npy", "2, 3, 2", std::vector<std::uint8_t>(12));
  EXPECT_FALSE(tdl::RecordedRun(Source(bytes)).IsUnlikely());
  const fs::path squares = this->WriteNpy("squares.npy", "3, 2, 2", numbers);
  EXPECT_FALSE(tdl::RecordedRun(Source(squares)).IsUnlikely());
  this->Write("squares.json", "{ \"format\": \"tree-of-diffusion-life-features\" }");
  EXPECT_TRUE(tdl::RecordedRun(Source(squares)).IsUnlikely());
}

TEST_F(RecordedRun, SaysWhatItNeeds)
{
  EXPECT_EQ(tdl::DescribeHoles({}, 9), "");
  EXPECT_EQ(
    tdl::DescribeHoles({ { 2, 3 } }, 9), "1 of 9 elements are missing: instance 2 iteration 3");
  const std::string many = tdl::DescribeHoles(std::vector<tdl::ManifestElement>(7), 9);
  EXPECT_EQ(many.substr(many.size() - 5), ", ...") << many;
  EXPECT_EQ(tdl::FormatBytes(1'500'000), "1.5 MB");
  EXPECT_EQ(tdl::FormatBytes(12'340'000'000), "12.34 GB");
}
