// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/Arrays/ArrayFile.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Testing/TemporaryFolder.h"
#include "Readers/Manifest/Testing/Mutations.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

namespace
{
namespace fs = std::filesystem;
using tdl::NumberType;

const fs::path Data = fs::path(TDL_TEST_DATA) / "Arrays";
const std::vector<std::uint64_t> Shape{ 2, 3, 4, 5, 3 };

/** What make_array_files.py stores, in the order of the array. */
std::vector<float> Pixels()
{
  std::vector<float> pixels;
  for (int i = 0; i < 2 * 3 * 4 * 5 * 3; ++i)
  {
    pixels.push_back(static_cast<float>(
      100 * (i / 180) + 30 * (i / 60 % 3) + 5 * (i / 15 % 4) + i / 3 % 5 + 10 * (i % 3)));
  }
  return pixels;
}

tdl::SharedArray Find(const char* file, const char* name)
{
  return tdl::FindArray(tdl::OpenArrays(Data / file), name, {});
}

void ExpectPixels(const char* file, const char* name, NumberType type)
{
  const tdl::SharedArray array = Find(file, name);
  EXPECT_EQ(array->Type, type) << file << ' ' << name;
  ASSERT_EQ(array->Shape, Shape) << file << ' ' << name;
  EXPECT_EQ(array->ReadAll(), Pixels()) << file << ' ' << name;
  // Of instance 1, iterations 1 and 2: rows 1 and 2, column 3, green and blue.
  std::vector<std::byte> numbers(8 * tdl::ByteSize(type));
  array->Read({ { 1, 1 }, { 1, 2 }, { 1, 2 }, { 3, 1 }, { 1, 2 } }, numbers.data());
  std::vector<float> values(8);
  tdl::ToFloats(type, numbers.data(), 8, values.data());
  EXPECT_EQ(values, (std::vector<float>{ 148, 158, 153, 163, 178, 188, 183, 193 })) << file;
}

void ExpectFloats(const char* file, const char* name, NumberType type, float tolerance)
{
  const tdl::SharedArray array = Find(file, name);
  EXPECT_EQ(array->Type, type) << file << ' ' << name;
  ASSERT_EQ(array->Shape, Shape) << file << ' ' << name;
  const std::vector<float> pixels = Pixels();
  const std::vector<float> values = array->ReadAll();
  ASSERT_EQ(values.size(), pixels.size());
  for (std::size_t i = 0; i < values.size(); ++i)
  {
    ASSERT_NEAR(values[i], pixels[i] / 127.5 - 1, tolerance) << file << ' ' << name << ' ' << i;
  }
}

std::string Bytes(const fs::path& file)
{
  std::ifstream stream(file, std::ios::binary);
  return { std::istreambuf_iterator<char>(stream), {} };
}

/** Opens and reads every array of a file. */
void ReadEverything(const fs::path& file)
{
  for (const tdl::SharedArray& array : tdl::OpenArrays(file))
  {
    if (tdl::ArrayBytes(array->Shape, array->Type) < 1'000'000)
    {
      array->ReadAll();
    }
  }
}

class ArrayFile : public ::testing::Test
{
protected:
  fs::path Write(const std::string& name, const std::string& bytes) const
  {
    const fs::path file = this->Folder / name;
    std::ofstream(file, std::ios::binary) << bytes;
    return file;
  }

  static void ExpectError(const fs::path& file, const std::string& words)
  {
    try
    {
      ReadEverything(file);
      ADD_FAILURE() << file << " was read, expected: " << words;
    }
    catch (const tdl::FileError& e)
    {
      const std::string message = e.what();
      EXPECT_NE(message.find(words), std::string::npos) << message;
      EXPECT_NE(message.find(file.string()), std::string::npos) << message;
      EXPECT_EQ(message.back(), '.') << message;
    }
  }

  const tdl::TemporaryFolder Temporary{ "tdl arrays \u00fc" };
  const fs::path Folder = this->Temporary.Path;
};

/** `from` replaced wherever it stands in `bytes`. */
std::string ReplacedAll(std::string bytes, const std::string& from, const std::string& to)
{
  for (auto place = bytes.find(from); place != std::string::npos;
       place = bytes.find(from, place + to.size()))
  {
    bytes.replace(place, from.size(), to);
  }
  return bytes;
}
}

