// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/AlignmentLoss.h"
#include "Filters/EvolutionaryEmbedding/Core/DisplacementLoss.h"
#include "Filters/EvolutionaryEmbedding/Core/SemanticLoss.h"
#include "Filters/EvolutionaryEmbedding/Core/Testing/SyntheticTree.h"
#include "Filters/Foundation/Pi.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <tuple>

using namespace tdl;

namespace
{
/** Points in general position around the rings of the arrangement. */
Points RandomPoints(const Arrangement& arrangement)
{
  std::mt19937 random(3);
  std::uniform_real_distribution<double> angle(-3.1, 3.1);
  Points points(arrangement.Size(), 2);
  for (int i = 0; i < arrangement.Size(); ++i)
  {
    const double radius = 1.2 + 0.9 * arrangement.Iteration[i];
    const double at = angle(random);
    points.row(i) << radius * std::cos(at), radius * std::sin(at);
  }
  return points;
}

void ExpectGradient(
  const Points& at, const Points& gradient, const std::function<double(const Points&)>& value)
{
  constexpr double step = 1e-5;
  Points points = at;
  for (Eigen::Index i = 0; i < points.size(); ++i)
  {
    const double original = points(i);
    points(i) = original + step;
    const double above = value(points);
    points(i) = original - step;
    const double below = value(points);
    points(i) = original;
    EXPECT_NEAR(gradient(i), (above - below) / (2.0 * step), 1e-8 + 1e-6 * std::abs(gradient(i)));
  }
}

class Objective : public ::testing::TestWithParam<std::tuple<Layout, bool>>
{
protected:
  const OwnedElements Tree = MakeSyntheticTree(2, 5);
  const Arrangement Order = Arrange(this->Tree.Elements);
  const Layout Kind = std::get<0>(this->GetParam());
  const bool Within = std::get<1>(this->GetParam());
};
}

TEST_P(Objective, GradientAgreesWithFiniteDifferences)
{
  const int count = this->Order.Size();
  const std::vector<Range> ranges =
    this->Within ? this->Order.Rings : std::vector<Range>{ { 0, count } };
  std::vector<double> scales, perplexities;
  for (std::size_t r = 0; r < ranges.size(); ++r)
  {
    scales.push_back(0.5 + 0.1 * static_cast<double>(r));
    perplexities.push_back(2.0);
  }
  const Vectors features = PrepareFeatures(this->Tree.Elements, this->Order, Metric::Euclidean);
  SemanticLoss semantic(ComputeAffinities(features, ranges, perplexities, 1), ranges, scales, 1);
  const DisplacementLoss displacement(this->Kind, Eigen::ArrayXd::LinSpaced(count, 1.0, 5.0));
  const AlignmentLoss alignment(this->Kind, this->Order.Next);

  const Points points = RandomPoints(this->Order);
  Points gradient = Points::Zero(count, 2);
  semantic.SetPoints(points);
  semantic.SetGradient(1.0, gradient);
  displacement.AddGradient(points, 0.7, gradient);
  alignment.AddGradient(points, 0.3, gradient);
  Eigen::ArrayXd parts(count);
  ExpectGradient(points, gradient,
    [&](const Points& at)
    {
      semantic.SetPoints(at);
      return semantic.Evaluate(parts) + 0.7 * displacement.Evaluate(at, parts) +
        0.3 * alignment.Evaluate(at, parts);
    });
}

TEST_P(Objective, PartsAverageToTheLoss)
{
  const int count = this->Order.Size();
  const Points points = RandomPoints(this->Order);
  Eigen::ArrayXd parts(count);
  const AlignmentLoss alignment(this->Kind, this->Order.Next);
  const double loss = alignment.Evaluate(points, parts);
  EXPECT_GT(loss, 0.0);
  EXPECT_NEAR(loss, parts.mean(), 1e-12);
  const DisplacementLoss displacement(this->Kind, Eigen::ArrayXd::Ones(count));
  const double error = displacement.Evaluate(points, parts);
  EXPECT_NEAR(error, parts.mean(), 1e-12);
}

INSTANTIATE_TEST_SUITE_P(LayoutsAndScopes, Objective,
  ::testing::Combine(
    ::testing::Values(Layout::Radial, Layout::Rectilinear), ::testing::Values(true, false)));

TEST(SemanticLoss, IsTheDivergenceOfTheDistributions)
{
  // Three points: P and Q by hand.
  Affinities p;
  p.Offset = { 0, 2, 4, 6 };
  p.Column = { 1, 2, 0, 2, 0, 1 };
  p.Value = { 0.25, 0.125, 0.25, 0.125, 0.125, 0.125 }; // exact in single precision
  Points points(3, 2);
  points << 0.0, 0.0, 1.0, 0.0, 0.0, 2.0;
  const double w01 = 1.0 / 2.0, w02 = 1.0 / 5.0, w12 = 1.0 / 6.0;
  const double z = 2.0 * (w01 + w02 + w12);
  const double expected = 2.0 *
    (0.25 * std::log(0.25 * z / w01) + 0.125 * std::log(0.125 * z / w02) +
      0.125 * std::log(0.125 * z / w12));
  Eigen::ArrayXd parts(3);
  SemanticLoss loss(p, { { 0, 3 } }, { 1.0 }, 1);
  loss.SetPoints(points);
  EXPECT_NEAR(loss.Evaluate(parts), expected, 1e-14);
  // The scale multiplies the points.
  loss.SetScales({ 4.0 }, 1);
  loss.SetPoints(points / 4.0);
  EXPECT_NEAR(loss.Evaluate(parts), expected, 1e-14);
}

TEST(SemanticLoss, IsTheMeanOverRanges)
{
  Affinities p;
  p.Offset = { 0, 1, 2, 3, 4 };
  p.Column = { 1, 0, 3, 2 };
  p.Value = { 0.5, 0.5, 0.5, 0.5 };
  Points points(4, 2);
  points << 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 50.0, 0.0;
  // Two points have one distance, so that Q equals P wherever they are.
  Eigen::ArrayXd parts(4);
  SemanticLoss loss(p, { { 0, 2 }, { 2, 4 } }, { 1.0, 1.0 }, 1);
  loss.SetPoints(points);
  EXPECT_NEAR(loss.Evaluate(parts), 0.0, 1e-12);
}

TEST(AlignmentLoss, CountsTheArcAcrossTheSeam)
{
  Points points(2, 2);
  const double angle = 3.1;
  points << 2.0 * std::cos(angle), 2.0 * std::sin(angle), 3.0 * std::cos(-angle),
    3.0 * std::sin(-angle);
  Eigen::ArrayXd parts(2);
  const double turn = 2.0 * (Pi - angle);
  EXPECT_NEAR(AlignmentLoss(Layout::Radial, { 1, -1 }).Evaluate(points, parts),
    0.5 * 2.0 * 6.0 * (1.0 - std::cos(turn)), 1e-12);
}
