// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Testing/TemporaryFolder.h"
#include "Filters/Networks/GlideTokenizer.h"
#include "Filters/Networks/ModelFolder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace
{
using Ids = std::vector<std::int64_t>;

const std::filesystem::path Data = TDL_TEST_DATA "/Glide/tokenizer";

TEST(GlideTokenizer, GivesTheIdsOfThePublishedImplementation)
{
  const tdl::GlideTokenizer tokenizer(Data.string());
  const nlohmann::json golden = tdl::ReadJsonObject((Data / "golden.json").string());
  for (const auto& [text, ids] : golden.at("texts").get<std::vector<std::pair<std::string, Ids>>>())
  {
    EXPECT_EQ(tokenizer.Tokenize(text), ids) << text;
  }
  for (const auto& [text, length, ids, mask] :
    golden.at("padded")
      .get<std::vector<std::tuple<std::string, std::size_t, Ids, std::vector<bool>>>>())
  {
    const auto encoded = tokenizer.Encode(text, length);
    EXPECT_EQ(encoded.Ids, ids) << text;
    EXPECT_EQ(encoded.Mask, mask) << text;
  }
}

TEST(GlideTokenizer, RefusesTextItCannotTake)
{
  const tdl::GlideTokenizer tokenizer(Data.string());
  EXPECT_THROW(tokenizer.Tokenize("ab\x80"), tdl::DataError);
  EXPECT_THROW(tokenizer.Encode(std::string(1'000'001, 'a'), 8), tdl::DataError);
}

TEST(GlideTokenizer, TakesAnyText)
{
  const tdl::GlideTokenizer tokenizer(Data.string());
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round)
  {
    std::string bytes(random() % 40, '\0');
    for (char& byte : bytes)
    {
      byte = static_cast<char>(random() % 160);
    }
    try
    {
      EXPECT_EQ(tokenizer.Encode(bytes, 8).Ids.size(), 8U);
    }
    catch (const tdl::DataError&)
    {
    }
  }
}

TEST(GlideTokenizer, NamesMissingFilesAndBytes)
{
  const tdl::TemporaryFolder folder;
  const auto message = [&]() -> std::string
  {
    try
    {
      tdl::GlideTokenizer tokenizer(folder.Path.string());
      return "no error";
    }
    catch (const tdl::FileError& error)
    {
      return error.what();
    }
  };
  EXPECT_NE(message().find("vocab.json'; check the path"), std::string::npos) << message();
  std::ofstream(folder.Path / "vocab.json") << R"({"a": 0, "b": 1, "ab": 2})";
  EXPECT_NE(message().find("merges.txt'; check the path"), std::string::npos) << message();
  std::ofstream(folder.Path / "merges.txt") << "a b\n";
  EXPECT_NE(message().find("lacks '\u0100', which stands for a byte"), std::string::npos)
    << message();
}
}
