// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Divergence/Core/Separability.h"

#include "Filters/Divergence/Core/MergeTree.h"
#include "Filters/EvolutionaryEmbedding/Core/Simd.h"
#include "Filters/Foundation/ForEach.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <random>

namespace tdl
{
namespace
{
/** Queries that are scored at a time; fixed, so that sums do not depend on the threads. */
constexpr int BlockSize = 16;

/** Squared distances of a row to all rows, n x D, by column. Equal rows are equally far. */
TDL_SIMD_CLONES
void SquaredDistances(
  const double* features, Eigen::Index count, Eigen::Index dimension, Eigen::Index row, double* out)
{
  std::fill(out, out + count, 0.0);
  for (Eigen::Index d = 0; d < dimension; ++d)
  {
    const double* column = features + d * count;
    const double own = column[row];
    for (Eigen::Index i = 0; i < count; ++i)
    {
      const double difference = column[i] - own;
      out[i] += difference * difference;
    }
  }
}

struct Candidate
{
  double Distance = 0.0;
  int Unit = 0;
};

/** Elements of a label by distance, sorted as far as somebody looks. */
class NearestFirst
{
public:
  void Clear()
  {
    this->Candidates.clear();
    this->Sorted = 0;
  }

  void Add(const Candidate& candidate) { this->Candidates.push_back(candidate); }

  int Size() const { return static_cast<int>(this->Candidates.size()); }

  const Candidate& operator[](int i)
  {
    if (i >= this->Sorted)
    {
      const int sorted = std::min(this->Size(), std::max(16, 2 * (i + 1)));
      const auto begin = this->Candidates.begin();
      std::partial_sort(begin + this->Sorted, begin + sorted, this->Candidates.end(),
        [](const Candidate& a, const Candidate& b) { return a.Distance < b.Distance; });
      this->Sorted = sorted;
    }
    return this->Candidates[i];
  }

  /** Distance of the i-th nearest; infinite behind the last. */
  double Distance(int i)
  {
    return i < this->Size() ? (*this)[i].Distance : std::numeric_limits<double>::infinity();
  }

private:
  std::vector<Candidate> Candidates;
  int Sorted = 0;
};

/** How often the elements from `i` on that lie at this distance occur; `i` moves behind them. */
double TakeTied(
  NearestFirst& elements, double distance, const std::vector<int>& multiplicity, int& i)
{
  int found = 0;
  for (; elements.Distance(i) == distance; ++i)
  {
    found += multiplicity[elements[i].Unit];
  }
  return found;
}

/** The elements of two labels by distance, as far as somebody looks, for one resample after
 * another.
 */
class MergedNeighbors
{
public:
  MergedNeighbors(NearestFirst& own, NearestFirst& other)
    : Own(own)
    , Other(other)
  {
  }

  /**
   * Share of `own` among the k nearest, each label weighted by the inverse of its number.
   * @param ownCount,otherCount > 0: how often the elements of the label occur.
   */
  double OwnShare(
    double ownCount, double otherCount, const std::vector<int>& multiplicity, int neighbors)
  {
    double ownFound = 0.0;
    double otherFound = 0.0;
    double wanted = neighbors;
    for (std::size_t i = 0; wanted > 0.0 && (i < this->Entries.size() || this->Extend());)
    {
      int found[2] = { 0, 0 };
      bool tied = true;
      for (; tied; ++i)
      {
        const Entry& entry = this->Entries[i];
        found[entry.IsOwn] += multiplicity[entry.Unit];
        tied = entry.TiedWithNext;
      }
      const int all = found[0] + found[1];
      if (all <= wanted)
      {
        ownFound += found[1];
        otherFound += found[0];
        wanted -= all;
      }
      else
      {
        ownFound += wanted * found[1] / all;
        otherFound += wanted * found[0] / all;
        wanted = 0.0;
      }
    }
    return ownFound / ownCount / (ownFound / ownCount + otherFound / otherCount);
  }

private:
  struct Entry
  {
    int Unit = 0;
    bool IsOwn = false;
    bool TiedWithNext = false;
  };

  /** Adds those that are equally far and next; returns whether there are any. */
  bool Extend()
  {
    const double distance =
      std::min(this->Own.Distance(this->NextOwn), this->Other.Distance(this->NextOther));
    if (distance == std::numeric_limits<double>::infinity())
    {
      return false;
    }
    for (; this->Own.Distance(this->NextOwn) == distance; ++this->NextOwn)
    {
      this->Entries.push_back({ this->Own[this->NextOwn].Unit, true, true });
    }
    for (; this->Other.Distance(this->NextOther) == distance; ++this->NextOther)
    {
      this->Entries.push_back({ this->Other[this->NextOther].Unit, false, true });
    }
    this->Entries.back().TiedWithNext = false;
    return true;
  }

