// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/Elements.h"
#include "Filters/EvolutionaryEmbedding/Core/Layout.h"
#include "Filters/EvolutionaryEmbedding/Core/Points.h"
#include "Filters/Foundation/Monitor.h"

#include <vector>

namespace tdl
{
/** Parameters of the measures and their defaults. */
struct QualityParameters
{
  /** Size k >= 1 of the neighborhoods; lowered where there are fewer than 2 k + 1 elements. */
  int Neighbors = 10;
  /** Measures over all elements are taken of a sample of this many, >= 3, where there are more. */
  int SampleSize = 20000;
  /** Number of threads, or 0 for all cores. The result does not depend on it. */
  int Threads = 0;
};

/** An embedding to be measured; arrays [N] in the order of the elements. */
struct MeasuredEmbedding
{
  tdl::Elements Elements;
  tdl::Layout Layout = tdl::Layout::Radial;
  /** N x 2, finite. */
  Points Position;
  /** [N] Displacement that an element should have. */
  std::vector<double> TargetDisplacement;
  /** Distance between consecutive rings, on average; > 0. */
  double RingSpacing = 1.0;
  /** [N], or empty where prompts are unknown. */
  std::vector<int> Prompt;
};

/** The measures of a set of elements; NaN where one has no value. */
struct QualityMeasures
{
  /** Number of elements measured. */
  int Elements = 0;
  /** Neighborhoods in the element's iteration: k-NN recall, trustworthiness, continuity. */
  double Recall = 0.0;
  double Trustworthiness = 0.0;
  double Continuity = 0.0;
  /** Share of the k nearest of the iteration in the embedding that have the element's prompt. */
  double PromptHit = 0.0;
  /** Root mean square of the difference between displacement and target, in ring spacings. */
  double DisplacementError = 0.0;
  /**
   * Mean absolute angle (radial) or y offset (rectilinear) between consecutive iterations of an
   * instance, over that between two elements of the later iteration: 0 is straight, 1 is random.
   */
  double AlignmentError = 0.0;
};

/** The measures of one iteration. */
struct IterationQuality
{
  int Iteration = 0;
  QualityMeasures Measures;
};

/** What was measured. */
struct QualityResult
{
  /** Means over the elements (root mean square for the displacement error). */
  QualityMeasures Overall;
  /** Neighborhoods among all elements, whatever their iteration, of a sample of this many. */
  int SampleSize = 0;
  double RecallOverAll = 0.0;
  double TrustworthinessOverAll = 0.0;
  double ContinuityOverAll = 0.0;
  /** One entry per iteration that has elements. */
  std::vector<IterationQuality> Iterations;
  /** [N] The elements' own: within the iteration; displacement error with its sign. */
  Eigen::ArrayXd Recall, Trustworthiness, Continuity, PromptHit, DisplacementError, AlignmentError;
  /**
   * Whether the monitor stopped the measurement. What was not reached is NaN; an iteration under
   * way was not, nor was the sample, whose size is 0 then.
   */
  bool Stopped = false;
};

/**
 * Measures an embedding against the features that it was made of. The monitor is called several
 * times per second, and nothing of the features' size is copied.
 * @throws DataError for elements that Arrange refuses, positions that are not finite, arrays of
 * other lengths; ParameterError for a parameter out of its range.
 */
QualityResult MeasureQuality(const MeasuredEmbedding& embedding,
  const QualityParameters& parameters, const Monitor& monitor = {});
}