TEST_F(ArrayFile, ReadsUnsignedBytes)
{
  ExpectPixels("images.npy", "", NumberType::UInt8);
  ExpectPixels("stored.npz", "images", NumberType::UInt8);
  ExpectPixels("deflated.npz", "images", NumberType::UInt8);
  ExpectPixels("arrays.safetensors", "images", NumberType::UInt8);
  ExpectPixels("arrays.h5", "images", NumberType::UInt8);
}

TEST_F(ArrayFile, ReadsFloats)
{
  ExpectFloats("stored.npz", "floats", NumberType::Float32, 1e-6f);
  ExpectFloats("deflated.npz", "floats", NumberType::Float32, 1e-6f);
  ExpectFloats("arrays.safetensors", "floats", NumberType::Float32, 1e-6f);
  ExpectFloats("arrays.safetensors", "halves", NumberType::Float16, 1e-3f);
  ExpectFloats("arrays.h5", "run/floats", NumberType::Float32, 1e-6f);
  ExpectFloats("arrays.h5", "run/halves", NumberType::Float32, 1e-3f);
  ExpectFloats("arrays.h5", "run/doubles", NumberType::Float64, 1e-6f);
}

TEST_F(ArrayFile, ReadsTruthValues)
{
  for (const char* file : { "arrays.safetensors", "arrays.h5" })
  {
    const tdl::SharedArray array = Find(file, "bools");
    EXPECT_EQ(array->Type, NumberType::Bool);
    const std::vector<float> pixels = Pixels();
    const std::vector<float> values = array->ReadAll();
    for (std::size_t i = 0; i < pixels.size(); ++i)
    {
      ASSERT_EQ(values[i], pixels[i] > 60 ? 1.0f : 0.0f) << file;
    }
  }
}

TEST_F(ArrayFile, ConvertsNumbers)
{
  const auto convert = [](NumberType type, std::initializer_list<int> bytes)
  {
    std::vector<std::byte> numbers;
    for (const int byte : bytes)
    {
      numbers.push_back(static_cast<std::byte>(byte));
    }
    float value = 0;
    tdl::ToFloats(type, numbers.data(), 1, &value);
    return value;
  };
  EXPECT_EQ(convert(NumberType::Int8, { 0xff }), -1.0f);
  EXPECT_EQ(convert(NumberType::UInt16, { 0, 1 }), 256.0f);
  EXPECT_EQ(convert(NumberType::Int16, { 0, 0x80 }), -32768.0f);
  EXPECT_EQ(convert(NumberType::UInt32, { 1, 0, 1, 0 }), 65537.0f);
  EXPECT_EQ(convert(NumberType::Int32, { 0xfe, 0xff, 0xff, 0xff }), -2.0f);
  EXPECT_EQ(convert(NumberType::UInt64, { 0, 0, 0, 0, 1, 0, 0, 0 }), 4294967296.0f);
  EXPECT_EQ(convert(NumberType::Int64, { 255, 255, 255, 255, 255, 255, 255, 255 }), -1.0f);
  EXPECT_EQ(convert(NumberType::BFloat16, { 0xc0, 0x3f }), 1.5f);
  EXPECT_EQ(convert(NumberType::Float16, { 0, 0x3e }), 1.5f);
}

TEST_F(ArrayFile, PassesOverTexts)
{
  EXPECT_EQ(tdl::OpenArrays(Data / "stored.npz").size(), 2u);
  EXPECT_EQ(tdl::OpenArrays(Data / "arrays.h5").size(), 5u);
  EXPECT_EQ(Find("deflated.npz", "seeds")->ReadAll(), std::vector<float>{ 7 });
}

