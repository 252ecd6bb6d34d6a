// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Testing/TemporaryFolder.h"
#include "Filters/Networks/ClipTokenizer.h"
#include "Filters/Networks/ModelFolder.h"
#include "Filters/Networks/Utf8.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace
{
using Ids = std::vector<std::int64_t>;
using Golden = std::vector<std::pair<std::string, Ids>>;

const std::filesystem::path Data = TDL_TEST_DATA "/ClipTokenizer";

/** A folder of the golden data. */
class ClipTokenizerGolden : public ::testing::TestWithParam<const char*>
{
};

TEST_P(ClipTokenizerGolden, GivesTheIdsOfTransformers)
{
  const std::filesystem::path folder = Data / this->GetParam();
  const tdl::ClipTokenizer tokenizer(folder.string());
  const nlohmann::json golden = tdl::ReadJsonObject((folder / "golden.json").string());
  for (const auto& [text, expected] : golden.at("texts").get<Golden>())
  {
    Ids ids = tokenizer.Tokenize(text);
    ids.insert(ids.begin(), tokenizer.BeginId());
    ids.push_back(tokenizer.EndId());
    EXPECT_EQ(ids, expected) << text;
  }
  for (const auto& [text, expected] : golden.at("padded").get<Golden>())
  {
    EXPECT_EQ(tokenizer.Encode(text), expected) << text;
  }
}

INSTANTIATE_TEST_SUITE_P(Folders, ClipTokenizerGolden,
  ::testing::Values("Version1", "Version2", "Listed", "Added", "Unknown"),
  [](const auto& suite) { return std::string(suite.param); });

/** A copy of a golden folder that a test changes. */
class ClipTokenizer : public ::testing::Test
{
protected:
  void SetUp() override { this->Copy("Version1"); }

  void Copy(const char* name) const
  {
    std::filesystem::copy(Data / name, this->Folder.Path,
      std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
  }

  std::string Read(const char* name) const
  {
    std::ifstream stream(this->Folder.Path / name, std::ios::binary);
    return { std::istreambuf_iterator<char>(stream), {} };
  }

  void Write(const char* name, const std::string& content) const
  {
    std::ofstream(this->Folder.Path / name, std::ios::binary) << content;
  }

  void Set(const char* name, const std::string& key, const nlohmann::json& value) const
  {
    nlohmann::json json = tdl::ReadJsonObject((this->Folder.Path / name).string());
    json[key] = value;
    this->Write(name, json.dump());
  }

  tdl::ClipTokenizer Open() const { return tdl::ClipTokenizer(this->Folder.Path.string()); }

  /** The message with which opening the folder fails. */
  std::string Message() const
  {
    try
    {
      this->Open();
    }
    catch (const tdl::FileError& error)
    {
      return error.what();
    }
    return "no error";
  }

  void ExpectMessage(const std::string& part) const
  {
    EXPECT_NE(this->Message().find(part), std::string::npos) << this->Message();
  }

  tdl::TemporaryFolder Folder;
};

TEST_F(ClipTokenizer, NeedsOnlyTheVocabularyAndTheMerges)
{
  std::filesystem::remove(this->Folder.Path / "tokenizer_config.json");
  std::filesystem::remove(this->Folder.Path / "special_tokens_map.json");
  const tdl::ClipTokenizer tokenizer = this->Open();
  EXPECT_EQ(tokenizer.Length(), 77U);
  EXPECT_EQ(tokenizer.PaddingId(), tokenizer.EndId());
  EXPECT_EQ(tokenizer.Tokenize("<|endoftext|>"), Ids{ tokenizer.EndId() });
  // Not normalized by default: the token is found only as it is written.
  EXPECT_GT(tokenizer.Tokenize("<|EndOfText|>").size(), 1U);
}

TEST_F(ClipTokenizer, TakesTheLengthFromTheConfiguration)
{
  this->Set("tokenizer_config.json", "model_max_length", 16);
  EXPECT_EQ(this->Open().Encode("a photo").size(), 16U);
  this->Set("tokenizer_config.json", "model_max_length", 1e30); // transformers' "not known"
  EXPECT_EQ(this->Open().Encode("a photo").size(), 77U);
  this->Set("tokenizer_config.json", "model_max_length", 2);
  this->ExpectMessage("model_max_length = 2");
}

TEST_F(ClipTokenizer, TakesLinesThatEndAsInWindows)
{
  const Ids expected = this->Open().Tokenize("a photograph of an astronaut");
  std::string merges = this->Read("merges.txt");
  for (std::size_t i = 0; (i = merges.find('\n', i)) != std::string::npos; i += 2)
  {
    merges.insert(i, "\r");
  }
  this->Write("merges.txt", merges);
  EXPECT_EQ(this->Open().Tokenize("a photograph of an astronaut"), expected);
}

TEST_F(ClipTokenizer, RefusesTextThatIsNotUtf8)
{
  const tdl::ClipTokenizer tokenizer = this->Open();
  // A lone continuation, a cut sequence, an overlong one, a surrogate, beyond the last code point.
  for (const char* bytes :
    { "ab\x80", "ab\xE2\x82", "ab\xC0\xAF", "ab\xED\xA0\x80", "ab\xF4\x90\x80\x80" })
  {
    try
    {
      tokenizer.Encode(bytes);
      ADD_FAILURE() << bytes;
    }
    catch (const tdl::DataError& error)
    {
      EXPECT_NE(std::string(error.what()).find("not UTF-8 at byte 2"), std::string::npos);
    }
  }
}

TEST_F(ClipTokenizer, RefusesTextThatIsTooLong)
{
  const tdl::ClipTokenizer tokenizer = this->Open();
  const std::string longest(tdl::MaximumPromptBytes, 'a');
  EXPECT_EQ(tokenizer.Encode(longest).size(), 77U);
  EXPECT_THROW(tokenizer.Encode(longest + "a"), tdl::DataError);
}

TEST_F(ClipTokenizer, NamesMissingFiles)
{
  std::filesystem::remove(this->Folder.Path / "merges.txt");
  this->ExpectMessage("merges.txt'; check the path");
  std::filesystem::remove(this->Folder.Path / "vocab.json");
  this->ExpectMessage("vocab.json'; check the path");
}

TEST_F(ClipTokenizer, RefusesBrokenVocabularies)
{
  const std::string sound = this->Read("vocab.json");
  for (const auto& [content, part] :
    std::vector<std::pair<std::string, std::string>>{ { "", "not valid JSON" },
      { sound.substr(0, sound.size() / 2), "not valid JSON" }, { "[1]", "not a JSON object" },
      { "{}", "lacks in line 2" }, { R"({"a": "b"})", "something other than a count" },
      { R"({"a": -1})", "something other than a count" },
      { R"({"a": 1.5})", "something other than a count" },
      { R"({"a": 4294967296})", "something other than a count" },
      { R"({"a": 1, "b": 1})", "the id 1 to two tokens" } })
  {
    this->Write("vocab.json", content);
    this->ExpectMessage(part);
  }
}

TEST_F(ClipTokenizer, RefusesBrokenMerges)
{
  for (const auto& [content, part] : std::vector<std::pair<std::string, std::string>>{
         { "", "holds no merges" }, { "#version: 0.2\n", "holds no merges" },
         { "#version: 0.2\na\n", "in line 2" }, { "#version: 0.2\ni n\na b c\n", "in line 3" },
         { "i n\n\n", "in line 2" }, { "i n\nq z\n", "vocab.json lacks in line 2" },
         { "<html> <body>\n", "vocab.json lacks in line 1" },
         { std::string("\0\xff\xfe\0 x", 6), "vocab.json lacks in line 1" } })
  {
    this->Write("merges.txt", content);
    this->ExpectMessage(part);
  }
}

TEST_F(ClipTokenizer, RefusesAVocabularyWithoutTheTokenOfTheUnknown)
{
  this->Set("special_tokens_map.json", "unk_token", "<unk>");
  this->ExpectMessage("lacks '<unk>'");
}

TEST_F(ClipTokenizer, NamesAnUnsupportedSetting)
{
  for (const auto& [key, value] :
    std::vector<std::pair<std::string, nlohmann::json>>{ { "tokenizer_class", "T5Tokenizer" },
      { "padding_side", "left" }, { "truncation_side", "left" }, { "model_max_length", "long" },
      { "bos_token", 3 }, { "cls_token", { { "content", "a" } } },
      { "mask_token", { { "content", "a" }, { "normalized", false }, { "single_word", true } } },
      { "extra_special_tokens", { { "a", "b" } } } })
  {
    this->Copy("Version1");
    std::filesystem::remove(this->Folder.Path / "special_tokens_map.json");
    EXPECT_EQ(this->Message(), "no error");
    this->Set("tokenizer_config.json", key, value);
    this->ExpectMessage(key + " = ");
  }
}

TEST_F(ClipTokenizer, RefusesIdsThatTheVocabularyContradicts)
{
  this->Write("added_tokens.json", R"({"<cat-toy>": 5})");
  this->ExpectMessage("'<cat-toy>' has the id 5, but vocab.json makes it ");
  this->Write("added_tokens.json", R"({"": 5})");
  this->ExpectMessage("the empty text = 5");
  this->Write("added_tokens.json", R"({"<cat-toy>": "five"})");
  this->ExpectMessage("<cat-toy> = \"five\"");
  this->Copy("Listed");
  this->Set("tokenizer_config.json", "added_tokens_decoder",
    { { "5x", { { "content", "a" }, { "normalized", false } } } });
  this->ExpectMessage("added_tokens_decoder.5x");
}

TEST_F(ClipTokenizer, SurvivesDamagedFiles)
{
  std::mt19937 random(11);
  for (const char* name : { "vocab.json", "merges.txt", "tokenizer_config.json" })
  {
    const std::string sound = this->Read(name);
    for (int round = 0; round < 100; ++round)
    {
      std::string damaged = sound;
      for (int i = 0; i < 3; ++i)
      {
        damaged[random() % damaged.size()] = static_cast<char>(random());
      }
      this->Write(name, damaged);
      try
      {
        EXPECT_GE(this->Open().Encode("a photo of an astronaut").size(), 3U);
      }
      catch (const tdl::FileError&)
      {
      }
    }
    this->Write(name, sound);
  }
}

TEST_F(ClipTokenizer, TakesAnyText)
{
  const tdl::ClipTokenizer tokenizer = this->Open();
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round)
  {
    std::string bytes(random() % 40, '\0');
    for (char& byte : bytes)
    {
      byte = static_cast<char>(random());
    }
    try
    {
      EXPECT_EQ(tokenizer.Encode(bytes).size(), 77U);
    }
    catch (const tdl::DataError&)
    {
    }
  }
}
}
