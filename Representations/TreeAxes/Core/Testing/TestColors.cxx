// SPDX-License-Identifier: BSD-3-Clause
#include "Representations/TreeAxes/Core/Colors.h"

#include <gtest/gtest.h>

#include <limits>

namespace
{
using tdl::Color;

TEST(Contrast, IsThatOfWcag)
{
  EXPECT_NEAR(tdl::Contrast(Color::Zero(), Color::Ones()), 21.0, 1e-9);
  EXPECT_NEAR(tdl::Contrast(Color::Ones(), Color::Ones()), 1.0, 1e-9);
  // #777777 on white, a published example.
  EXPECT_NEAR(tdl::Contrast(Color::Constant(119.0 / 255.0), Color::Ones()), 4.48, 0.01);
}

TEST(PromptColors, StandOutFromPaperAndFromParaViewsBackground)
{
  for (const Color& color : tdl::PromptColors({ 0, 0, 0, 1, 2, 2, 2, 2, 3, 4 }))
  {
    EXPECT_GT(tdl::Contrast(color, Color::Ones()), 1.8);
    EXPECT_GT(tdl::Contrast(color, Color(0.32, 0.34, 0.43)), 1.8);
  }
}

TEST(PromptColors, DifferAndResembleEachOtherWithinAGroup)
{
  const std::vector<int> groups = { 0, 1, 0, 1, 0, 1 };
  const std::vector<Color> colors = tdl::PromptColors(groups);
  for (std::size_t i = 0; i < groups.size(); ++i)
  {
    double nearest = std::numeric_limits<double>::infinity();
    std::size_t neighbor = i;
    for (std::size_t j = 0; j < groups.size(); ++j)
    {
      const double distance = (colors[i] - colors[j]).norm();
      if (j != i && distance < nearest)
      {
        nearest = distance;
        neighbor = j;
      }
    }
    EXPECT_GT(nearest, 0.1);
    EXPECT_EQ(groups[neighbor], groups[i]);
  }
}

TEST(PromptColors, TakesOneGroupAndNoPrompts)
{
  EXPECT_TRUE(tdl::PromptColors({}).empty());
  const std::vector<Color> colors = tdl::PromptColors({ 7, 7 });
  EXPECT_GT((colors[0] - colors[1]).norm(), 0.3);
}
}