  NearestFirst& Own;
  NearestFirst& Other;
  int NextOwn = 0;
  int NextOther = 0;
  std::vector<Entry> Entries;
};

/** Label of most of the k nearest; of equally many the one that comes nearest, or else -1. */
int Majority(
  std::vector<NearestFirst>& byLabel, const std::vector<int>& multiplicity, int neighbors)
{
  const auto labels = static_cast<int>(byLabel.size());
  std::vector<int> next(labels, 0);
  std::vector<double> votes(labels, 0.0);
  std::vector<double> tied(labels, 0.0);
  double wanted = neighbors;
  while (wanted > 0.0)
  {
    double distance = std::numeric_limits<double>::infinity();
    for (int label = 0; label < labels; ++label)
    {
      distance = std::min(distance, byLabel[label].Distance(next[label]));
    }
    if (distance == std::numeric_limits<double>::infinity())
    {
      break;
    }
    double all = 0.0;
    for (int label = 0; label < labels; ++label)
    {
      tied[label] = TakeTied(byLabel[label], distance, multiplicity, next[label]);
      all += tied[label];
    }
    const double share = std::min(1.0, wanted / all);
    for (int label = 0; label < labels; ++label)
    {
      votes[label] += share * tied[label];
    }
    wanted -= share * all;
  }
  constexpr double rounding = 1e-9;
  const double most = *std::max_element(votes.begin(), votes.end()) - rounding;
  int winner = -1;
  double nearest = std::numeric_limits<double>::infinity();
  for (int label = 0; label < labels; ++label)
  {
    const double distance = byLabel[label].Distance(0);
    if (votes[label] >= most && distance <= nearest)
    {
      winner = distance < nearest ? label : -1;
      nearest = distance;
    }
  }
  return winner;
}

/** Labels x resamples: sums over elements, and how many elements they are over. */
struct Sums
{
  Eigen::ArrayXXd Value;
  Eigen::ArrayXXd Weight;

  Sums(Eigen::Index rows, Eigen::Index columns)
    : Value(Eigen::ArrayXXd::Zero(rows, columns))
    , Weight(Eigen::ArrayXXd::Zero(rows, columns))
  {
  }
};

class RingScorer
{
public:
  RingScorer(const ComparedRing& ring, const std::vector<std::vector<int>>& resamples,
    const ActivePairs& active, int neighbors)
    : Ring(ring)
    , Resamples(resamples)
    , Active(active)
    , Neighbors(neighbors)
    , LabelCounts(Eigen::ArrayXXi::Zero(ring.Labels, static_cast<Eigen::Index>(resamples.size())))
  {
    for (std::size_t i = 0; i < ring.Label.size(); ++i)
    {
      for (std::size_t r = 0; r < resamples.size(); ++r)
      {
        this->LabelCounts(ring.Label[i], static_cast<Eigen::Index>(r)) +=
          resamples[r][ring.Unit[i]];
      }
    }
  }

  /** Adds the shares of elements [begin, end), which have one label; sets their neighborhoods. */
  void Score(int begin, int end, Sums& sums, std::vector<int>& neighborhoods) const
  {
    std::vector<double> distances(this->Ring.Label.size());
    std::vector<NearestFirst> byLabel(this->Ring.Labels);
    for (int query = begin; query < end; ++query)
    {
      SquaredDistances(this->Ring.Features.data(), this->Ring.Features.rows(),
        this->Ring.Features.cols(), query, distances.data());
      Eigen::ArrayXi related = Eigen::ArrayXi::Zero(this->Ring.Labels);
      for (NearestFirst& elements : byLabel)
      {
        elements.Clear();
      }
      for (std::size_t i = 0; i < distances.size(); ++i)
      {
        if (this->Ring.Unit[i] == this->Ring.Unit[query])
        {
          ++related[this->Ring.Label[i]];
        }
        else
        {
          byLabel[this->Ring.Label[i]].Add({ distances[i], this->Ring.Unit[i] });
        }
      }
      for (int other = 0; other < this->Ring.Labels; ++other)
      {
        if (other != this->Ring.Label[query])
        {
          this->AddShares(query, other, related, byLabel, sums);
        }
      }
      int smallest = std::numeric_limits<int>::max();
      for (const NearestFirst& elements : byLabel)
      {
        smallest = elements.Size() > 0 ? std::min(smallest, elements.Size()) : smallest;
      }
      neighborhoods[query] =
        Majority(byLabel, this->Resamples.front(), this->LoweredNeighbors(smallest));
    }
  }

private:
  /** Half of the smaller label at most: what is apart shall be told from what is inseparable. */
  int LoweredNeighbors(int available) const
  {
    return std::min(this->Neighbors, available / 2 + available % 2);
  }

