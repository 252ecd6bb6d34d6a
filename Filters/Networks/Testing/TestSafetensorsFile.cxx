// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Testing/TemporaryFolder.h"
#include "Filters/Networks/SafetensorsFile.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

namespace
{
/** A file as the format wants it: length, header, data. */
std::string Bytes(const std::string& header, std::size_t dataBytes)
{
  std::string bytes;
  for (unsigned shift = 0; shift < 64; shift += 8)
  {
    bytes.push_back(static_cast<char>((std::uint64_t{ header.size() } >> shift) & 0xFFU));
  }
  return bytes + header + std::string(dataBytes, '\0');
}

class SafetensorsFile : public ::testing::Test
{
protected:
  void Write(const std::string& bytes) const
  {
    std::ofstream(this->Path, std::ios::binary) << bytes;
  }

  /** The message with which opening the file fails. */
  std::string Message() const
  {
    try
    {
      const tdl::SafetensorsFile file(this->Path);
    }
    catch (const tdl::FileError& error)
    {
      return error.what();
    }
    return "no error";
  }

  void ExpectMessage(const std::string& bytes, const std::string& part) const
  {
    this->Write(bytes);
    EXPECT_NE(this->Message().find(part), std::string::npos) << this->Message();
  }

  tdl::TemporaryFolder Folder;
  std::string Path = (this->Folder.Path / "weights.safetensors").string();
};

TEST_F(SafetensorsFile, ReadsWhatItWrote)
{
  const at::Tensor matrix = at::arange(6, at::kFloat).view({ 2, 3 });
  const at::Tensor half = at::arange(3, at::kFloat).to(at::kHalf);
  tdl::WriteSafetensors(this->Path,
    { { "half", half }, { "matrix", matrix.t() }, { "scalar", at::scalar_tensor(4.0) },
      { "empty", at::empty({ 0, 2 }) } });
  const tdl::SafetensorsFile file(this->Path);
  EXPECT_EQ(file.Entries().size(), 4U);
  EXPECT_TRUE(at::equal(file.Get("matrix"), matrix.t()));
  EXPECT_TRUE(at::equal(file.Get("half"), half));
  EXPECT_EQ(file.Get("scalar").dim(), 0);
  EXPECT_EQ(file.Get("empty").numel(), 0);
}

TEST_F(SafetensorsFile, TensorsOutliveTheFile)
{
  tdl::WriteSafetensors(this->Path, { { "ones", at::ones({ 1000 }) } });
  at::Tensor ones;
  {
    ones = tdl::SafetensorsFile(this->Path).Get("ones");
  }
  EXPECT_EQ(ones.sum().item<float>(), 1000.0F);
}

TEST_F(SafetensorsFile, CopiesMisalignedTensors)
{
  // One byte first, so that the floats behind it are not aligned.
  std::string bytes = Bytes(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                            R"("b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}} )",
    5);
  bytes.replace(bytes.size() - 4, 4, std::string("\x00\x00\x80\x3f", 4));
  this->Write(bytes);
  EXPECT_EQ(tdl::SafetensorsFile(this->Path).Get("b").item<float>(), 1.0F);
}

TEST_F(SafetensorsFile, NamesAMissingFile)
{
  EXPECT_NE(this->Message().find("Cannot open"), std::string::npos);
}

TEST_F(SafetensorsFile, RefusesAFolder)
{
  std::filesystem::create_directory(this->Path);
  EXPECT_NE(this->Message().find("not a regular file"), std::string::npos) << this->Message();
}

TEST_F(SafetensorsFile, RefusesAnEmptyFile)
{
  this->ExpectMessage("", "only 0 bytes");
}

TEST_F(SafetensorsFile, RefusesAHeaderLongerThanTheFile)
{
  this->ExpectMessage(Bytes("{}", 0).replace(0, 1, "\x7f"), "claims 127 bytes");
  this->ExpectMessage(std::string(8, '\xff'), "claims");
}

TEST_F(SafetensorsFile, RefusesAHeaderThatIsNotJson)
{
  this->ExpectMessage(Bytes("{\"a\"", 0), "not JSON");
  this->ExpectMessage(Bytes("[]", 0), "not a JSON object");
}

TEST_F(SafetensorsFile, RefusesDeepNesting)
{
  const std::size_t depth = 100000;
  this->ExpectMessage(
    Bytes("{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + "}", 0), "nested");
}

TEST_F(SafetensorsFile, RefusesDuplicateNames)
{
  const std::string entry = R"("a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  this->ExpectMessage(Bytes("{" + entry + "," + entry + "}", 0), "names tensor 'a' twice");
}

TEST_F(SafetensorsFile, RefusesAnUnknownType)
{
  this->ExpectMessage(
    Bytes(R"({"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}})", 1), "F8_E4M3");
}

TEST_F(SafetensorsFile, RefusesOffsetsThatDoNotFitTheShape)
{
  this->ExpectMessage(
    Bytes(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4), "do not fit its shape");
  this->ExpectMessage(
    Bytes(R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})", 0),
    "do not fit its shape");
  this->ExpectMessage(
    Bytes(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4), "list of counts");
}

TEST_F(SafetensorsFile, RefusesHolesAndOverlaps)
{
  this->ExpectMessage(
    Bytes(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2), "overlap or leave holes");
  this->ExpectMessage(Bytes(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                            R"("b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
                        3),
    "overlap or leave holes");
}

TEST_F(SafetensorsFile, RefusesATruncatedFile)
{
  tdl::WriteSafetensors(this->Path, { { "a", at::ones({ 10 }) } });
  std::filesystem::resize_file(this->Path, std::filesystem::file_size(this->Path) - 1);
  EXPECT_NE(this->Message().find("truncated"), std::string::npos) << this->Message();
}

TEST_F(SafetensorsFile, NamesAMissingTensor)
{
  tdl::WriteSafetensors(this->Path, { { "a", at::ones({ 1 }) } });
  const tdl::SafetensorsFile file(this->Path);
  EXPECT_THROW(file.Get("b"), tdl::FileError);
}

TEST_F(SafetensorsFile, SurvivesDamagedHeaders)
{
  tdl::WriteSafetensors(
    this->Path, { { "weight", at::ones({ 4, 2 }) }, { "bias", at::ones({ 4 }) } });
  std::ifstream stream(this->Path, std::ios::binary);
  const std::string sound((std::istreambuf_iterator<char>(stream)), {});
  std::mt19937 random(3);
  int refused = 0;
  for (int round = 0; round < 500; ++round)
  {
    std::string damaged = sound;
    damaged[random() % (sound.size() - 48)] = static_cast<char>(random());
    this->Write(damaged);
    try
    {
      const tdl::SafetensorsFile file(this->Path);
      for (const auto& item : file.Entries())
      {
        file.Get(item.first).to(at::kDouble).sum();
      }
    }
    catch (const tdl::FileError&)
    {
      ++refused;
    }
  }
  EXPECT_GT(refused, 250);
}
}
