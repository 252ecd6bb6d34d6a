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

const fs::path Data = fs::path(TDL_TEST_DATA) / "Readers";

std::string Bytes(const fs::path& file)
{
  std::ifstream stream(file, std::ios::binary);
  return { std::istreambuf_iterator<char>(stream), {} };
}

/** A .npy file that is gone with the test. */
class NpyFile : public ::testing::Test
{
protected:
  void Write(const std::string& bytes) const
  {
    std::ofstream(this->File, std::ios::binary).write(bytes.data(), bytes.size());
  }

  /** A file of format 1.0 with this header and some bytes of numbers. */
  void Write(const std::string& header, std::size_t numbers) const
  {
    std::string bytes("\x93NUMPY\x01\x00", 8);
    bytes += static_cast<char>(header.size() % 256);
    bytes += static_cast<char>(header.size() / 256);
    this->Write(bytes + header + std::string(numbers, '\0'));
  }

  void ExpectError(const fs::path& file, const std::string& words) const
  {
    try
    {
      tdl::OpenArrays(file);
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

  const tdl::TemporaryFolder Folder;
  const fs::path File = this->Folder.Path / "test.npy";
};

std::vector<float> ReadAll(const fs::path& file)
{
  return tdl::OpenArrays(file).front()->ReadAll();
}
}

TEST_F(NpyFile, ReadsWhatNumpyWrites)
{
  for (const char* name : { "f2-little", "f2-big", "f4-little", "f4-big", "f8-little", "f8-big",
         "fortran", "version2", "version3" })
  {
    const fs::path file = Data / (std::string(name) + ".npy");
    ASSERT_EQ(tdl::OpenMatrix(file)->Shape, (std::vector<std::uint64_t>{ 6, 3 })) << name;
    const std::vector<float> values = ReadAll(file);
    for (int i = 0; i < 15; ++i)
    {
      const int whole = 10 * (i / 3) + i % 3;
      EXPECT_EQ(values[i], whole + 0.5) << name << ' ' << i;
    }
    EXPECT_TRUE(values[15] == 0 && std::signbit(values[15])) << name;
    // 6e-8 is the smallest float16, 2^-24.
    EXPECT_EQ(values[16], name[0] == 'f' && name[1] == '2' ? std::ldexp(1.0f, -24) : 6e-8f) << name;
    EXPECT_EQ(values[17], std::numeric_limits<float>::infinity()) << name;
  }
}

TEST_F(NpyFile, ReadsTheBoxThatIsWanted)
{
  for (const char* name : { "f4-little.npy", "f4-big.npy", "fortran.npy" })
  {
    const tdl::SharedArray matrix = tdl::OpenMatrix(Data / name);
    ASSERT_EQ(matrix->Type, tdl::NumberType::Float32);
    std::vector<float> values(4);
    matrix->Read({ { 2, 2 }, { 1, 2 } }, reinterpret_cast<std::byte*>(values.data()));
    EXPECT_EQ(values, (std::vector<float>{ 21.5, 22.5, 31.5, 32.5 })) << name;
  }
}

TEST_F(NpyFile, ReadsOtherNumbersAndShapes)
{
  const tdl::SharedArray integers = tdl::OpenMatrix(Data / "integers.npy");
  EXPECT_EQ(integers->Type, tdl::NumberType::Int64);
  EXPECT_EQ(integers->ReadAll()[17], 17.0f);
  const tdl::SharedArray cube = tdl::OpenArrays(Data / "cube.npy").front();
  EXPECT_EQ(cube->Shape, (std::vector<std::uint64_t>{ 2, 3, 3 }));
  EXPECT_EQ(cube->ReadAll()[9], 30.5f);
}

TEST_F(NpyFile, ReadsAnyOrderOfKeys)
{
  this->Write("{ 'shape' : ( 2 ,1, ) , 'fortran_order':True,'descr':'<f4' }\n", 8);
  EXPECT_EQ(ReadAll(this->File), (std::vector<float>{ 0.0f, 0.0f }));
}

TEST_F(NpyFile, RefusesOtherFiles)
{
  this->ExpectError(Data / "nothing.npy", "is missing");
  this->ExpectError(Data, "is no array file");
  this->ExpectError(Data / "gray.png", "is no array file");
  EXPECT_THROW(tdl::OpenMatrix(Data / "cube.npy"), tdl::FileError);
  this->Write("");
  this->ExpectError(this->File, "is no .npy file");
  this->Write(std::string("\x93NUMPY\x04\x00", 8));
  this->ExpectError(this->File, "version 4.0");
  this->Write(std::string("\x93NUMPY\x02\x00\xff\xff\xff\xff", 12));
  this->ExpectError(this->File, "header of 4294967295 bytes");
}

TEST_F(NpyFile, RefusesDamagedHeaders)
{
  for (const char* header : { "", "{", "{}", "{'descr': '<f4', 'shape': (2, 1)}",
         "{'descr': '<f4', 'fortran_order': false, 'shape': (2, 1)}",
         "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1)} x",
         "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), 'shape': (2, 1)}",
         "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), 'other': (2, 1)}",
         "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 1)}",
         "{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 1)}",
         "{'descr': '<f4', 'fortran_order': False, 'shape': (2 1)}",
         "{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551616, 1)}" })
  {
    this->Write(header, 8);
    this->ExpectError(this->File, "damaged header");
  }
}

TEST_F(NpyFile, RefusesSizesThatTheFileLacks)
{
  const std::string whole = Bytes(Data / "f4-little.npy");
  this->Write(whole.substr(0, whole.size() - 1));
  this->ExpectError(this->File, "71 bytes of numbers but its header promises 6 x 3");
  this->Write(whole + "1234");
  this->ExpectError(this->File, "76 bytes of numbers but its header promises 6 x 3");
  this->Write(whole.substr(0, 60));
  this->ExpectError(this->File, "ends within its header");

  const auto shaped = [](const std::string& shape)
  { return "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }\n"; };
  // 2^32 x 2^32 and 2^62 x 4 are 0 in 64 bits.
  this->Write(shaped("(4294967296, 4294967296)"), 0);
  this->ExpectError(this->File, "its header promises 4294967296 x 4294967296");
  this->Write(shaped("(4611686018427387904, 4)"), 16);
  this->ExpectError(this->File, "its header promises 4611686018427387904 x 4");
  this->Write(shaped("(4294967296, 4294967296, 0)"), 4);
  this->ExpectError(this->File, "its header promises 4294967296 x 4294967296 x 0");
  this->Write(shaped("(" + std::string(99, '1').replace(1, 98, std::string(98, ',')) + ")"), 4);
  this->ExpectError(this->File, "damaged header");
  std::string many;
  for (int i = 0; i < 33; ++i)
  {
    many += "1, ";
  }
  this->Write(shaped("(" + many + ")"), 4);
  this->ExpectError(this->File, "more than 32 dimensions");
  for (const char* type : { "<c8", "|O", "<U3", "f4", "|f4", "" })
  {
    this->Write("{'descr': '" + std::string(type) + "', 'fortran_order': False, 'shape': (1,)}", 4);
    this->ExpectError(this->File, "items of type '" + std::string(type) + "'");
  }
}

TEST_F(NpyFile, SurvivesDamage)
{
  for (const char* name : { "f2-little.npy", "fortran.npy", "version2.npy" })
  {
    tdl::testing::ForEachMutation(Bytes(Data / name), 300,
      [this](const std::string& damaged)
      {
        this->Write(damaged);
        try
        {
          ReadAll(this->File);
        }
        catch (const tdl::FileError&)
        {
        }
      });
  }
}
