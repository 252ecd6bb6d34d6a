// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/Manifest/Table.h"

#include "Filters/Foundation/Error.h"
#include "Readers/Manifest/Testing/Mutations.h"

#include <gtest/gtest.h>

#include <cmath>

namespace
{
using tdl::ManifestKind;

const std::string RunText = "\xEF\xBB\xBF"
                            "file,seed,prompt,group,instance,iteration,timestep,sigma\r\n"
                            "b/1.png,7,\"a \"\"red\"\" cat, sitting\",cats,5,1,500,2.5\r\n"
                            "b/0.png,7,\"a \"\"red\"\" cat, sitting\",cats,5,0,999,14\r\n"
                            "a/1.png,8,dog,,2,1,500,\r\n";

tdl::Manifest Parse(const std::string& text, ManifestKind kind = ManifestKind::Run)
{
  return tdl::ParseTable(text, kind, "run.csv").Description;
}

void ExpectError(
  const std::string& text, const std::string& words, ManifestKind kind = ManifestKind::Run)
{
  try
  {
    tdl::ParseTable(text, kind, "run.csv");
    ADD_FAILURE() << "accepted, expected: " << words;
  }
  catch (const tdl::FileError& e)
  {
    const std::string message = e.what();
    EXPECT_EQ(message.rfind("run.csv", 0), 0u) << message;
    EXPECT_NE(message.find(words), std::string::npos) << message;
    EXPECT_EQ(message.back(), '.') << message;
  }
}
}

TEST(Table, ReadsARun)
{
  const tdl::Manifest m = Parse(RunText);
  EXPECT_EQ(m.Prompts, (std::vector<std::string>{ "a \"red\" cat, sitting", "dog" }));
  EXPECT_EQ(m.Groups, (std::vector<std::string>{ "cats", "Ungrouped" }));
  ASSERT_EQ(m.Instances.size(), 2u);
  EXPECT_EQ(m.Instances[0].Instance, 2);
  EXPECT_EQ(m.Instances[0].Place, 1);
  EXPECT_EQ(m.Instances[0].Prompt, 1);
  EXPECT_EQ(m.Instances[1].Seed, 7);
  EXPECT_EQ(m.Timestep, (std::vector<double>{ 999, 500 }));
  EXPECT_EQ(m.Sigma, (std::vector<double>{ 14, 2.5 }));
  EXPECT_TRUE(m.Instances[0].Timestep.empty());
  EXPECT_EQ(m.Instances[1].Images.at("Image"), (std::vector<std::string>{ "b/0.png", "b/1.png" }));
  EXPECT_EQ(m.Instances[0].Images.at("Image"), (std::vector<std::string>{ "", "a/1.png" }));
}

TEST(Table, NumbersInstancesAndIterationsItself)
{
  const tdl::Manifest m = Parse("prompt,seed\ncat,1\ncat,2\ncat,1\ndog,1\n");
  ASSERT_EQ(m.Instances.size(), 3u);
  EXPECT_EQ(m.GetNumberOfIterations(), 2);
  EXPECT_EQ(m.Instances[1].Seed, 2);
  EXPECT_EQ(m.Instances[2].Prompt, 1);
  ASSERT_EQ(m.Rows.size(), 4u);
  EXPECT_EQ(m.Rows[2].Instance, 0);
  EXPECT_EQ(m.Rows[2].Iteration, 1);
}

TEST(Table, KeepsTimestepsOfEachInstance)
{
  const tdl::Manifest m =
    Parse("instance,iteration,timestep\n0,0,999\n0,1,0\n1,0,900\n", ManifestKind::Features);
  EXPECT_EQ(m.GetTimestep(m.Instances[0]), (std::vector<double>{ 999, 0 }));
  EXPECT_EQ(m.GetTimestep(m.Instances[1])[0], 900);
  EXPECT_TRUE(std::isnan(m.GetTimestep(m.Instances[1])[1]));
}

