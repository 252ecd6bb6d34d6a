// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <Eigen/Core>

#include <cstddef>
#include <vector>

namespace tdl
{
/** Features of all elements, N x D: one row per element, rows contiguous. */
using FeatureMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/** What is embedded: N elements in any order, each the image of one instance at one iteration. */
struct Elements
{
  /** N x D, row by row, finite. Borrowed: they outlive the call that is given the elements. */
  const float* Features = nullptr;
  /** N. */
  int Count = 0;
  /** D, > 0. */
  int Dimension = 0;
  /** [N] The run of the sampler an element belongs to; any integer. */
  std::vector<int> Instance;
  /** [N] Index of the captured step, >= 0. An instance may lack iterations, but has none twice. */
  std::vector<int> Iteration;
  /**
   * [N] Noise level of an element (timestep, sigma), or empty. Where given, the rings are spaced in
   * proportion to it instead of equally; it only falls or only rises with the iteration.
   */
  std::vector<double> NoiseLevel;

  Eigen::Map<const FeatureMatrix> FeatureRows() const
  {
    return { this->Features, this->Count, this->Dimension };
  }
};

/** Elements are alike within a scope: t-SNE compares only elements of one range with each other. */
struct Range
{
  int Begin = 0;
  int End = 0;

  int Size() const { return this->End - this->Begin; }
};

/**
 * The order the algorithms work in: by iteration, then by instance. An iteration is a range then,
 * and the steps of an instance are chained by Next and Previous.
 */
struct Arrangement
{
  /** [N] Sorted position -> element. */
  std::vector<int> Element;
  /** [N] Sorted position -> iteration. */
  std::vector<int> Iteration;
  /** [N] Sorted position -> rank of its instance, in [0, Instances). */
  std::vector<int> Instance;
  /** Number of distinct instances. */
  int Instances = 0;
  /** One range of sorted positions per iteration that has elements, in the order of iterations. */
  std::vector<Range> Rings;
  /** [N] Position of the same instance's next or previous captured iteration; -1 where none is. */
  std::vector<int> Next, Previous;

  int Size() const { return static_cast<int>(this->Element.size()); }
};

/**
 * Checks the elements and arranges them.
 * @throws DataError naming the row at fault: no elements, a feature that is NaN or infinite, a
 * negative or huge iteration, an instance that has an iteration twice, columns of different
 * lengths.
 */
Arrangement Arrange(const Elements& elements);
}
