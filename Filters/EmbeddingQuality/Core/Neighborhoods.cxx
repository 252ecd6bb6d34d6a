// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EmbeddingQuality/Core/Neighborhoods.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace tdl
{
namespace
{
/** The others of an element by distance; ties go to the smaller index. */
class Ranking
{
public:
  Ranking(const Vectors& rows, int element, int neighbors)
    : Element(element)
    , Distances((rows.rowwise() - rows.row(element)).rowwise().squaredNorm())
  {
    std::vector<int> others;
    for (int other = 0; other < this->Distances.size(); ++other)
    {
      if (other != element)
      {
        others.push_back(other);
      }
    }
    this->Nearest.resize(neighbors);
    std::partial_sort_copy(others.begin(), others.end(), this->Nearest.begin(), this->Nearest.end(),
      [this](int a, int b) { return this->IsNearer(a, b); });
  }

  const std::vector<int>& GetNearest() const { return this->Nearest; }

  bool IsNear(int other) const { return !this->IsNearer(this->Nearest.back(), other); }

  /** 1 for the nearest. */
  int Rank(int other) const
  {
    int rank = 1;
    for (int candidate = 0; candidate < this->Distances.size(); ++candidate)
    {
      rank += candidate != this->Element && this->IsNearer(candidate, other) ? 1 : 0;
    }
    return rank;
  }

private:
  bool IsNearer(int a, int b) const
  {
    return std::make_pair(this->Distances[a], a) < std::make_pair(this->Distances[b], b);
  }

  int Element;
  Eigen::VectorXd Distances;
  std::vector<int> Nearest;
};

/** Sum of how far those near in `here` lie beyond the neighborhood in `there`. */
double Excess(const Ranking& here, const Ranking& there, int neighbors)
{
  double sum = 0.0;
  for (int other : here.GetNearest())
  {
    if (!there.IsNear(other))
    {
      sum += there.Rank(other) - neighbors;
    }
  }
  return sum;
}
}

NeighborhoodScores ScoreNeighborhoods(const Vectors& features, const Vectors& points,
  const std::vector<int>& labels, int neighbors, int threads)
{
  const int count = static_cast<int>(features.rows());
  const int k = std::min(neighbors, (count - 1) / 2);
  NeighborhoodScores scores;
  scores.Neighbors = k;
  for (Eigen::ArrayXd* array :
    { &scores.Recall, &scores.Trustworthiness, &scores.Continuity, &scores.LabelHit })
  {
    array->setConstant(count, std::numeric_limits<double>::quiet_NaN());
  }
  if (k < 1)
  {
    return scores;
  }

  const double normalization = 2.0 / (static_cast<double>(k) * (2.0 * count - 3.0 * k - 1.0));
#pragma omp parallel for schedule(dynamic, 16) num_threads(threads)
  for (int element = 0; element < count; ++element)
  {
    const Ranking original(features, element, k);
    const Ranking embedded(points, element, k);
    int kept = 0;
    int sameLabel = 0;
    for (int other : embedded.GetNearest())
    {
      kept += original.IsNear(other) ? 1 : 0;
      sameLabel += !labels.empty() && labels[other] == labels[element] ? 1 : 0;
    }
    scores.Recall[element] = static_cast<double>(kept) / k;
    scores.Trustworthiness[element] = 1.0 - normalization * Excess(embedded, original, k);
    scores.Continuity[element] = 1.0 - normalization * Excess(original, embedded, k);
    if (!labels.empty())
    {
      scores.LabelHit[element] = static_cast<double>(sameLabel) / k;
    }
  }
  return scores;
}
}
