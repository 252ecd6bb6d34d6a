// SPDX-License-Identifier: BSD-3-Clause
#include "Representations/TreeAxes/Core/AxesLayout.h"

#include "Filters/Foundation/Pi.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <utility>

namespace tdl
{
namespace
{
using Eigen::Vector2d;

constexpr double Infinity = std::numeric_limits<double>::infinity();
// Distances in pixels, or in line heights where they grow with the text.
constexpr double TextMargin = 4.0;
constexpr double WindowMargin = 8.0;
constexpr double LeaderGap = 5.0;
constexpr double LabelDistance = 1.4;
constexpr double LineSpacing = 1.15;

Vector2d Direction(double angle)
{
  return { std::cos(angle), std::sin(angle) };
}

/** Where the leaves of one prompt are. */
struct Leaf
{
  int Prompt = 0;
  /** Where most of them are, and its direction seen from the origin. */
  Vector2d Center = Vector2d::Zero();
  double Angle = 0.0;
  /** Largest distance from the origin, and largest x. */
  double Radius = 0.0;
  double Right = -Infinity;
};

/** Mean of the points around the one that has most of them near: strays and other ends do not
 * count. */
Vector2d CrowdCenter(std::vector<Vector2d> points, double near)
{
  // Whatever order several processes give them in, the same crowd is found.
  std::sort(points.begin(), points.end(),
    [](const Vector2d& a, const Vector2d& b)
    { return std::make_pair(a.x(), a.y()) < std::make_pair(b.x(), b.y()); });
  constexpr std::size_t enough = 40; // of more, evenly chosen ones will do
  const std::size_t every = (points.size() + enough - 1) / enough;
  Vector2d center = points.front();
  int largest = 0;
  for (std::size_t i = 0; i < points.size(); i += every)
  {
    Vector2d sum = Vector2d::Zero();
    int count = 0;
    for (std::size_t j = 0; j < points.size(); j += every)
    {
      if ((points[j] - points[i]).squaredNorm() <= near * near)
      {
        sum += points[j];
        ++count;
      }
    }
    if (count > largest)
    {
      largest = count;
      center = sum / count;
    }
  }
  return center;
}

/** One entry per prompt that has leaves. */
std::vector<Leaf> GatherLeaves(const Tree& tree)
{
  std::vector<std::vector<Vector2d>> points(tree.Prompts.size());
  for (std::size_t i = 0; i < tree.Leaves.size(); ++i)
  {
    points[tree.LeafPrompts[i]].push_back(tree.Leaves[i]);
  }
  const double near = (tree.Upper - tree.Lower).norm() / 10.0;
  std::vector<Leaf> present;
  for (std::size_t prompt = 0; prompt < points.size(); ++prompt)
  {
    if (!points[prompt].empty())
    {
      Leaf leaf;
      leaf.Prompt = static_cast<int>(prompt);
      leaf.Center = CrowdCenter(points[prompt], near);
      leaf.Angle = std::atan2(leaf.Center.y(), leaf.Center.x());
      for (const Vector2d& point : points[prompt])
      {
        leaf.Radius = std::max(leaf.Radius, point.norm());
        leaf.Right = std::max(leaf.Right, point.x());
      }
      present.push_back(leaf);
    }
  }
  return present;
}

AxesLabel AxisLabel(const AxesStyle& style, const std::string& text)
{
  AxesLabel label;
  label.Text = text;
  label.Size = { style.AxisWidth(text), style.AxisHeight };
  return label;
}

AxesLabel PromptLabel(const AxesStyle& style, const Tree& tree, int prompt)
{
  AxesLabel label;
  label.Text = tree.Prompts[prompt];
  label.Prompt = prompt;
  label.Size = { style.PromptWidth(label.Text), style.PromptHeight };
  return label;
}

/** Spreads labels apart vertically. */
void SpreadLabels(std::vector<AxesLabel>& labels, double spacing)
{
  std::vector<double> heights(labels.size());
  std::transform(labels.begin(), labels.end(), heights.begin(),
    [](const AxesLabel& label) { return label.Position.y(); });
  heights = SpreadApart(heights, spacing);
  for (std::size_t i = 0; i < labels.size(); ++i)
  {
    labels[i].Position.y() = heights[i];
  }
}
}

std::vector<double> SpreadApart(const std::vector<double>& values, double spacing)
{
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
    [&values](std::size_t a, std::size_t b) { return values[a] < values[b]; });

