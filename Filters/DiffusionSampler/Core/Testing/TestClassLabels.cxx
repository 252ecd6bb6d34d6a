// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/ClassLabels.h"

#include "Filters/DiffusionSampler/Core/Testing/WritableModel.h"
#include "Filters/Foundation/Error.h"

#include <gtest/gtest.h>

namespace
{
tdl::Configuration Index(const nlohmann::json& names)
{
  const tdl::WritableModel model;
  model.Write("model_index.json", { { "id2label", names } });
  return tdl::Configuration(model.Path("model_index.json"));
}
}

TEST(ClassLabels, FindsTheLastClassOfAName)
{
  const tdl::ClassLabels classes(
    Index({ { "0", "crane" }, { "1", "maillot" }, { "2", "maillot, tank suit" }, { "3", "crane" },
      { "10", " Hen ,  Gallus" } }),
    11);
  EXPECT_EQ(classes.Find("crane").Label, 3);
  EXPECT_EQ(classes.Find("Maillot").Label, 2);
  EXPECT_EQ(classes.Find("maillot, tank suit").Label, 2);
  EXPECT_EQ(classes.Find("gallus").Label, 10);
  EXPECT_EQ(classes.Find("gallus").Name, "Hen");
  std::vector<std::string> suggested;
  for (const tdl::Prompt& prompt : classes.Prompts())
  {
    suggested.push_back(prompt.Text);
  }
  EXPECT_EQ(suggested, (std::vector<std::string>{ "maillot, tank suit", "crane", "Hen" }));
}

TEST(ClassLabels, SuggestsAndListsNoMoreThanOneReads)
{
  EXPECT_EQ(tdl::ClassLabels(Index(nullptr), 100).Prompts().size(), 100U);
  EXPECT_EQ(tdl::ClassLabels(Index(nullptr), 100, 40).Prompts().size(), 99U);
  const tdl::ClassLabels classes(Index(nullptr), 1000);
  EXPECT_TRUE(classes.Prompts().empty());
  try
  {
    classes.Find("1000");
    ADD_FAILURE() << "it found a class";
  }
  catch (const tdl::ParameterError& error)
  {
    EXPECT_STREQ(error.what(),
      "The model has no class '1000'; choose from 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, "
      "14, "
      "15, 16, 17, 18, 19, ... (1000 in all).");
  }
}

TEST(ClassLabels, RefusesNamesOfNoLabels)
{
  EXPECT_THROW(tdl::ClassLabels(Index({ { "7", "hen" } }), 7), tdl::FileError);
  EXPECT_THROW(tdl::ClassLabels(Index({ { "hen", "hen" } }), 7), tdl::FileError);
  EXPECT_THROW(tdl::ClassLabels(Index({ "hen" }), 7), tdl::FileError);
}
