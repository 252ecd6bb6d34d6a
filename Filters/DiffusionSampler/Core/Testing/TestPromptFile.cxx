// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/PromptFile.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Testing/TemporaryFolder.h"

#include <gtest/gtest.h>

#include <fstream>

namespace
{
std::string Listing(const std::vector<tdl::Prompt>& prompts)
{
  std::string listing;
  for (const tdl::Prompt& prompt : prompts)
  {
    listing += prompt.Group + ":" + prompt.Text + ";";
  }
  return listing;
}

std::string Parsed(std::string_view text)
{
  return Listing(tdl::ParsePrompts(text, "prompts.txt"));
}

std::string Message(std::string_view text)
{
  try
  {
    return "parsed as " + Parsed(text);
  }
  catch (const tdl::FileError& error)
  {
    return error.what();
  }
}
}

TEST(PromptFile, AssignsPromptsToTheGroupOpenedLast)
{
  EXPECT_EQ(Parsed("[footwear]\nsneaker\nankle boot\n[tops]\nshirt\n"),
    "footwear:sneaker;footwear:ankle boot;tops:shirt;");
}

TEST(PromptFile, LeavesPromptsBeforeAnyHeadingUngrouped)
{
  EXPECT_EQ(Parsed("bag\n[tops]\nshirt"), ":bag;tops:shirt;");
}

TEST(PromptFile, ReopensAGroup)
{
  EXPECT_EQ(Parsed("[a]\n1\n[b]\n2\n[a]\n3"), "a:1;b:2;a:3;");
}

TEST(PromptFile, SkipsCommentsSpaceByteOrderMarkAndCarriageReturns)
{
  EXPECT_EQ(Parsed("\xEF\xBB\xBF# clothes\r\n\r\n[ tops ]\r\n \t shirt # 2 \r\n  # no prompt\r\n"),
    "tops:shirt # 2;");
}

TEST(PromptFile, KeepsUnicode)
{
  EXPECT_EQ(Parsed("[ch\u00E2teaux]\n\u57CE \U0001F3F0"), "ch\u00E2teaux:\u57CE \U0001F3F0;");
}

TEST(PromptFile, IsEmptyWithoutPrompts)
{
  EXPECT_EQ(Parsed(""), "");
  EXPECT_EQ(Parsed("# nothing\n[group]\n"), "");
}

TEST(PromptFile, RefusesMalformedHeadings)
{
  const std::string message = "prompts.txt, line 2: a group heading must read [name].";
  EXPECT_EQ(Message("shirt\n[tops"), message);
  EXPECT_EQ(Message("shirt\n[]"), message);
  EXPECT_EQ(Message("shirt\n[ ]"), message);
  EXPECT_EQ(Message("shirt\n["), message);
}

TEST(PromptFile, RefusesTheSamePromptTwice)
{
  EXPECT_EQ(Message("[a]\nshirt\n[b]\n shirt"),
    "prompts.txt, line 4: the prompt 'shirt' appears twice; remove one.");
}

TEST(PromptFile, RefusesOtherEncodings)
{
  EXPECT_EQ(Message("ch\xE2teau"),
    "prompts.txt, line 1: the text is not UTF-8; save the file in that encoding.");
}

TEST(PromptFile, ReadsAFile)
{
  const tdl::TemporaryFolder folder;
  const auto file = folder.Path / "prompts.txt";
  std::ofstream(file) << "[tops]\nshirt\n";
  EXPECT_EQ(Listing(tdl::ReadPromptFile(file)), "tops:shirt;");

  std::ofstream(file) << "# no prompt\n";
  EXPECT_THROW(tdl::ReadPromptFile(file), tdl::FileError);
  std::filesystem::remove(file);
  EXPECT_THROW(tdl::ReadPromptFile(file), tdl::FileError);
  EXPECT_THROW(tdl::ReadPromptFile(folder.Path), tdl::FileError) << "a folder";
}
