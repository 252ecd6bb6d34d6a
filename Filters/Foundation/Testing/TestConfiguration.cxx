// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Configuration.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Testing/TemporaryFolder.h"

#include <gtest/gtest.h>

#include <fstream>

namespace
{
/** The configuration of a file with this content. */
tdl::Configuration Read(const std::string& content)
{
  const tdl::TemporaryFolder folder;
  const std::filesystem::path file = folder.Path / "config.json";
  std::ofstream(file) << content;
  return tdl::Configuration(file.string());
}

std::string Nested(int levels)
{
  return "{ \"x\": " + std::string(levels, '[') + std::string(levels, ']') + " }";
}
}

TEST(Configuration, NestsAsDeepAsModelsDo)
{
  EXPECT_TRUE(Read(Nested(32)).Has("x"));
}

TEST(Configuration, RefusesWhatWouldOverflowTheStack)
{
  for (const int levels : { 65, 1000000 })
  {
    try
    {
      Read(Nested(levels)).GetCount("x", 1);
      ADD_FAILURE() << levels << " levels read";
    }
    catch (const tdl::FileError& error)
    {
      const std::string message = error.what();
      EXPECT_NE(message.find("config.json' nests deeper than 64 levels; choose"), std::string::npos)
        << message;
    }
  }
}
