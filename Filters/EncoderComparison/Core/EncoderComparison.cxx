// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EncoderComparison/Core/EncoderComparison.h"

#include "Filters/EncoderComparison/Core/Agreement.h"
#include "Filters/EvolutionaryEmbedding/Core/Neighbors.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Threads.h"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <utility>

namespace tdl
{
namespace
{
constexpr double NotMeasured = std::numeric_limits<double>::quiet_NaN();

void Check(const std::vector<EncodedElements>& encoders, const ComparisonParameters& parameters)
{
  if (encoders.empty())
  {
    throw ParameterError("There is no encoder to compare; connect a feature table of each.");
  }
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
  for (const EncodedElements& encoder : encoders)
  {
    const auto count = static_cast<std::size_t>(encoder.Elements.Count);
    for (const std::size_t size :
      { encoder.Prompt.size(), encoder.Group.size(), encoder.Seed.size() })
    {
      if (size != 0 && size != count)
      {
        throw DataError("Of the " + std::to_string(count) + " elements of " + encoder.Name + ", " +
          std::to_string(size) + " have a prompt, group or seed; give one to each or to none.");
      }
    }
  }
}

Arrangement ArrangeNamed(const EncodedElements& encoder)
{
  try
  {
    return Arrange(encoder.Elements);
  }
  catch (const DataError& error)
  {
    throw DataError("Features of " + encoder.Name + ": " + error.what());
  }
}

std::string Tell(const std::pair<int, int>& element)
{
  return "iteration " + std::to_string(element.first) + " of instance " +
    std::to_string(element.second);
}

/** Iteration and instance of the element at a sorted position. */
std::pair<int, int> KeyAt(
  const EncodedElements& encoder, const Arrangement& arrangement, int position)
{
  return { arrangement.Iteration[position],
    encoder.Elements.Instance[arrangement.Element[position]] };
}

/** Checks that an encoder has the elements and prompts that the first has. */
void CheckSame(const EncodedElements& first, const Arrangement& ofFirst,
  const EncodedElements& other, const Arrangement& ofOther)
{
  constexpr char remedy[] = "; connect features of the same images.";
  const auto refuse =
    [&](const EncodedElements& with, const EncodedElements& without, const std::pair<int, int>& key)
  {
    throw DataError("The features of " + with.Name + " have a row for " + Tell(key) +
      ", those of " + without.Name + " have none" + remedy);
  };
  const int common = std::min(ofFirst.Size(), ofOther.Size());
  for (int position = 0; position < common; ++position)
  {
    const auto key = KeyAt(first, ofFirst, position);
    const auto otherKey = KeyAt(other, ofOther, position);
    if (key < otherKey)
    {
      refuse(first, other, key);
    }
    if (otherKey < key)
    {
      refuse(other, first, otherKey);
    }
    if (!first.Prompt.empty() && !other.Prompt.empty())
    {
      const int prompt = first.Prompt[ofFirst.Element[position]];
      const int otherPrompt = other.Prompt[ofOther.Element[position]];
      if (prompt != otherPrompt)
      {
        throw DataError("By the features of " + first.Name + ", " + Tell(key) + " has prompt " +
          std::to_string(prompt) + ", by those of " + other.Name + " prompt " +
          std::to_string(otherPrompt) + remedy);
      }
    }
  }
  if (ofFirst.Size() > common)
  {
    refuse(first, other, KeyAt(first, ofFirst, common));
  }
  if (ofOther.Size() > common)
  {
    refuse(other, first, KeyAt(other, ofOther, common));
  }
}

/** Values of elements in sorted order. */
template <typename Value>
std::vector<Value> Sorted(const std::vector<Value>& values, const Arrangement& arrangement)
{
  std::vector<Value> sorted;
  if (!values.empty())
  {
    sorted.reserve(values.size());
    for (int element : arrangement.Element)
    {
      sorted.push_back(values[element]);
    }
  }
  return sorted;
}

/** Features of some sorted positions. */
Vectors TakeRows(
  const EncodedElements& encoder, const Arrangement& arrangement, const std::vector<int>& positions)
{
  const auto features = encoder.Elements.FeatureRows();
  Vectors rows(static_cast<Eigen::Index>(positions.size()), features.cols());
  for (std::size_t i = 0; i < positions.size(); ++i)
  {
    rows.row(static_cast<Eigen::Index>(i)) = features.row(arrangement.Element[positions[i]]);
  }
  return rows;
}

/** Sorted indices of the `size` nearest of each row. */
class NeighborSets
{
public:
  NeighborSets(const Vectors& rows, int size, int threads, const Tick& tick)
    : Size(size)
    , Index(static_cast<std::size_t>(rows.rows()) * size)
  {
    const Range all{ 0, static_cast<int>(rows.rows()) };
    const NeighborSearch search(
      rows, all, size, threads, [&tick](double done) { tick(0.1 * done); });
    const NeighborTable table =
      search.Find(all, threads, [&tick](double done) { tick(0.1 + 0.9 * done); });
    for (int place = 0; place < all.End; ++place)
    {
      const auto set = this->Of(search.RowAt(place));
      std::transform(table.Index.begin() + static_cast<std::ptrdiff_t>(place) * size,
        table.Index.begin() + static_cast<std::ptrdiff_t>(place + 1) * size, set,
        [&search](int found) { return search.RowAt(found); });
      std::sort(set, set + size);
    }
  }

