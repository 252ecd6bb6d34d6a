// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EmbeddingQuality/Core/EmbeddingQuality.h"

#include "Filters/EmbeddingQuality/Core/Neighborhoods.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Pi.h"
#include "Filters/Foundation/Threads.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <string_view>

namespace tdl
{
namespace
{
constexpr double NotMeasured = std::numeric_limits<double>::quiet_NaN();

void Check(const MeasuredEmbedding& embedding, const QualityParameters& parameters)
{
  if (parameters.Neighbors < 1)
  {
    throw ParameterError(
      "Neighbors is " + std::to_string(parameters.Neighbors) + "; set it to a positive number.");
  }
  if (parameters.SampleSize < 3)
  {
    throw ParameterError(
      "Sample Size is " + std::to_string(parameters.SampleSize) + "; set it to 3 or more.");
  }
  const auto count = static_cast<std::size_t>(embedding.Elements.Count);
  if (static_cast<std::size_t>(embedding.Position.rows()) != count ||
    embedding.TargetDisplacement.size() != count ||
    (!embedding.Prompt.empty() && embedding.Prompt.size() != count))
  {
    throw DataError("The embedding has " + std::to_string(embedding.Position.rows()) +
      " points and the features are of " + std::to_string(count) +
      " elements; connect the features that the embedding was made of.");
  }
  for (Eigen::Index row = 0; row < embedding.Position.rows(); ++row)
  {
    if (!embedding.Position.row(row).allFinite())
    {
      throw DataError("Point " + std::to_string(row) + " of the embedding is not finite.");
    }
  }
}

/** Mean of the values that are measured. */
double Mean(const Eigen::ArrayXd& values)
{
  double sum = 0.0;
  int count = 0;
  for (double value : values)
  {
    if (!std::isnan(value))
    {
      sum += value;
      ++count;
    }
  }
  return count > 0 ? sum / count : NotMeasured;
}

/** The coordinate across the displacement, and distances in it. */
class AcrossCoordinate
{
public:
  AcrossCoordinate(Layout layout, const Points& points)
    : Circular(layout == Layout::Radial)
    , Values(points.rows())
  {
    for (Eigen::Index i = 0; i < points.rows(); ++i)
    {
      this->Values[i] = this->Circular ? std::atan2(points(i, 1), points(i, 0)) : points(i, 1);
    }
  }

  double Distance(int a, int b) const
  {
    const double offset = std::abs(this->Values[a] - this->Values[b]);
    return this->Circular ? std::min(offset, Turn - offset) : offset;
  }

  /** Mean distance between two points of a range of two or more. */
  double Spread(const Range& range) const
  {
    const std::vector<double> values = this->FromOneEnd(range);
    const std::size_t size = values.size();
    std::vector<double> sumBefore(size + 1, 0.0);
    std::partial_sum(values.begin(), values.end(), sumBefore.begin() + 1);
    double sum = 0.0;
    std::size_t far = 0; // the first value that is nearer the other way round, if any
    for (std::size_t i = 0; i < size; ++i)
    {
      far = std::max(far, i + 1);
      while (far < size && !(this->Circular && values[far] - values[i] > 0.5 * Turn))
      {
        ++far;
      }
      const auto near = static_cast<double>(far - i - 1);
      const auto others = static_cast<double>(size - far);
      sum += sumBefore[far] - sumBefore[i + 1] - near * values[i];
      sum += others * (Turn + values[i]) - (sumBefore[size] - sumBefore[far]);
    }
    return sum / (0.5 * range.Size() * (range.Size() - 1.0));
  }

private:
  static constexpr double Turn = 2.0 * Pi;

  /**
   * Values of a range, ascending from 0, which keeps the digits of those close together. A circle
   * is cut open in its largest gap.
   */
  std::vector<double> FromOneEnd(const Range& range) const
  {
    std::vector<double> values(
      this->Values.begin() + range.Begin, this->Values.begin() + range.End);
    std::sort(values.begin(), values.end());
    if (this->Circular)
    {
      auto start = values.begin();
      double largest = values.front() + Turn - values.back();
      for (auto value = values.begin() + 1; value != values.end(); ++value)
      {
        const double gap = *value - *(value - 1);
        if (gap > largest)
        {
          largest = gap;
          start = value;
        }
      }
      std::for_each(values.begin(), start, [](double& value) { value += Turn; });
      std::rotate(values.begin(), start, values.end());
    }
    const double first = values.front();
    for (double& value : values)
    {
      value -= first;
    }
    return values;
  }

