// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Divergence/Core/MergeTree.h"
#include "Filters/EvolutionaryEmbedding/Core/Elements.h"
#include "Filters/Foundation/Monitor.h"

#include <Eigen/Core>

#include <cstdint>
#include <string>
#include <vector>

namespace tdl
{
/**
 * Parameters of the measurement and their defaults. Those of neighbors and threshold were settled
 * on the default model, by 24 draws of 10 of its 40 seeds: a share of neighbors varies less than a
 * majority's vote (the standard deviation of a separation is 1.5 iterations against 1.7; relative
 * to the separation .18 against .34), 5 neighbors vary less than 3 (.18 against .21), and with 9
 * pairs part 2.4 iterations later than among all 40. Thresholds from 0.65 on find the known splits
 * of a synthetic tree.
 */
struct DivergenceParameters
{
  /**
   * Neighbors k >= 1 that tell where an element belongs; lowered to half of the instances that the
   * smaller label offers.
   */
  int Neighbors = 5;
  /** Separability, in (0.5, 1], from which on two labels count as apart. */
  double Threshold = 0.75;
  /** Bootstrap resamples of the seeds, in [1, 2000]. */
  int Resamples = 200;
  /** Share of the resamples, in (0, 1), that lies between the bounds of an iteration. */
  double Confidence = 0.9;
  /** Seed of the resamples. */
  std::uint64_t Seed = 0;
  /** Number of threads, or 0 for all cores. The result does not depend on it. */
  int Threads = 0;
};

/** What is compared: elements with labels, which are prompts or groups. Arrays [N]. */
struct LabeledElements
{
  tdl::Elements Elements;
  /** What a label is, in the words of an error: "prompt", "group". */
  std::string Kind = "label";
  /** Label of an element, the same in all elements of an instance; any integer. */
  std::vector<int> Label;
  /** Seed of an element's instance, or empty: instances share no noise then. */
  std::vector<std::int64_t> Seed;
  /**
   * What a seed occurs in at most once: the prompt, which is the label or part of it. Where one has
   * a seed twice, seeds do not tell noise apart, and every instance counts as one of its own.
   */
  std::vector<int> Prompt;
};

/** When two labels part. */
struct Separation
{
  /** Ranks of the labels; First < Second. */
  int First = 0;
  int Second = 0;
  /**
   * The first iteration from which on the separability stays at the threshold or above;
   * DivergenceResult::Never where there is none.
   */
  int Iteration = 0;
  /** Bounds of the iteration by the bootstrap; they contain it. */
  int Low = 0;
  int High = 0;
  /** Mean of the separability over the iterations that have both labels. */
  double MeanSeparability = 0.0;
};

/** When the outcome of an instance is decided. */
struct Decision
{
  int Instance = 0;
  /** Rank of the instance's label. */
  int Label = 0;
  /**
   * Rank of the label that most of the k nearest of the instance's last iteration have; -1 where
   * equally many, equally near ones have several.
   */
  int Neighborhood = 0;
  /** The first iteration from which on the neighborhood is this. */
  int Iteration = 0;
};

/** What was measured. */
struct DivergenceResult
{
  /** [L] The labels, ascending; a rank is an index into them. */
  std::vector<int> Labels;
  /** [L] Instances of each label. */
  std::vector<int> Instances;
  /** [K] The iterations that have elements. */
  std::vector<int> Iterations;
  /** The last iteration + 1: the separation of labels that do not part. */
  int Never = 0;
  /**
   * K x L (L - 1) / 2, a column per pair, in the order of Separations: 0.5 is inseparable, 1 is
   * apart; NaN where an iteration has less than two instances of either.
   */
  Eigen::ArrayXXd Separability;
  /** By first, then by second label. Empty when stopped, as all that follows. */
  std::vector<Separation> Separations;
  /** By instance. */
  std::vector<Decision> Decisions;
  /** The labels merged by separation. */
  MergeTree Tree;
  /** Whether the monitor stopped the measurement. */
  bool Stopped = false;
  /** Row of Separability from which on it is measured; 0 unless stopped. The rest is NaN. */
  int FirstReached = 0;
};

/**
 * Measures when labels part and when instances are decided.
 *
 * An element's k nearest of the same iteration are sought among the instances of two labels, those
 * of its own seed left out: from the same noise come images alike, whatever the prompt. The share
 * of its own label among them, each label weighted by the inverse of its number, is averaged over
 * the elements of either label; the separability is the mean of the two. Neighbors equally far
 * away share the last places.
 *
 * Bounds are percentiles of a bootstrap: seeds are drawn with replacement, for all labels jointly
 * where they share them; copies are left out of the neighborhood of their original as it is itself.
 * At a confidence of 0.9, 97 % of the bounds of those draws contained the draws' median; with
 * neighborhoods kept, and only their mean resampled, 77 % did.
 *
 * @throws DataError for elements that Arrange refuses, arrays of other lengths, an instance with
 * several labels or seeds, less than two or more than 100 labels, or a label with less than two
 * seeds; ParameterError for a parameter out of its range.
 */
DivergenceResult MeasureDivergence(const LabeledElements& elements,
  const DivergenceParameters& parameters, const Monitor& monitor = {});
}