  /** Mean share of the neighbors of a row that are its neighbors in the other sets too. */
  double Overlap(const NeighborSets& other) const
  {
    std::size_t common = 0;
    for (std::size_t begin = 0; begin < this->Index.size(); begin += this->Size)
    {
      auto a = this->Index.begin() + static_cast<std::ptrdiff_t>(begin);
      auto b = other.Index.begin() + static_cast<std::ptrdiff_t>(begin);
      const auto endA = a + this->Size;
      const auto endB = b + this->Size;
      while (a != endA && b != endB)
      {
        common += *a == *b ? 1 : 0;
        const bool nextA = *a <= *b;
        const bool nextB = *b <= *a;
        a += nextA ? 1 : 0;
        b += nextB ? 1 : 0;
      }
    }
    return static_cast<double>(common) / static_cast<double>(this->Index.size());
  }

  /** Mean share of the neighbors of a row that have its label. @param labels [n]. */
  double Hit(const int* labels) const
  {
    std::size_t hits = 0;
    for (std::size_t i = 0; i < this->Index.size(); ++i)
    {
      hits += labels[this->Index[i]] == labels[i / this->Size] ? 1 : 0;
    }
    return static_cast<double>(hits) / static_cast<double>(this->Index.size());
  }

private:
  std::vector<int>::iterator Of(int row)
  {
    return this->Index.begin() + static_cast<std::ptrdiff_t>(row) * this->Size;
  }

  int Size;
  std::vector<int> Index;
};

/** Share of pairs of two elements that have the same label. @param labels [n >= 2]. */
double PairShare(const int* labels, int count)
{
  std::map<int, double> times;
  for (int i = 0; i < count; ++i)
  {
    ++times[labels[i]];
  }
  double pairs = 0.0;
  for (const auto& [label, number] : times)
  {
    pairs += number * (number - 1.0);
  }
  return pairs / (static_cast<double>(count) * (count - 1.0));
}

/** Numbers below `count`, `size` of them at most, ascending, the same each time. */
std::vector<int> Sample(int count, int size)
{
  std::vector<int> all(count);
  std::iota(all.begin(), all.end(), 0);
  std::vector<int> chosen;
  std::sample(all.begin(), all.end(), std::back_inserter(chosen), size, std::mt19937_64(0));
  return chosen;
}

/** Measures an encoder's neighborhoods, and what they have in common with the earlier encoders'. */
struct Comparison
{
  const std::vector<EncodedElements>& Encoders;
  const std::vector<Arrangement>& Arrangements;
  const ComparisonParameters& Parameters;
  int Threads;
  /** Labels in sorted order, or empty. */
  std::vector<int> Prompts;
  std::vector<int> Groups;

