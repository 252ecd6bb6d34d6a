// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/Arrays/NpzWriter.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Testing/TemporaryFolder.h"
#include "Readers/Arrays/ArrayFile.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

TEST(NpzWriter, WritesWhatIsRead)
{
  const tdl::TemporaryFolder folder;
  const std::filesystem::path file = folder.Path / "written \u00fc.npz";
  tdl::NpzWriter writer;
  const std::vector<double> points{ 1, 2, 3, 4, 5, -6 };
  const std::vector<std::int64_t> seeds{ std::int64_t(1) << 40, -1 };
  const std::uint8_t byte = 7;
  writer.AddNumbers("points", tdl::NumberType::Float64, { 3, 2 }, points.data());
  writer.AddNumbers("seeds", tdl::NumberType::Int64, { 2 }, seeds.data());
  writer.AddNumbers("byte", tdl::NumberType::UInt8, {}, &byte);
  writer.AddTexts("prompts", { "cat", "", "d\u00f6g" });
  writer.AddTexts("nothing", {});
  for (int round = 0; round < 2; ++round)
  {
    writer.Write(file.string());
    const auto arrays = tdl::OpenArrays(file);
    ASSERT_EQ(arrays.size(), 3u);
    EXPECT_EQ(arrays[0]->ReadAll(), std::vector<float>{ 7 });
    EXPECT_EQ(arrays[1]->Shape, (std::vector<std::uint64_t>{ 3, 2 }));
    EXPECT_EQ(arrays[1]->ReadAll(), (std::vector<float>{ 1, 2, 3, 4, 5, -6 }));
    EXPECT_EQ(arrays[2]->Type, tdl::NumberType::Int64);
    EXPECT_EQ(arrays[2]->ReadAll()[0], 1099511627776.0F);
  }
  EXPECT_THROW(writer.Write((file / "x.npz").string()), tdl::FileError);
}