  // With the spacing subtracted, the task is to make the sequence non-decreasing.
  struct Block
  {
    double Sum;
    std::size_t Count;
  };
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < order.size(); ++i)
  {
    blocks.push_back({ values[order[i]] - spacing * static_cast<double>(i), 1 });
    while (blocks.size() > 1)
    {
      const Block& last = blocks.back();
      Block& previous = blocks[blocks.size() - 2];
      if (previous.Sum * last.Count <= last.Sum * previous.Count)
      {
        break;
      }
      previous.Sum += last.Sum;
      previous.Count += last.Count;
      blocks.pop_back();
    }
  }

  std::vector<double> spread(values.size());
  std::size_t i = 0;
  for (const Block& block : blocks)
  {
    for (std::size_t end = i + block.Count; i < end; ++i)
    {
      spread[order[i]] = block.Sum / block.Count + spacing * static_cast<double>(i);
    }
  }
  return spread;
}

std::vector<int> RoundSteps(int count, int maximum)
{
  const auto steps = [count](int step) { return (count - 2 + step) / step + 1; };
  int step = 1;
  for (int decade = 1; steps(step) > maximum; decade *= 10)
  {
    for (int factor : { 2, 5, 10 })
    {
      step = factor * decade;
      if (steps(step) <= maximum)
      {
        break;
      }
    }
  }

  std::vector<int> indices;
  for (int index = 0; index < count - 1; index += step)
  {
    indices.push_back(index);
  }
  // The last one always counts: a regular one too close before it gives way.
  if (indices.size() > 1 && 2 * (count - 1 - indices.back()) < step)
  {
    indices.pop_back();
  }
  indices.push_back(count - 1);
  return indices;
}

double WidestGap(std::vector<double> angles)
{
  if (angles.empty())
  {
    return -Pi / 2.0;
  }
  std::sort(angles.begin(), angles.end());
  angles.push_back(angles.front() + 2.0 * Pi);
  double widest = 0.0;
  double middle = 0.0;
  for (std::size_t i = 0; i + 1 < angles.size(); ++i)
  {
    if (angles[i + 1] - angles[i] > widest)
    {
      widest = angles[i + 1] - angles[i];
      middle = angles[i] + widest / 2.0;
    }
  }
  return std::remainder(middle, 2.0 * Pi);
}