  IterationComparison Measure(Range ring, const Tick& tick) const
  {
    const auto encoders = static_cast<int>(this->Encoders.size());
    IterationComparison result;
    result.Iteration = this->Arrangements.front().Iteration[ring.Begin];
    result.Elements = ring.Size();
    result.PromptChance = Chance(this->Prompts, ring);
    result.GroupChance = Chance(this->Groups, ring);

    constexpr double neighborShare = 0.5; // of the time
    std::vector<int> positions(ring.Size());
    std::iota(positions.begin(), positions.end(), ring.Begin);
    const int k = std::min(this->Parameters.Neighbors, (ring.Size() - 1) / 2);
    std::vector<std::unique_ptr<NeighborSets>> neighbors(encoders);
    for (int e = 0; e < encoders && k > 0; ++e)
    {
      const Vectors rows = TakeRows(this->Encoders[e], this->Arrangements[e], positions);
      if (!IsConstant(rows))
      {
        neighbors[e] = std::make_unique<NeighborSets>(rows, k, this->Threads,
          [&](double done) { tick(neighborShare * (e + done) / encoders); });
      }
    }
    for (int a = 0; a < encoders; ++a)
    {
      const auto hit = [&](const std::vector<int>& labels) {
        return neighbors[a] && !labels.empty() ? neighbors[a]->Hit(&labels[ring.Begin])
                                               : NotMeasured;
      };
      result.PromptHit.push_back(hit(this->Prompts));
      result.GroupHit.push_back(hit(this->Groups));
      for (int b = a + 1; b < encoders; ++b)
      {
        result.Overlap.push_back(
          neighbors[a] && neighbors[b] ? neighbors[a]->Overlap(*neighbors[b]) : NotMeasured);
      }
    }

    std::vector<int> sample = Sample(ring.Size(), this->Parameters.SampleSize);
    result.Sample = static_cast<int>(sample.size());
    for (int& position : sample)
    {
      position += ring.Begin;
    }
    std::vector<Vectors> encodings;
    encodings.reserve(encoders);
    for (int e = 0; e < encoders; ++e)
    {
      encodings.push_back(TakeRows(this->Encoders[e], this->Arrangements[e], sample));
    }
    Agreement agreement = MeasureAgreement(encodings, this->Threads,
      [&](double done) { tick(neighborShare + (1.0 - neighborShare) * done); });
    result.CKA = std::move(agreement.CKA);
    result.DistanceCorrelation = std::move(agreement.DistanceCorrelation);
    return result;
  }

private:
  static double Chance(const std::vector<int>& labels, Range ring)
  {
    return labels.empty() || ring.Size() < 2 ? NotMeasured
                                             : PairShare(&labels[ring.Begin], ring.Size());
  }
};

/** An encoder's elements with the prompts and seeds of the first one, [N] in sorted order. */
LabeledElements Label(const EncodedElements& encoder, const Arrangement& arrangement,
  const std::vector<int>& prompts, const std::vector<std::int64_t>& seeds)
{
  LabeledElements elements;
  elements.Elements = encoder.Elements;
  elements.Kind = "prompt";
  elements.Label.resize(prompts.size());
  elements.Seed.resize(seeds.size());
  for (int position = 0; position < arrangement.Size(); ++position)
  {
    elements.Label[arrangement.Element[position]] = prompts[position];
    if (!seeds.empty())
    {
      elements.Seed[arrangement.Element[position]] = seeds[position];
    }
  }
  elements.Prompt = elements.Label;
  return elements;
}

/** Sets the separations of all encoders, or says why there are none. */
void FindSeparations(const Comparison& comparison, const std::vector<std::int64_t>& seeds,
  const Monitor& monitor, double begin, ComparisonResult& result)
{
  const double share = (1.0 - begin) / static_cast<double>(comparison.Encoders.size());
  DivergenceParameters parameters;
  parameters.Threads = comparison.Threads;
  std::vector<std::vector<Separation>> separations;
  for (std::size_t e = 0; e < comparison.Encoders.size(); ++e)
  {
    const double done = begin + share * static_cast<double>(e);
    const LabeledElements elements =
      Label(comparison.Encoders[e], comparison.Arrangements[e], comparison.Prompts, seeds);
    DivergenceResult divergence;
    try
    {
      divergence = MeasureDivergence(elements, parameters,
        [&](const Progress& progress)
        { return Continue(monitor, "Separations", done + share * progress.Fraction); });
    }
    catch (const DataError& error)
    {
      // What it demands of the elements is checked; prompts and seeds do not have to allow for it.
      result.WithoutSeparations = error.what();
      return;
    }
    if (divergence.Stopped)
    {
      result.Stopped = true;
      return;
    }
    separations.push_back(std::move(divergence.Separations));
    result.Prompts = std::move(divergence.Labels);
    result.Never = divergence.Never;
  }
  result.Separations = std::move(separations);
}
}

ComparisonResult CompareEncoders(const std::vector<EncodedElements>& encoders,
  const ComparisonParameters& parameters, const Monitor& monitor)
{
  Check(encoders, parameters);
  const int threads = ResolveThreads(parameters.Threads);
  std::vector<Arrangement> arrangements;
  for (const EncodedElements& encoder : encoders)
  {
    arrangements.push_back(ArrangeNamed(encoder));
    CheckSame(encoders.front(), arrangements.front(), encoder, arrangements.back());
  }
  const Arrangement& first = arrangements.front();
  const Comparison comparison{ encoders, arrangements, parameters, threads,
    Sorted(encoders.front().Prompt, first), Sorted(encoders.front().Group, first) };

  // Progress counts the pairs that are compared.
  const auto pairs = [](const Range& ring)
  { return static_cast<double>(ring.Size()) * ring.Size(); };
  const double total = std::accumulate(first.Rings.begin(), first.Rings.end(), 0.0,
    [&](double sum, const Range& ring) { return sum + pairs(ring); });
  constexpr double iterationShare = 0.5; // of the time, where prompts are known
  const double share = comparison.Prompts.empty() ? 1.0 : iterationShare;
  double done = 0.0;

  ComparisonResult result;
  try
  {
    for (const Range& ring : first.Rings)
    {
      const double next = done + share * pairs(ring) / total;
      result.Iterations.push_back(
        comparison.Measure(ring, StageTick(monitor, "Iterations", done, next)));
      done = next;
    }
  }
  catch (const Stopped&)
  {
    result.Stopped = true;
    return result;
  }
  if (!comparison.Prompts.empty())
  {
    FindSeparations(comparison, Sorted(encoders.front().Seed, first), monitor, share, result);
  }
  return result;
}
}