TEST_F(ArrayFile, KnowsWhatItsMemoryIs)
{
  EXPECT_EQ(Find("images.npy", "")->GetMemory(), 0u);
  EXPECT_EQ(Find("arrays.safetensors", "floats")->GetMemory(), 0u);
  EXPECT_EQ(Find("arrays.h5", "images")->GetMemory(), 0u);
  EXPECT_EQ(Find("deflated.npz", "floats")->GetMemory(), 4u * 360);
  const auto maximum = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(tdl::ArrayBytes({ 1ull << 32, 1ull << 32 }, NumberType::UInt8), maximum);
  EXPECT_EQ(tdl::ArrayBytes({ 1ull << 60, 2 }, NumberType::Float32), maximum);
  EXPECT_EQ(tdl::ArrayBytes({ maximum, 0 }, NumberType::Float32), 0u);
  EXPECT_EQ(tdl::ArrayBytes({}, NumberType::Float32), 4u);
}

TEST_F(ArrayFile, FindsTheUsualArray)
{
  const auto arrays = tdl::OpenArrays(Data / "arrays.h5");
  EXPECT_EQ(tdl::FindArray(arrays, "", { "x", "images" })->Name, "images");
  EXPECT_THROW(tdl::FindArray(arrays, "", { "x" }), tdl::FileError);
  EXPECT_THROW(tdl::FindArray(arrays, "x", { "images" }), tdl::FileError);
}

TEST_F(ArrayFile, RefusesWhatIsNoArrayFile)
{
  ExpectError(Data / "nothing.npz", "is missing");
  ExpectError(this->Folder, "is no array file");
  ExpectError(this->Write("text.txt", "1 2 3"), "is no array file");
  for (const char* name : { "empty.npz", "empty.h5", "empty.safetensors", "empty.npy" })
  {
    ExpectError(this->Write(name, ""), name);
    ExpectError(this->Write(name, "something else than an array, of some length"), name);
  }
  ExpectError(this->Write("run.parquet", "PAR1"), "is no array file");
}

TEST_F(ArrayFile, RefusesTruncatedFiles)
{
  for (const char* name :
    { "images.npy", "stored.npz", "deflated.npz", "arrays.safetensors", "arrays.h5" })
  {
    const std::string whole = Bytes(Data / name);
    for (const std::size_t size : { whole.size() - 1, whole.size() / 2, std::size_t(30) })
    {
      ExpectError(this->Write(name, whole.substr(0, size)), name);
    }
  }
}

TEST_F(ArrayFile, RefusesDamagedNumbersInNpz)
{
  std::string bytes = Bytes(Data / "stored.npz");
  const auto numbers = bytes.find("(2, 3, 4, 5, 3)") + 100;
  bytes[numbers] = static_cast<char>(bytes[numbers] + 1);
  ExpectError(this->Write("damaged.npz", bytes), "is damaged");
}

TEST_F(ArrayFile, RefusesNpzThatPromisesTooMuch)
{
  // The sizes that the directory at the end tells of images: 360 + 128 bytes of header.
  const std::string bytes = Bytes(Data / "deflated.npz");
  std::string honest(4, '\0'), lie("\xe8\x01\x00\x40", 4);
  honest[0] = static_cast<char>(0xe8);
  honest[1] = 1;
  ASSERT_NE(bytes.find(honest), std::string::npos);
  ExpectError(this->Write("bomb.npz", ReplacedAll(bytes, honest, lie)), "bomb.npz");
  // An array of which less is there than its header says.
  const std::string stored = Bytes(Data / "stored.npz");
  ExpectError(this->Write("short.npz", ReplacedAll(stored, "(2, 3, 4, 5, 3)", "(9, 9, 9, 9, 9)")),
    "its header promises 9 x 9 x 9 x 9 x 9");
}

TEST_F(ArrayFile, RefusesHdf5ThatPointsElsewhere)
{
  ExpectError(Data / "elsewhere.h5", "holds no array of numbers");
}

TEST_F(ArrayFile, SurvivesDamage)
{
  for (const char* name : { "stored.npz", "deflated.npz", "arrays.safetensors" })
  {
    tdl::testing::ForEachMutation(Bytes(Data / name), 300,
      [this, name](const std::string& damaged)
      {
        const fs::path file = this->Write(name, damaged);
        try
        {
          ReadEverything(file);
        }
        catch (const tdl::FileError&)
        {
        }
      });
  }
}
