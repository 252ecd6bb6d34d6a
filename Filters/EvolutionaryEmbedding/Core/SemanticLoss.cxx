// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/SemanticLoss.h"

#include <algorithm>
#include <cmath>
#include <utility>

// Each point's sums are taken by one thread in a fixed order, and the points' sums are added in
// order: the bits do not depend on the number of threads.

namespace tdl
{
namespace
{
double Similarity(double offsetX, double offsetY)
{
  return 1.0 / (1.0 + offsetX * offsetX + offsetY * offsetY);
}

/** Sums over a point's range, the point itself left out. */
struct Repulsion
{
  double Similarity = 0.0;
  double X = 0.0;
  double Y = 0.0;
};

Repulsion Repel(const Points& points, int i, const Range& range)
{
  const double* x = points.col(0).data();
  const double* y = points.col(1).data();
  double sum = 0.0;
  double forceX = 0.0;
  double forceY = 0.0;
#pragma omp simd reduction(+ : sum, forceX, forceY)
  for (int j = range.Begin; j < range.End; ++j)
  {
    const double offsetX = x[i] - x[j];
    const double offsetY = y[i] - y[j];
    const double similarity = Similarity(offsetX, offsetY);
    sum += similarity;
    forceX += similarity * similarity * offsetX;
    forceY += similarity * similarity * offsetY;
  }
  return { sum - 1.0, forceX, forceY };
}
}

SemanticLoss::SemanticLoss(
  Affinities affinities, std::vector<Range> ranges, std::vector<double> scales, int threads)
  : P(std::move(affinities))
  , Ranges(std::move(ranges))
  , Scales(std::move(scales))
{
  double pairs = 0.0;
  for (std::size_t r = 0; r < this->Ranges.size(); ++r)
  {
    const int size = this->Ranges[r].Size();
    this->RangeOf.insert(this->RangeOf.end(), size, static_cast<int>(r));
    pairs += static_cast<double>(size) * size;
  }
  // Waking a thread takes about as long as this many pairs.
  constexpr double pairsPerThread = 50000.0;
  this->Threads = static_cast<int>(std::clamp(pairs / pairsPerThread, 1.0, double(threads)));
}

Points SemanticLoss::Scaled(const Points& points) const
{
  Points scaled = points;
  for (std::size_t r = 0; r < this->Ranges.size(); ++r)
  {
    scaled.middleRows(this->Ranges[r].Begin, this->Ranges[r].Size()) *= this->Scales[r];
  }
  return scaled;
}

std::vector<double> SemanticLoss::Normalizations(const Eigen::ArrayXd& similarities) const
{
  std::vector<double> result;
  for (const Range& range : this->Ranges)
  {
    result.push_back(similarities.segment(range.Begin, range.Size()).sum());
  }
  return result;
}

double SemanticLoss::Evaluate(const Points& points, Eigen::ArrayXd& parts) const
{
  const int count = static_cast<int>(points.rows());
  const Points scaled = this->Scaled(points);
  Eigen::ArrayXd similarities(count);
  Eigen::ArrayXd mass(count); // sum of p_ij over j
#pragma omp parallel for schedule(dynamic, 16) num_threads(this->Threads)
  for (int i = 0; i < count; ++i)
  {
    similarities[i] = Repel(scaled, i, this->Ranges[this->RangeOf[i]]).Similarity;
    mass[i] = 0.0;
    parts[i] = 0.0;
    for (std::int64_t entry = this->P.Offset[i]; entry < this->P.Offset[i + 1]; ++entry)
    {
      const int j = this->P.Column[entry];
      const double p = this->P.Value[entry];
      mass[i] += p;
      parts[i] +=
        p * std::log(p / Similarity(scaled(i, 0) - scaled(j, 0), scaled(i, 1) - scaled(j, 1)));
    }
  }

  // q_ij is the similarity over the normalization z: p log(p / q) = p log(p / similarity) + p log
  // z.
  const std::vector<double> normalizations = this->Normalizations(similarities);
  const double factor = static_cast<double>(count) / static_cast<double>(this->Ranges.size());
  for (int i = 0; i < count; ++i)
  {
    if (mass[i] > 0.0)
    {
      parts[i] = factor * (parts[i] + mass[i] * std::log(normalizations[this->RangeOf[i]]));
    }
  }
  return std::max(0.0, parts.mean());
}

void SemanticLoss::AddGradient(const Points& points, double exaggeration, Points& gradient) const
{
  const int count = static_cast<int>(points.rows());
  const Points scaled = this->Scaled(points);
  Eigen::ArrayXd similarities(count);
  Points attraction(count, 2);
  Points repulsion(count, 2);
#pragma omp parallel for schedule(dynamic, 16) num_threads(this->Threads)
  for (int i = 0; i < count; ++i)
  {
    double forceX = 0.0;
    double forceY = 0.0;
    for (std::int64_t entry = this->P.Offset[i]; entry < this->P.Offset[i + 1]; ++entry)
    {
      const int j = this->P.Column[entry];
      const double offsetX = scaled(i, 0) - scaled(j, 0);
      const double offsetY = scaled(i, 1) - scaled(j, 1);
      const double force = this->P.Value[entry] * Similarity(offsetX, offsetY);
      forceX += force * offsetX;
      forceY += force * offsetY;
    }
    const Repulsion sums = Repel(scaled, i, this->Ranges[this->RangeOf[i]]);
    similarities[i] = sums.Similarity;
    attraction.row(i) << forceX, forceY;
    repulsion.row(i) << sums.X, sums.Y;
  }

  const std::vector<double> normalizations = this->Normalizations(similarities);
  const double share = 4.0 / static_cast<double>(this->Ranges.size());
  for (std::size_t r = 0; r < this->Ranges.size(); ++r)
  {
    const Range& range = this->Ranges[r];
    if (range.Size() > 1) // a single point has nothing to be compared with
    {
      gradient.middleRows(range.Begin, range.Size()) += share * this->Scales[r] *
        (exaggeration * attraction.middleRows(range.Begin, range.Size()) -
          repulsion.middleRows(range.Begin, range.Size()) / normalizations[r]);
    }
  }
}
}