std::string Shorten(const std::string& text, int length)
{
  const auto startsCharacter = [](char c)
  { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  if (std::count_if(text.begin(), text.end(), startsCharacter) <= length)
  {
    return text;
  }
  auto end = text.begin();
  for (int characters = 0; end != text.end(); ++end)
  {
    if (startsCharacter(*end) && ++characters == length)
    {
      break;
    }
  }
  std::string shortened(text.begin(), end);
  while (!shortened.empty() && shortened.back() == ' ')
  {
    shortened.pop_back();
  }
  return shortened + "\u2026";
}

Eigen::AlignedBox2d Bounds(const AxesLabel& label, double pixel)
{
  const Vector2d size = label.Size * pixel;
  Vector2d lower = label.Position - size / 2.0;
  if (label.Align != AxesLabel::Alignment::Center)
  {
    lower.x() = label.Position.x() - (label.Align == AxesLabel::Alignment::Left ? 0.0 : size.x());
  }
  return { lower, lower + size };
}

AxesDrawing LayOutRadial(const Tree& tree, const AxesStyle& style)
{
  AxesDrawing drawing;
  const double pixel = style.Pixel;
  std::vector<double> angles;
  double reach = *std::max_element(tree.Displacements.begin(), tree.Displacements.end());
  for (const Vector2d& point : tree.Leaves)
  {
    angles.push_back(std::atan2(point.y(), point.x()));
    reach = std::max(reach, point.norm());
  }
  const double rayAngle = WidestGap(angles);
  const Vector2d ray = Direction(rayAngle);
  // How far a box reaches from its center in the direction of the ray, and across it.
  const auto along = [&ray, pixel](const Vector2d& size)
  { return pixel * std::min(size.x() / std::abs(ray.x()), size.y() / std::abs(ray.y())) / 2.0; };
  const auto across = [&ray, pixel](const Vector2d& size)
  { return pixel * std::min(size.x() / std::abs(ray.y()), size.y() / std::abs(ray.x())) / 2.0; };

  // Rings from the outside in, as long as there is room for the label of the next.
  const std::vector<int> steps =
    RoundSteps(static_cast<int>(tree.Displacements.size()), style.MaximumAxes);
  for (auto step = steps.rbegin(); step != steps.rend(); ++step)
  {
    AxesLabel label = AxisLabel(style, tree.DisplacementNames[*step]);
    const Vector2d room = label.Size.array() + 2.0 * TextMargin;
    const double radius = tree.Displacements[*step];
    const bool fits = radius > std::max(along(room), across(room)) &&
      (drawing.Labels.empty() ||
        drawing.Labels.back().Position.norm() - radius >= along(drawing.Labels.back().Size + room));
    if (!fits)
    {
      continue;
    }
    label.Position = radius * ray;
    drawing.Labels.push_back(label);

    constexpr int segments = 240;
    const double gap = std::asin(across(room) / radius);
    Polyline ring;
    for (int i = 0; i <= segments; ++i)
    {
      ring.push_back(radius * Direction(rayAngle + gap + 2.0 * (Pi - gap) * i / segments));
    }
    drawing.Axes.push_back(std::move(ring));
  }

  // Names in two columns that follow the circle. What each belongs to is found by a leader line.
  const std::vector<Leaf> leaves = GatherLeaves(tree);
  const double labelRadius = reach + LabelDistance * style.PromptHeight * pixel;
  std::vector<AxesLabel> names;
  for (const bool left : { false, true })
  {
    std::vector<AxesLabel> column;
    for (const Leaf& leaf : leaves)
    {
      if (left == (std::cos(leaf.Angle) < 0.0))
      {
        column.push_back(PromptLabel(style, tree, leaf.Prompt));
        column.back().Align = left ? AxesLabel::Alignment::Right : AxesLabel::Alignment::Left;
        column.back().Position = labelRadius * Direction(leaf.Angle);
      }
    }
    SpreadLabels(column, LineSpacing * style.PromptHeight * pixel);
    for (AxesLabel& label : column)
    {
      const double y = std::min(std::abs(label.Position.y()), labelRadius);
      const double x = std::sqrt(labelRadius * labelRadius - y * y) + TextMargin * pixel;
      label.Position.x() = left ? -x : x;
      names.push_back(label);
    }
  }
  for (const AxesLabel& name : names)
  {
    const Leaf& leaf = *std::find_if(leaves.begin(), leaves.end(),
      [&name](const Leaf& candidate) { return candidate.Prompt == name.Prompt; });
    const double gap = name.Align == AxesLabel::Alignment::Left ? -LeaderGap : LeaderGap;
    drawing.Leaders.push_back({ (leaf.Radius + LeaderGap * pixel) * Direction(leaf.Angle),
      name.Position + Vector2d(gap * pixel, 0.0) });
  }

  // The title outside, unless a name needs the place.
  AxesLabel title = AxisLabel(style, tree.Title);
  const Vector2d room = title.Size.array() + 2.0 * TextMargin;
  const double beyondRing = reach + pixel * ray.cwiseAbs().dot(room) / 2.0;
  title.Position = ray *
    (drawing.Labels.empty()
        ? beyondRing
        : std::max(beyondRing,
            drawing.Labels.front().Position.norm() + along(drawing.Labels.front().Size + room)));
  const Eigen::AlignedBox2d box = Bounds(title, pixel);
  if (std::none_of(names.begin(), names.end(),
        [&box, pixel](const AxesLabel& name) { return box.intersects(Bounds(name, pixel)); }))
  {
    drawing.Labels.push_back(title);
  }
  drawing.Labels.insert(drawing.Labels.end(), names.begin(), names.end());
  return drawing;
}

AxesDrawing LayOutRectilinear(const Tree& tree, const AxesStyle& style)
{
  AxesDrawing drawing;
  const double pixel = style.Pixel;
  const double pad = style.AxisHeight * pixel;
  const double bottom = tree.Lower.y() - pad;
  const double top = tree.Upper.y() + pad;

  const std::vector<int> steps =
    RoundSteps(static_cast<int>(tree.Displacements.size()), style.MaximumAxes);
  double limit = Infinity;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step)
  {
    AxesLabel label = AxisLabel(style, tree.DisplacementNames[*step]);
    const double x = tree.Displacements[*step];
    const double half = (label.Size.x() / 2.0 + TextMargin) * pixel;
    if (x + half > limit)
    {
      continue;
    }
    limit = x - half;
    label.Position = { x, bottom - pad };
    drawing.Labels.push_back(label);
    drawing.Axes.push_back({ { x, bottom }, { x, top } });
  }
  AxesLabel title = AxisLabel(style, tree.Title);
  title.Position = { (tree.Displacements.front() + tree.Displacements.back()) / 2.0,
    bottom - pad - 1.4 * style.AxisHeight * pixel };
  drawing.Labels.push_back(title);

  const std::vector<Leaf> leaves = GatherLeaves(tree);
  const double left = std::max(tree.Displacements.back(), tree.Upper.x()) +
    LabelDistance * style.PromptHeight * pixel;
  std::vector<AxesLabel> names;
  for (const Leaf& leaf : leaves)
  {
    AxesLabel label = PromptLabel(style, tree, leaf.Prompt);
    label.Align = AxesLabel::Alignment::Left;
    label.Position = { left, leaf.Center.y() };
    names.push_back(label);
  }
  SpreadLabels(names, LineSpacing * style.PromptHeight * pixel);
  for (std::size_t i = 0; i < names.size(); ++i)
  {
    drawing.Leaders.push_back({ { leaves[i].Right + LeaderGap * pixel, leaves[i].Center.y() },
      names[i].Position - Vector2d(LeaderGap * pixel, 0.0) });
    drawing.Labels.push_back(names[i]);
  }
  return drawing;
}