  bool Circular;
  std::vector<double> Values;
};

/** The measures of a range of the elements' own. */
QualityMeasures Summarize(const QualityResult& of, const Range& range)
{
  const auto part = [&range](const Eigen::ArrayXd& values) -> Eigen::ArrayXd
  { return values.segment(range.Begin, range.Size()); };
  QualityMeasures measures;
  measures.Elements = range.Size();
  measures.Recall = Mean(part(of.Recall));
  measures.Trustworthiness = Mean(part(of.Trustworthiness));
  measures.Continuity = Mean(part(of.Continuity));
  measures.PromptHit = Mean(part(of.PromptHit));
  measures.DisplacementError = std::sqrt(Mean(part(of.DisplacementError).square()));
  measures.AlignmentError = Mean(part(of.AlignmentError));
  return measures;
}

/** At most `size` of the elements, in their order, the same each time. */
std::vector<int> Sample(const std::vector<int>& elements, int size)
{
  std::vector<int> chosen;
  std::sample(
    elements.begin(), elements.end(), std::back_inserter(chosen), size, std::mt19937_64(0));
  return chosen;
}
}

QualityResult MeasureQuality(
  const MeasuredEmbedding& embedding, const QualityParameters& parameters, const Monitor& monitor)
{
  Check(embedding, parameters);
  const int threads = ResolveThreads(parameters.Threads);
  const Arrangement arrangement = Arrange(embedding.Elements);
  const int count = arrangement.Size();
  const auto features = embedding.Elements.FeatureRows();
  const Points points = embedding.Position(arrangement.Element, Eigen::indexing::all);
  const std::vector<int> sample = Sample(arrangement.Element, parameters.SampleSize);

  QualityResult result;
  result.RecallOverAll = result.TrustworthinessOverAll = result.ContinuityOverAll = NotMeasured;
  Eigen::ArrayXd* const elementArrays[] = { &result.Recall, &result.Trustworthiness,
    &result.Continuity, &result.PromptHit, &result.DisplacementError, &result.AlignmentError };
  for (Eigen::ArrayXd* array : elementArrays)
  {
    array->setConstant(count, NotMeasured);
  }

  // Progress counts the pairs that are compared.
  const auto pairs = [](std::size_t size) { return static_cast<double>(size) * size; };
  double total = pairs(sample.size());
  for (const Range& ring : arrangement.Rings)
  {
    total += pairs(ring.Size());
  }
  double done = 0.0;
  const auto score =
    [&](std::string_view stage, const std::vector<int>& elements, const std::vector<int>& labels)
  {
    const double share = pairs(elements.size());
    NeighborhoodScores scores = ScoreNeighborhoods(features, embedding.Position, elements, labels,
      parameters.Neighbors, threads,
      [&](const Progress& progress)
      { return Continue(monitor, stage, (done + share * progress.Fraction) / total); });
    done += share;
    result.Stopped = scores.Stopped;
    return scores;
  };

  const AcrossCoordinate across(embedding.Layout, points);
  int reached = 0;
  for (const Range& ring : arrangement.Rings)
  {
    const NeighborhoodScores scores = score("Iterations",
      { arrangement.Element.begin() + ring.Begin, arrangement.Element.begin() + ring.End },
      embedding.Prompt);
    if (result.Stopped)
    {
      break;
    }
    reached = ring.End;
    result.Recall.segment(ring.Begin, ring.Size()) = scores.Recall;
    result.Trustworthiness.segment(ring.Begin, ring.Size()) = scores.Trustworthiness;
    result.Continuity.segment(ring.Begin, ring.Size()) = scores.Continuity;
    result.PromptHit.segment(ring.Begin, ring.Size()) = scores.LabelHit;

    const double spread = ring.Size() > 1 ? across.Spread(ring) : 0.0;
    for (int i = ring.Begin; i < ring.End; ++i)
    {
      const double displacement =
        DisplacementOf(embedding.Layout, points(i, 0), points(i, 1)).Value;
      result.DisplacementError[i] =
        (displacement - embedding.TargetDisplacement[arrangement.Element[i]]) /
        embedding.RingSpacing;
      if (arrangement.Previous[i] >= 0 && spread > 0.0)
      {
        result.AlignmentError[i] = across.Distance(arrangement.Previous[i], i) / spread;
      }
    }
  }

  for (const Range& ring : arrangement.Rings)
  {
    result.Iterations.push_back({ arrangement.Iteration[ring.Begin], Summarize(result, ring) });
  }
  result.Overall = Summarize(result, { 0, reached });

  if (!result.Stopped)
  {
    const NeighborhoodScores scores = score("All elements", sample, {});
    result.SampleSize = result.Stopped ? 0 : static_cast<int>(sample.size());
    result.RecallOverAll = Mean(scores.Recall);
    result.TrustworthinessOverAll = Mean(scores.Trustworthiness);
    result.ContinuityOverAll = Mean(scores.Continuity);
  }

  for (Eigen::ArrayXd* array : elementArrays)
  {
    const Eigen::ArrayXd sorted = *array;
    (*array)(arrangement.Element) = sorted;
  }
  return result;
}
}
