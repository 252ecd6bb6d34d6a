// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <Eigen/Geometry>

#include <functional>
#include <string>
#include <vector>

namespace tdl
{
/** What the axes of an embedding show. Lengths are in the embedding's own (world) units. */
struct Tree
{
  /** Displacement of each captured iteration [K], and what to write beside it. */
  std::vector<double> Displacements;
  std::vector<std::string> DisplacementNames;
  /** What DisplacementNames count: "iteration". */
  std::string Title;
  /** Names of the prompts [P]. */
  std::vector<std::string> Prompts;
  /** Points of the last iteration [L], and the prompt of each, in [0, P). */
  std::vector<Eigen::Vector2d> Leaves;
  std::vector<int> LeafPrompts;
  /** Box around all points of the embedding. */
  Eigen::Vector2d Lower = Eigen::Vector2d::Zero();
  Eigen::Vector2d Upper = Eigen::Vector2d::Zero();
};

/** How large things are on the screen. Text has a fixed size in pixels at any zoom. */
struct AxesStyle
{
  /** World units covered by one pixel; > 0. */
  double Pixel = 1.0;
  /** At most so many rings or columns are drawn; >= 2. */
  int MaximumAxes = 6;
  /** Height of a line of prompt labels and of axis labels, in pixels. */
  double PromptHeight = 16.0;
  double AxisHeight = 12.0;
  /** Widths of a text as prompt label and as axis label, in pixels. */
  std::function<double(const std::string&)> PromptWidth;
  std::function<double(const std::string&)> AxisWidth;
};

/** A line of text. It is centered vertically on its position. */
struct AxesLabel
{
  enum class Alignment
  {
    Left,
    Center,
    Right
  };

  std::string Text;
  /** Index of the prompt it names, -1 for the labels of rings and columns. */
  int Prompt = -1;
  /** World position of the left end, center or right end of the text. */
  Eigen::Vector2d Position = Eigen::Vector2d::Zero();
  Alignment Align = Alignment::Center;
  /** Width and height in pixels. */
  Eigen::Vector2d Size = Eigen::Vector2d::Zero();
};

using Polyline = std::vector<Eigen::Vector2d>;

struct AxesDrawing
{
  /** Rings or columns. */
  std::vector<Polyline> Axes;
  /** Thin lines from the leaves of a prompt to its label. */
  std::vector<Polyline> Leaders;
  std::vector<AxesLabel> Labels;
};

/**
 * Rings around the origin, interrupted by their labels, which stand along the direction in which
 * the tree leaves most room; the prompts' names around the outermost ring, spread apart so that no
 * two overlap, right of the center in the right half of the circle and left of it in the left half.
 */
AxesDrawing LayOutRadial(const Tree& tree, const AxesStyle& style);

/**
 * Vertical columns with their labels below; the prompts' names right of the last column at the mean
 * height of their leaves, spread apart so that no two overlap.
 */
AxesDrawing LayOutRectilinear(const Tree& tree, const AxesStyle& style);

/** World box around a label in a drawing with that size of a pixel. */
Eigen::AlignedBox2d Bounds(const AxesLabel& label, double pixel);

/** A part of the plane to look at: pixels of the size Pixel around Center. */
struct Frame
{
  Eigen::Vector2d Center = Eigen::Vector2d::Zero();
  double Pixel = 1.0;
};

/**
 * The closest frame in which the tree and all its labels lie inside a window.
 * @param layOut LayOutRadial or LayOutRectilinear.
 * @param window width and height in pixels; a window too narrow for the labels is taken to be just
 * wide enough to leave the tree a third of it.
 */
Frame FitWindow(const std::function<AxesDrawing(const Tree&, const AxesStyle&)>& layOut,
  const Tree& tree, AxesStyle style, const Eigen::Vector2d& window);

/**
 * Moves values apart until neighbors in their order are at least `spacing` apart, with the least
 * sum of squared movements (isotonic regression by pooling of adjacent violators).
 */
std::vector<double> SpreadApart(const std::vector<double>& values, double spacing);

/** Indices of at most `maximum` of `count` iterations: a round step (1, 2, 5, 10, ...) and the
 * last. */
std::vector<int> RoundSteps(int count, int maximum);

/** Middle of the widest gap between directions in radians, in [-pi, pi]; -pi/2 without directions.
 */
double WidestGap(std::vector<double> angles);

/** The text, cut with an ellipsis where it has more than `length` characters (UTF-8). */
std::string Shorten(const std::string& text, int length);
}