Frame FitWindow(const std::function<AxesDrawing(const Tree&, const AxesStyle&)>& layOut,
  const Tree& tree, AxesStyle style, const Vector2d& window)
{
  const Vector2d inside = (window.array() - 2.0 * WindowMargin).max(1.0);
  const auto fit = [&](double pixel)
  {
    style.Pixel = pixel;
    const AxesDrawing drawing = layOut(tree, style);
    Eigen::AlignedBox2d box(tree.Lower, tree.Upper);
    for (const Polyline& axis : drawing.Axes)
    {
      for (const Vector2d& point : axis)
      {
        box.extend(point);
      }
    }
    for (const AxesLabel& label : drawing.Labels)
    {
      box.extend(Bounds(label, pixel));
    }
    return Frame{ box.center(), (box.sizes().array() / inside.array()).maxCoeff() };
  };

  // Text keeps its size on the screen, so what it covers in the world depends on the size of a
  // pixel that is sought; iterating finds the fixed point, at which the drawing just fills the
  // window. Where the text alone would fill it there is none, and the bound holds.
  Frame frame = fit(0.0);
  if (frame.Pixel <= 0.0)
  {
    return { frame.Center, 1.0 / inside.minCoeff() };
  }
  const double farthest = 3.0 * frame.Pixel;
  double before = 0.0;
  for (int iteration = 0; iteration < 50 && std::abs(frame.Pixel - before) > 1e-9 * before;
       ++iteration)
  {
    before = frame.Pixel;
    frame = fit(std::min(frame.Pixel, farthest));
  }
  frame.Pixel = std::min(frame.Pixel, farthest);
  return frame;
}
}
