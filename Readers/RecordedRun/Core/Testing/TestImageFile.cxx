// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/RecordedRun/Core/ImageFile.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Testing/TemporaryFolder.h"
#include "Readers/Manifest/Testing/Mutations.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>

namespace
{
namespace fs = std::filesystem;

const fs::path Data = fs::path(TDL_TEST_DATA) / "Readers";
constexpr int Width = 16;
constexpr int Height = 8;

struct Decoded
{
  tdl::ImageSize Size;
  std::vector<std::uint8_t> Pixels;
};

Decoded Read(const fs::path& file)
{
  const tdl::EncodedImage image = tdl::OpenImage(file);
  Decoded decoded{ image.Size, std::vector<std::uint8_t>(image.Size.GetNumberOfBytes()) };
  tdl::DecodeImage(image, decoded.Pixels.data());
  return decoded;
}

/** Expects value(x, y, component), y downwards as the files were made, at every pixel. */
void ExpectImage(const char* name, int components,
  const std::function<int(int x, int y, int component)>& value, int tolerance = 0)
{
  const Decoded image = Read(Data / name);
  ASSERT_EQ(image.Size, (tdl::ImageSize{ Width, Height, components })) << name;
  const std::uint8_t* pixel = image.Pixels.data();
  for (int y = Height - 1; y >= 0; --y)
  {
    for (int x = 0; x < Width; ++x)
    {
      for (int c = 0; c < components; ++c, ++pixel)
      {
        ASSERT_NEAR(*pixel, value(x, y, c), tolerance) << name << ' ' << x << ' ' << y << ' ' << c;
      }
    }
  }
}

int Gray(int x, int y, int)
{
  return 10 * x + 5 * y;
}

int Rgb(int x, int y, int component)
{
  return component == 0 ? 10 * x : component == 1 ? 20 * y : 200;
}

std::string Bytes(const fs::path& file)
{
  std::ifstream stream(file, std::ios::binary);
  return { std::istreambuf_iterator<char>(stream), {} };
}

void ExpectError(const fs::path& file, const std::string& words)
{
  try
  {
    Read(file);
    ADD_FAILURE() << file << " was read, expected: " << words;
  }
  catch (const tdl::FileError& e)
  {
    const std::string message = e.what();
    EXPECT_NE(message.find(words), std::string::npos) << message;
    EXPECT_NE(message.find(file.string()), std::string::npos) << message;
  }
}
}

TEST(ImageFile, ReadsEveryKindOfPng)
{
  ExpectImage("gray.png", 1, Gray);
  ExpectImage("rgb.png", 3, Rgb);
  ExpectImage("palette.png", 3, Rgb);
  ExpectImage("gray16.png", 1, Gray);
  ExpectImage("bits.png", 1, [](int x, int y, int) { return (x + y) % 2 * 255; });
  ExpectImage("rgba.png", 3, [](int x, int y, int c) { return x < 8 ? Rgb(x, y, c) : 255; });
}

TEST(ImageFile, ReadsJpeg)
{
  ExpectImage("gray.jpg", 1, Gray, 3);
  ExpectImage("rgb.jpg", 3, Rgb, 3);
}

TEST(ImageFile, ReadsWebp)
{
  ExpectImage("rgb.webp", 3, Rgb);
  ExpectImage("rgba.webp", 3, [](int x, int y, int c) { return x < 8 ? Rgb(x, y, c) : 255; });
}

TEST(ImageFile, RefusesWhatIsNoImage)
{
  ExpectError(Data / "moving.webp", "no still WebP image");
  ExpectError(Data / "nothing.png", "is missing");
  ExpectError(Data, "is missing or cannot be read");
  ExpectError(Data / "f4-little.npy", "neither PNG nor JPEG nor WebP");
}

TEST(ImageFile, RefusesTruncatedImages)
{
  const tdl::TemporaryFolder folder;
  for (const char* name : { "rgb.png", "gray.jpg", "rgb.webp" })
  {
    const std::string whole = Bytes(Data / name);
    const fs::path file = folder.Path / name;
    // A JPEG ends with a two-byte marker that libjpeg does not miss.
    for (std::size_t size : { std::size_t(14), whole.size() / 2, whole.size() - 30 })
    {
      std::ofstream(file, std::ios::binary).write(whole.data(), size);
      ExpectError(file, "is damaged or incomplete");
    }
  }
}

TEST(ImageFile, SurvivesDamage)
{
  const tdl::TemporaryFolder folder;
  for (const char* name : { "rgb.png", "palette.png", "gray16.png", "rgb.jpg", "rgb.webp" })
  {
    tdl::EncodedImage image = tdl::OpenImage(Data / name);
    const std::string valid(image.Bytes.begin(), image.Bytes.end());
    const fs::path file = folder.Path / name;
    tdl::testing::ForEachMutation(valid, 200,
      [&file](const std::string& damaged)
      {
        std::ofstream(file, std::ios::binary) << damaged;
        try
        {
          const tdl::EncodedImage image = tdl::OpenImage(file);
          // What a damaged header promises would only cost time here.
          if (image.Size.GetNumberOfBytes() < 10000)
          {
            std::vector<std::uint8_t> pixels(image.Size.GetNumberOfBytes());
            tdl::DecodeImage(image, pixels.data());
          }
        }
        catch (const tdl::FileError&)
        {
        }
      });
  }
}

TEST(ImageFile, ReadsWhatItWrites)
{
  const tdl::TemporaryFolder folder;
  const fs::path file = folder.Path / "written.png";
  for (int components : { 1, 3 })
  {
    Decoded image{ { 5, 7, components }, std::vector<std::uint8_t>(35ul * components) };
    for (std::size_t i = 0; i < image.Pixels.size(); ++i)
    {
      image.Pixels[i] = static_cast<std::uint8_t>(i * 37);
    }
    tdl::WritePng(file, image.Size, image.Pixels.data());
    const Decoded copy = Read(file);
    EXPECT_EQ(copy.Size, image.Size);
    EXPECT_EQ(copy.Pixels, image.Pixels);
  }
  const std::uint8_t pixel = 0;
  EXPECT_THROW(tdl::WritePng(file / "x.png", { 1, 1, 1 }, &pixel), tdl::FileError);
}
