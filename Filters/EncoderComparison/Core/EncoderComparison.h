// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Divergence/Core/Divergence.h"
#include "Filters/EvolutionaryEmbedding/Core/Elements.h"
#include "Filters/Foundation/Monitor.h"

#include <cstdint>
#include <string>
#include <vector>

namespace tdl
{
/** Parameters of the comparison and their defaults. */
struct ComparisonParameters
{
  /** Size k >= 1 of the neighborhoods; lowered where there are fewer than 2 k + 1 elements. */
  int Neighbors = 10;
  /**
   * CKA and distance correlation are taken of a sample of this many elements of an iteration, >= 3,
   * where it has more.
   */
  int SampleSize = 2000;
  /** Number of threads, or 0 for all cores. The result does not depend on it. */
  int Threads = 0;
};

/** The features that an encoder gives elements; arrays [N]. */
struct EncodedElements
{
  /** What errors call the encoder. */
  std::string Name;
  tdl::Elements Elements;
  /** Prompt, group and seed of an element, or empty where they are unknown. */
  std::vector<int> Prompt;
  std::vector<int> Group;
  std::vector<std::int64_t> Seed;
};

/** What was measured in one iteration, of E encoders. NaN where a measure has no value. */
struct IterationComparison
{
  int Iteration = 0;
  /** Number of elements; of those of the sample. */
  int Elements = 0;
  int Sample = 0;
  /**
   * [E (E - 1) / 2], by first, then by second encoder (PairIndex): share of the k nearest of an
   * element by one encoder that are among the k nearest by the other; CKA; distance correlation.
   */
  std::vector<double> Overlap, CKA, DistanceCorrelation;
  /** [E] Share of the k nearest of an element that have its prompt, its group. */
  std::vector<double> PromptHit, GroupHit;
  /** The share that random neighbors would have. */
  double PromptChance = 0.0;
  double GroupChance = 0.0;
};

/** What was measured. */
struct ComparisonResult
{
  /** The iterations that have elements, ascending; when stopped, those that were reached. */
  std::vector<IterationComparison> Iterations;
  /** The prompts, ascending; Separation counts in their ranks. Empty without separations. */
  std::vector<int> Prompts;
  /** The last iteration + 1: the separation of prompts that do not part. */
  int Never = 0;
  /** [E] When prompts part by each encoder; empty when stopped, or where there is none. */
  std::vector<std::vector<Separation>> Separations;
  /** Why there are no separations where prompts are known, in a sentence; else empty. */
  std::string WithoutSeparations;
  /** Whether the monitor stopped the measurement. */
  bool Stopped = false;
};

/**
 * Compares what encoders make of the same elements, iteration by iteration.
 *
 * Neighbors are those of NeighborSearch: of equally near ones, that of the smaller instance is the
 * nearer, and in an iteration of more than NeighborSearch::LargestExact elements a few are missed.
 * CKA and distance correlation are those of MeasureAgreement; the sample is the same each time.
 * Where all elements have the same features, an encoder says nothing: its measures are NaN. So are
 * overlaps and hits of less than three elements. Separations are those that MeasureDivergence finds
 * with its own parameters. Prompts, groups and seeds are taken from the first encoder.
 *
 * @throws DataError for elements that Arrange refuses, or encoders whose elements or prompts
 * differ, naming the encoder; ParameterError for a parameter out of its range or without an
 * encoder.
 */
ComparisonResult CompareEncoders(const std::vector<EncodedElements>& encoders,
  const ComparisonParameters& parameters, const Monitor& monitor = {});
}
