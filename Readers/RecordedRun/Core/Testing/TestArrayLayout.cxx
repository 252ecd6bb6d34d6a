// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/RecordedRun/Core/ArrayLayout.h"

#include "Filters/Foundation/Error.h"

#include <gtest/gtest.h>

namespace
{
using Shape = std::vector<std::uint64_t>;

std::string Infer(const Shape& shape, const tdl::KnownCounts& known = {})
{
  return tdl::InferLayout(shape, known, "The array");
}
}

TEST(ArrayLayout, InfersDimensions)
{
  EXPECT_EQ(Infer({ 8, 20, 64, 64, 3 }), "IKHWC");
  EXPECT_EQ(Infer({ 8, 20, 3, 64, 64 }), "IKCHW");
  EXPECT_EQ(Infer({ 8, 20, 64, 64, 1 }), "IKHWC");
  EXPECT_EQ(Infer({ 8, 20, 64, 64 }), "IKHW");
  EXPECT_EQ(Infer({ 20, 64, 64, 3 }), "KHWC");
  EXPECT_EQ(Infer({ 20, 3, 64, 64 }), "KCHW");
  EXPECT_EQ(Infer({ 20, 64, 64 }), "KHW");
}

TEST(ArrayLayout, InfersByWhatIsKnown)
{
  EXPECT_EQ(Infer({ 20, 8, 64, 64, 3 }, { 0, 8, 20 }), "KIHWC");
  EXPECT_EQ(Infer({ 8, 20, 64, 64, 3 }, { 0, 8, 20 }), "IKHWC");
  EXPECT_EQ(Infer({ 8, 8, 64, 64, 3 }, { 0, 8, 8 }), "IKHWC");
  EXPECT_EQ(Infer({ 2, 3, 64, 64 }, { 0, 2, 3 }), "IKHW");
  EXPECT_EQ(Infer({ 160, 64, 64, 3 }, { 0, 8, 20 }), "EHWC");
  EXPECT_EQ(Infer({ 157, 3, 64, 64 }, { 157, 8, 20 }), "ECHW");
  EXPECT_EQ(Infer({ 8, 64, 64 }, { 0, 8, 1 }), "IHW");
}

TEST(ArrayLayout, RefusesWhatCannotBeInferred)
{
  for (const Shape& shape : { Shape{}, { 3 }, { 64, 64 }, { 2, 3, 5, 5, 6 }, { 1, 1, 1, 1, 1, 1 } })
  {
    EXPECT_THROW(Infer(shape), tdl::FileError);
  }
}

TEST(ArrayLayout, ParsesLetters)
{
  const tdl::ArrayLayout layout = tdl::ParseLayout("CWHKI", { 3, 64, 48, 20, 8 }, "The array");
  EXPECT_EQ(layout.Channel, 0);
  EXPECT_EQ(layout.Width, 1);
  EXPECT_EQ(layout.Height, 2);
  EXPECT_EQ(layout.Iteration, 3);
  EXPECT_EQ(layout.Instance, 4);
  EXPECT_EQ(layout.Element, -1);
}

TEST(ArrayLayout, RefusesLettersThatContradict)
{
  const auto refused = [](const char* letters, const Shape& shape, const std::string& words)
  {
    try
    {
      tdl::ParseLayout(letters, shape, "The array");
      ADD_FAILURE() << letters;
    }
    catch (const tdl::FileError& e)
    {
      EXPECT_NE(std::string(e.what()).find(words), std::string::npos) << e.what();
    }
  };
  refused("IKHW", { 8, 20, 64, 64, 3 }, "too few or too many");
  refused("IKHWX", { 8, 20, 64, 64, 3 }, "unknown letter");
  refused("IKHWH", { 8, 20, 64, 64, 3 }, "repeat a letter");
  refused("HWC", { 64, 64, 3 }, "do not tell");
  refused("EIHW", { 2, 2, 64, 64 }, "do not tell");
  refused("IKWC", { 2, 2, 64, 3 }, "do not tell");
  refused("IKHWC", { 8, 20, 64, 64, 5 }, "channels that are not");
  refused("IKHWC", { 8, 0, 64, 64, 3 }, "cannot be read");
  refused("KHW", { 1ull << 40, 1, 1 }, "cannot be read");
}