TEST(Table, CanBeWrittenWithInfiniteNoise)
{
  const tdl::Manifest m =
    Parse("instance,iteration,timestep,sigma\n0,0,999,inf\n0,1,500,2\n", ManifestKind::Run);
  EXPECT_TRUE(std::isinf(m.Sigma[0]));
  const tdl::Manifest copy =
    tdl::ParseManifest(tdl::FormatManifest(m), ManifestKind::Run, "run.json");
  EXPECT_TRUE(std::isnan(copy.Sigma[0]));
  EXPECT_EQ(copy.Sigma[1], 2);
  EXPECT_EQ(copy.Timestep, m.Timestep);
}

TEST(Table, GivesOtherColumns)
{
  const tdl::ManifestTable table =
    tdl::ParseTable("x,instance,y\n1.5,0,2\n3,1,-4e1", ManifestKind::Features, "run.csv");
  EXPECT_EQ(table.Columns, (std::vector<std::string>{ "x", "y" }));
  EXPECT_EQ(table.Cells, (std::vector<std::string>{ "1.5", "2", "3", "-4e1" }));
  double number = 0;
  EXPECT_TRUE(tdl::ParseNumber("-4e1", number));
  EXPECT_EQ(number, -40);
  EXPECT_FALSE(tdl::ParseNumber("4 ", number));
  EXPECT_FALSE(tdl::ParseNumber("", number));
}

TEST(Table, WritesCells)
{
  EXPECT_EQ(tdl::QuoteCell("a \"red\" cat"), "\"a \"\"red\"\" cat\"");
  EXPECT_EQ(tdl::QuoteCell(""), "\"\"");
  EXPECT_EQ(tdl::FormatNumber(0.1), "0.1");
  EXPECT_EQ(tdl::FormatNumber(-1e300), "-1e+300");
  EXPECT_EQ(tdl::FormatNumber(std::nan("")), "");
  double number = 0;
  EXPECT_TRUE(tdl::ParseNumber(tdl::FormatNumber(1.0 / 3.0), number));
  EXPECT_EQ(number, 1.0 / 3.0);
}

TEST(Table, RefusesWhatContradictsItself)
{
  ExpectError("", "holds no rows");
  ExpectError("instance\n", "holds no rows");
  ExpectError("instance,iteration\n0,0\n0\n", "row 3 has 1 cells but the header has 2");
  ExpectError("instance,instance\n0,0\n", "names the column 'instance' twice");
  ExpectError("prompt\n\"a\n", "is not CSV");
  ExpectError("prompt\n\"a\"b\n", "is not CSV");
  ExpectError("instance\n-1\n", "instance '-1', which must be a whole number from 0");
  ExpectError("instance\n1.5\n", "instance '1.5'");
  ExpectError("instance\n99999999999\n", "instance '99999999999'");
  ExpectError("timestep\nlate\n", "timestep 'late', which must be a number");
  ExpectError("instance,iteration\n0,1\n0,1\n", "row 3 repeats instance 0, iteration 1");
  ExpectError("instance,prompt\n0,a\n0,b\n", "a second prompt or seed");
  ExpectError("prompt,group\na,x\na,y\n", "gives the prompt 'a' a second group");
  ExpectError("instance,seed\n0,1\n,2\n", "number all or none");
  ExpectError("prompt\n\xff\n", "is not UTF-8");
  ExpectError("file\n\xff.png\n", "is not UTF-8"); // found by FuzzTable
  ExpectError("instance,iteration\n0,0\n0,999999\n", "without gaps");
  ExpectError("instance,iteration\n0,1000000\n", "iteration '1000000'");
  ExpectError("file\na.png\n../b.png\n", "row 3, file must be a path inside");
  ExpectError("file,iteration\na.png,0\n,1\n", "row 3, file must be a path inside");
  ExpectError("file,array\na.png,Depth\n", "has array 'Depth'");
  // Found by FuzzTable: two rows of one element, told apart by what features do not have.
  ExpectError("instance,iteration,array\n0,0,\n0,0,PredictedImage\n", "row 3 repeats instance 0",
    ManifestKind::Features);
}

TEST(Table, SurvivesDamage)
{
  tdl::testing::ForEachMutation(RunText, 4000,
    [](const std::string& damaged)
    {
      try
      {
        Parse(damaged);
      }
      catch (const tdl::FileError&)
      {
      }
    });
}
