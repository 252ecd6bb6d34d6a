// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EmbeddingQuality/Core/EmbeddingQuality.h"

#include "Filters/EmbeddingQuality/Core/Neighborhoods.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Threads.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>

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
    constexpr double turn = 2.0 * 3.14159265358979323846;
    const double offset = std::abs(this->Values[a] - this->Values[b]);
    return this->Circular ? std::min(offset, turn - offset) : offset;
  }

  /** Mean distance between two points of a range. */
  double Spread(const Range& range) const
  {
    double sum = 0.0;
    for (int a = range.Begin; a < range.End; ++a)
    {
      for (int b = range.Begin; b < a; ++b)
      {
        sum += this->Distance(a, b);
      }
    }
    return sum / (0.5 * range.Size() * (range.Size() - 1.0));
  }

private:
  bool Circular;
  Eigen::ArrayXd Values;
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

/** `size` of the numbers below `count`, ascending, the same each time. */
std::vector<int> Sample(int count, int size)
{
  std::vector<int> all(count);
  std::iota(all.begin(), all.end(), 0);
  std::vector<int> chosen;
  std::sample(all.begin(), all.end(), std::back_inserter(chosen), size, std::mt19937_64(0));
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
  const Vectors features = PrepareFeatures(embedding.Elements, arrangement, Metric::Euclidean);
  const Points points = embedding.Position(arrangement.Element, Eigen::indexing::all);
  const Vectors pointRows = points.matrix();

  QualityResult result;
  result.RecallOverAll = result.TrustworthinessOverAll = result.ContinuityOverAll = NotMeasured;
  Eigen::ArrayXd* const elementArrays[] = { &result.Recall, &result.Trustworthiness,
    &result.Continuity, &result.PromptHit, &result.DisplacementError, &result.AlignmentError };
  for (Eigen::ArrayXd* array : elementArrays)
  {
    array->setConstant(count, NotMeasured);
  }

  const AcrossCoordinate across(embedding.Layout, points);
  int done = 0;
  for (const Range& ring : arrangement.Rings)
  {
    // The neighborhoods over all elements take the other half of the progress.
    result.Stopped = !Continue(monitor, "Iterations", 0.5 * done / count);
    if (result.Stopped)
    {
      break;
    }
    done = ring.End;
    std::vector<int> labels;
    for (int i = ring.Begin; i < ring.End && !embedding.Prompt.empty(); ++i)
    {
      labels.push_back(embedding.Prompt[arrangement.Element[i]]);
    }
    const NeighborhoodScores scores =
      ScoreNeighborhoods(features.middleRows(ring.Begin, ring.Size()),
        pointRows.middleRows(ring.Begin, ring.Size()), labels, parameters.Neighbors, threads);
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
  result.Overall = Summarize(result, { 0, count });

  if (!result.Stopped && Continue(monitor, "All elements", 0.5))
  {
    const std::vector<int> sample = Sample(count, std::min(count, parameters.SampleSize));
    const NeighborhoodScores scores = ScoreNeighborhoods(features(sample, Eigen::indexing::all),
      pointRows(sample, Eigen::indexing::all), {}, parameters.Neighbors, threads);
    result.SampleSize = static_cast<int>(sample.size());
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