  void AddShares(int query, int other, const Eigen::ArrayXi& related,
    std::vector<NearestFirst>& byLabel, Sums& sums) const
  {
    const int label = this->Ring.Label[query];
    const int pair = PairIndex(std::min(label, other), std::max(label, other), this->Ring.Labels);
    const int neighbors =
      this->LoweredNeighbors(std::min(byLabel[label].Size(), byLabel[other].Size()));
    MergedNeighbors merged(byLabel[label], byLabel[other]);
    for (std::size_t r = 0; r < this->Resamples.size(); ++r)
    {
      const auto column = static_cast<Eigen::Index>(r);
      const int times = this->Resamples[r][this->Ring.Unit[query]];
      if (times == 0 || !this->Active(pair, column))
      {
        continue;
      }
      const int ownCount = this->LabelCounts(label, column) - times * related[label];
      const int otherCount = this->LabelCounts(other, column) - times * related[other];
      if (ownCount > 0 && otherCount > 0)
      {
        sums.Value(other, column) +=
          times * merged.OwnShare(ownCount, otherCount, this->Resamples[r], neighbors);
        sums.Weight(other, column) += times;
      }
    }
  }

  const ComparedRing& Ring;
  const std::vector<std::vector<int>>& Resamples;
  const ActivePairs& Active;
  int Neighbors;
  /** Labels x resamples: how often the elements of a label occur. */
  Eigen::ArrayXXi LabelCounts;
};
}

std::vector<std::vector<int>> Resample(
  const std::vector<int>& strata, int count, std::uint64_t seed)
{
  std::map<int, std::vector<int>> unitsOf;
  for (std::size_t unit = 0; unit < strata.size(); ++unit)
  {
    unitsOf[strata[unit]].push_back(static_cast<int>(unit));
  }
  std::mt19937_64 random(seed);
  std::vector<std::vector<int>> resamples(1, std::vector<int>(strata.size(), 1));
  for (int r = 0; r < count; ++r)
  {
    std::vector<int> times(strata.size(), 0);
    for (const auto& [stratum, units] : unitsOf)
    {
      std::uniform_int_distribution<std::size_t> draw(0, units.size() - 1);
      std::size_t different = 0;
      while (different < std::min<std::size_t>(units.size(), 2))
      {
        for (int unit : units)
        {
          times[unit] = 0;
        }
        different = 0;
        for (std::size_t i = 0; i < units.size(); ++i)
        {
          different += times[units[draw(random)]]++ == 0 ? 1 : 0;
        }
      }
    }
    resamples.push_back(std::move(times));
  }
  return resamples;
}

RingScores ScoreRing(const ComparedRing& ring, const std::vector<std::vector<int>>& resamples,
  const ActivePairs& active, int neighbors, int threads, const Monitor& monitor)
{
  const auto count = static_cast<int>(ring.Label.size());
  const auto columns = static_cast<Eigen::Index>(resamples.size());
  const RingScorer scorer(ring, resamples, active, neighbors);

  std::vector<int> begins;
  for (int i = 0; i < count; ++i)
  {
    if (begins.empty() || i - begins.back() == BlockSize || ring.Label[i] != ring.Label[i - 1])
    {
      begins.push_back(i);
    }
  }
  begins.push_back(count);
  const auto blocks = static_cast<int>(begins.size()) - 1;

  RingScores scores;
  scores.Neighborhood.assign(count, -1);
  std::vector<Sums> ofLabel(ring.Labels, Sums(ring.Labels, columns));
  // Blocks between two calls of the monitor: for about a tenth of a second.
  using Clock = std::chrono::steady_clock;
  int batch = 2 * threads;
  for (int first = 0, size = 0; first < blocks; first += size)
  {
    if (!Continue(monitor, "Neighborhoods", static_cast<double>(first) / blocks))
    {
      scores.Stopped = true;
      return scores;
    }
    const auto start = Clock::now();
    size = std::min(batch, blocks - first);
    std::vector<Sums> ofBlock(size, Sums(ring.Labels, columns));
    ForEach(size, threads,
      [&](int b)
      { scorer.Score(begins[first + b], begins[first + b + 1], ofBlock[b], scores.Neighborhood); });
    for (int b = 0; b < size; ++b)
    {
      Sums& sums = ofLabel[ring.Label[begins[first + b]]];
      sums.Value += ofBlock[b].Value;
      sums.Weight += ofBlock[b].Weight;
    }
    if (Clock::now() - start < std::chrono::milliseconds(50))
    {
      batch *= 2;
    }
  }

  scores.Separability.resize(active.rows(), columns);
  for (int a = 0; a < ring.Labels; ++a)
  {
    for (int b = a + 1; b < ring.Labels; ++b)
    {
      // 0 / 0 is NaN where nothing was compared.
      scores.Separability.row(PairIndex(a, b, ring.Labels)) =
        0.5 * (ofLabel[a].Value.row(b) / ofLabel[a].Weight.row(b)) +
        0.5 * (ofLabel[b].Value.row(a) / ofLabel[b].Weight.row(a));
    }
  }
  return scores;
}
}
