// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/Neighbors.h"

#include <cstdint>
#include <vector>

namespace tdl
{
/**
 * t-SNE's P, symmetric and sparse: row i lists the j with p_ij > 0, ascending. Rows and columns are
 * places in an order of their own, in which elements alike are mostly near each other where there
 * are many; a range has the same places as positions of the arrangement. Its entries sum to 1.
 */
struct Affinities
{
  /** [N] Position of the arrangement that a place stands for. */
  std::vector<int> Position;
  /** [N + 1] Where the rows begin. */
  std::vector<std::int64_t> Offset;
  std::vector<int> Column;
  /** In single precision: what the optimization reads most has to be small. */
  std::vector<float> Value;
  /** Share of the nearest neighbors that were found; less than 1 in ranges of very many rows. */
  double NeighborRecall = 1.0;
};

/** Turns squared distances [count], nearest first, into probabilities of the perplexity. */
void Calibrate(double* row, int count, double perplexity);

/** The largest perplexity that t-SNE's neighborhoods of 3 x perplexity allow among `count`. */
double MaximumPerplexity(int count);

/**
 * P of van der Maaten & Hinton (2008): Gaussian similarities to the 3 x perplexity nearest others
 * of the range, whose bandwidth gives each row the entropy log(perplexity), symmetrized.
 * Duplicates are welcome: a row of equal distances is uniform.
 * @param ranges Disjoint ranges that cover all rows, ascending.
 * @param perplexities One per range, in [1, MaximumPerplexity].
 */
Affinities ComputeAffinities(
  Vectors rows, const std::vector<Range>& ranges, const std::vector<double>& perplexities,
  int threads, const Tick& tick = [](double) {});
}
