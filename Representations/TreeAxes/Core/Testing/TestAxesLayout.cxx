// SPDX-License-Identifier: BSD-3-Clause
#include "Representations/TreeAxes/Core/AxesLayout.h"

#include "Filters/Foundation/Pi.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace
{
using tdl::Pi;

using Eigen::Vector2d;
using tdl::AxesLabel;

tdl::AxesStyle Style()
{
  tdl::AxesStyle style;
  style.PromptWidth = [](const std::string& text)
  { return 8.0 * static_cast<double>(text.size()); };
  style.AxisWidth = [](const std::string& text) { return 6.0 * static_cast<double>(text.size()); };
  return style;
}

/** A tree whose prompts end in the given directions on the outermost of `rings` rings. */
tdl::Tree Star(const std::vector<double>& angles, int rings)
{
  tdl::Tree tree;
  for (int ring = 0; ring < rings; ++ring)
  {
    tree.Displacements.push_back(ring + 1.0);
    tree.DisplacementNames.push_back(std::to_string(ring));
  }
  tree.Title = "iteration";
  for (std::size_t prompt = 0; prompt < angles.size(); ++prompt)
  {
    tree.Prompts.push_back("prompt " + std::to_string(prompt));
    tree.Leaves.push_back(rings * Vector2d(std::cos(angles[prompt]), std::sin(angles[prompt])));
    tree.LeafPrompts.push_back(static_cast<int>(prompt));
    tree.Lower = tree.Lower.cwiseMin(tree.Leaves.back());
    tree.Upper = tree.Upper.cwiseMax(tree.Leaves.back());
  }
  return tree;
}

std::vector<double> Even(int count, double start, double sweep)
{
  std::vector<double> angles;
  for (int i = 0; i < count; ++i)
  {
    angles.push_back(start + sweep * i / count);
  }
  return angles;
}

void ExpectNoOverlap(const tdl::AxesDrawing& drawing, double pixel)
{
  for (std::size_t i = 0; i < drawing.Labels.size(); ++i)
  {
    for (std::size_t j = 0; j < i; ++j)
    {
      const Eigen::AlignedBox2d common =
        tdl::Bounds(drawing.Labels[i], pixel).intersection(tdl::Bounds(drawing.Labels[j], pixel));
      EXPECT_TRUE(common.isEmpty())
        << drawing.Labels[i].Text << " covers " << drawing.Labels[j].Text;
    }
  }
}

TEST(SpreadApart, LeavesDistantValuesAlone)
{
  const std::vector<double> values = { 5.0, 1.0, 3.0 };
  EXPECT_EQ(tdl::SpreadApart(values, 2.0), values);
}

TEST(SpreadApart, CentersACrowdOnItsMeanInItsOrder)
{
  const std::vector<double> spread = tdl::SpreadApart({ 0.2, 0.0, 0.1, 9.0 }, 1.0);
  EXPECT_NEAR(spread[1], -0.9, 1e-12);
  EXPECT_NEAR(spread[2], 0.1, 1e-12);
  EXPECT_NEAR(spread[0], 1.1, 1e-12);
  EXPECT_NEAR(spread[3], 9.0, 1e-12);
}

TEST(RoundSteps, AreFewRoundAndEndWithTheLast)
{
  EXPECT_EQ(tdl::RoundSteps(1, 6), (std::vector<int>{ 0 }));
  EXPECT_EQ(tdl::RoundSteps(2, 6), (std::vector<int>{ 0, 1 }));
  EXPECT_EQ(tdl::RoundSteps(6, 6), (std::vector<int>{ 0, 1, 2, 3, 4, 5 }));
  EXPECT_EQ(tdl::RoundSteps(50, 6), (std::vector<int>{ 0, 10, 20, 30, 40, 49 }));
  EXPECT_EQ(tdl::RoundSteps(1000, 6), (std::vector<int>{ 0, 200, 400, 600, 800, 999 }));
  // 100 stands too close before 104.
  EXPECT_EQ(tdl::RoundSteps(105, 7), (std::vector<int>{ 0, 20, 40, 60, 80, 104 }));
  EXPECT_EQ(tdl::RoundSteps(50, 2), (std::vector<int>{ 0, 49 }));
}

TEST(WidestGap, LooksAcrossTheSeam)
{
  EXPECT_NEAR(std::abs(tdl::WidestGap({ -Pi / 2.0, 0.0, Pi / 2.0 })), Pi, 1e-12);
  EXPECT_NEAR(tdl::WidestGap({ 3.0, -3.0 }), 0.0, 1e-12);
  EXPECT_NEAR(std::abs(tdl::WidestGap({ 0.0 })), Pi, 1e-12);
}

TEST(Shorten, CountsCharactersNotBytes)
{
  EXPECT_EQ(tdl::Shorten("Ankle boot", 10), "Ankle boot");
  EXPECT_EQ(tdl::Shorten("Ankle boot", 7), "Ankle\u2026");
  EXPECT_EQ(tdl::Shorten("\u00fc\u00fc\u00fc\u00fc", 4), "\u00fc\u00fc\u00fc\u00fc");
  EXPECT_EQ(tdl::Shorten("\u00fc\u00fc\u00fc\u00fc", 3), "\u00fc\u00fc\u2026");
}

TEST(LayOutRadial, LabelsRingsWhereTheyAre)
{
  tdl::AxesStyle style = Style();
  style.Pixel = 0.1;
  const tdl::AxesDrawing drawing = tdl::LayOutRadial(Star(Even(4, 0.0, Pi), 50), style);
  ASSERT_EQ(drawing.Axes.size(), 5u); // 49, 40, 30, 20, 10; there is no room for 0
  for (std::size_t i = 0; i < drawing.Axes.size(); ++i)
  {
    const double radius = std::stod(drawing.Labels[i].Text) + 1.0;
    EXPECT_NEAR(drawing.Labels[i].Position.norm(), radius, 1e-9);
    for (const Vector2d& point : drawing.Axes[i])
    {
      EXPECT_NEAR(point.norm(), radius, 1e-9);
      EXPECT_TRUE(!tdl::Bounds(drawing.Labels[i], style.Pixel).contains(point));
    }
  }
}

TEST(LayOutRadial, NamesEveryPromptBesideItsLeaves)
{
  tdl::AxesStyle style = Style();
  style.Pixel = 0.1;
  const std::vector<double> angles = Even(5, 0.3, 2.0 * Pi);
  const tdl::AxesDrawing drawing = tdl::LayOutRadial(Star(angles, 50), style);
  ASSERT_EQ(drawing.Leaders.size(), angles.size());
  int named = 0;
  for (const AxesLabel& label : drawing.Labels)
  {
    if (label.Prompt >= 0)
    {
      ++named;
      EXPECT_NEAR(std::atan2(label.Position.y(), label.Position.x()),
        std::remainder(angles[label.Prompt], 2.0 * Pi), 0.02);
    }
  }
  EXPECT_EQ(named, 5);
}

TEST(LayOutRadial, NamesAPromptWhereMostOfItsLeavesAre)
{
  // Most of the first prompt's leaves lie together, one has gone astray.
  tdl::Tree tree = Star({ 0.5, 2.0 }, 10);
  for (const double angle : { 0.48, 0.52, 3.6 })
  {
    tree.Leaves.push_back(10.0 * Vector2d(std::cos(angle), std::sin(angle)));
    tree.LeafPrompts.push_back(0);
  }
  tdl::AxesStyle style = Style();
  style.Pixel = 0.02;
  const tdl::AxesDrawing drawing = tdl::LayOutRadial(tree, style);
  int named = 0;
  for (const AxesLabel& label : drawing.Labels)
  {
    if (label.Prompt == 0)
    {
      ++named;
      EXPECT_NEAR(std::atan2(label.Position.y(), label.Position.x()), 0.5, 0.02);
    }
  }
  EXPECT_EQ(named, 1);
}

TEST(LayOutRadial, NamesAPromptWithTwoEndsAtOneOfThem)
{
  tdl::AxesStyle style = Style();
  style.Pixel = 0.02;
  for (const int others : { 1, 2, 3, 60, 200 })
  {
    tdl::Tree tree = Star({ 0.5, 2.0 }, 10);
    for (int i = 1; i < 2 * others; ++i)
    {
      const double angle = (i < others ? 0.5 : -0.8) + 0.01 * i / others;
      tree.Leaves.push_back(10.0 * Vector2d(std::cos(angle), std::sin(angle)));
      tree.LeafPrompts.push_back(0);
    }
    const tdl::AxesDrawing drawing = tdl::LayOutRadial(tree, style);
    const auto name = std::find_if(drawing.Labels.begin(), drawing.Labels.end(),
      [](const AxesLabel& label) { return label.Prompt == 0; });
    ASSERT_NE(name, drawing.Labels.end());
    const double angle = std::atan2(name->Position.y(), name->Position.x());
    EXPECT_LT(std::min(std::abs(angle - 0.5), std::abs(angle + 0.8)), 0.05)
      << others << " of " << 2 * others << " leaves on the other side";
  }
}

TEST(LayOutRadial, SpreadsCrowdedLabels)
{
  tdl::AxesStyle style = Style();
  for (double pixel : { 0.01, 0.1, 0.3 })
  {
    style.Pixel = pixel;
    ExpectNoOverlap(tdl::LayOutRadial(Star(Even(12, 1.4, 0.4), 50), style), pixel);
    ExpectNoOverlap(tdl::LayOutRadial(Star(Even(40, 0.0, 2.0 * Pi), 50), style), pixel);
  }
}

TEST(LayOutRadial, DrawsOneRingAndNoLeaves)
{
  const tdl::AxesDrawing one = tdl::LayOutRadial(Star({ 0.5 }, 1), Style());
  EXPECT_EQ(one.Leaders.size(), 1u);
  tdl::AxesStyle style = Style();
  style.Pixel = 0.01;
  const tdl::AxesDrawing none = tdl::LayOutRadial(Star({}, 10), style);
  EXPECT_TRUE(none.Leaders.empty());
  EXPECT_FALSE(none.Axes.empty());
}

TEST(LayOutRectilinear, PutsColumnsAndNamesRightOfTheLast)
{
  tdl::AxesStyle style = Style();
  style.Pixel = 0.1;
  const tdl::Tree tree = Star(Even(6, -0.2, 0.4), 50);
  const tdl::AxesDrawing drawing = tdl::LayOutRectilinear(tree, style);
  ASSERT_EQ(drawing.Axes.size(), 6u);
  for (std::size_t i = 0; i < drawing.Axes.size(); ++i)
  {
    EXPECT_DOUBLE_EQ(drawing.Axes[i].front().x(), std::stod(drawing.Labels[i].Text) + 1.0);
    EXPECT_LT(drawing.Axes[i].front().y(), tree.Lower.y());
    EXPECT_GT(drawing.Axes[i].back().y(), tree.Upper.y());
  }
  for (const AxesLabel& label : drawing.Labels)
  {
    EXPECT_TRUE(label.Prompt < 0 || label.Position.x() > 50.0);
  }
  ExpectNoOverlap(drawing, style.Pixel);
}

TEST(FitWindow, FillsTheWindowWithTheWholeDrawing)
{
  const tdl::Tree tree = Star(Even(10, 0.0, Pi), 50);
  for (const auto layOut : { &tdl::LayOutRadial, &tdl::LayOutRectilinear })
  {
    for (const Vector2d& window : { Vector2d(400, 400), Vector2d(1200, 700), Vector2d(500, 900) })
    {
      tdl::AxesStyle style = Style();
      const tdl::Frame frame = tdl::FitWindow(layOut, tree, style, window);
      style.Pixel = frame.Pixel;
      Eigen::AlignedBox2d box(tree.Lower, tree.Upper);
      for (const AxesLabel& label : layOut(tree, style).Labels)
      {
        box.extend(tdl::Bounds(label, frame.Pixel));
      }
      const Eigen::Array2d half = window.array() / 2.0 * frame.Pixel;
      EXPECT_TRUE(((box.max() - frame.Center).array() < half).all());
      EXPECT_TRUE(((frame.Center - box.min()).array() < half).all());
      // It also makes use of the window: the tree alone covers at least half of it one way.
      EXPECT_GT(((tree.Upper - tree.Lower).array() / (2.0 * half)).maxCoeff(), 0.5);
    }
  }
}

TEST(FitWindow, KeepsTheTreeVisibleBesideLongNames)
{
  tdl::Tree tree = Star(Even(3, 0.0, 2.0 * Pi), 50);
  tree.Prompts[0] = std::string(200, 'x');
  const tdl::Frame frame = tdl::FitWindow(&tdl::LayOutRadial, tree, Style(), Vector2d(400, 400));
  EXPECT_GT(100.0 / frame.Pixel, 400.0 / 3.2);
}

TEST(FitWindow, ShowsASinglePoint)
{
  tdl::Tree tree = Star({ 0.0 }, 1);
  tree.Displacements = { 0.0 };
  tree.Leaves = { Vector2d::Zero() };
  tree.Lower = tree.Upper = Vector2d::Zero();
  const tdl::Frame frame = tdl::FitWindow(&tdl::LayOutRadial, tree, Style(), Vector2d(400, 400));
  EXPECT_GT(frame.Pixel, 0.0);
  EXPECT_TRUE(frame.Center.allFinite());
}
}
