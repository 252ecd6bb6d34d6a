// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/SemanticLoss.h"

#include "Filters/EvolutionaryEmbedding/Core/PairSums.h"
#include "Filters/EvolutionaryEmbedding/Core/Simd.h"
#include "Filters/Foundation/ForEach.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

// Each point's sums are taken by one thread in a fixed order, and the points' sums are added in
// order: the bits do not depend on the number of threads.

namespace tdl
{
namespace
{
/** Points of a row of P that one thread attracts at a time. */
constexpr int RowBlock = 256;

template <typename Real>
Real Similarity(Real offsetX, Real offsetY)
{
  return Real(1) / (Real(1) + offsetX * offsetX + offsetY * offsetY);
}

/** Whether a grid takes less time than all pairs, by times measured with 512-bit vectors. */
bool IsGridFaster(const Eigen::Ref<const Points>& points)
{
  constexpr double perPair = 0.55e-9;
  constexpr double perPoint = 60e-9;
  constexpr double perNode = 9e-9;
  const auto count = static_cast<double>(points.rows());
  const double extent = (points.colwise().maxCoeff() - points.colwise().minCoeff()).maxCoeff();
  const double nodes = extent / GridRepulsion::WidestSpacing;
  return perPoint * count + perNode * nodes * nodes < perPair * count * count;
}

/** Sets each point's sum over j of p_ij similarity (y_i - y_j), for the rows of P in [begin, end).
 */
template <typename Real>
inline __attribute__((always_inline)) void AttractRows(
  const Affinities& p, const Real* x, const Real* y, int begin, int end, Real* sumsX, Real* sumsY)
{
  const int* column = p.Column.data();
  const float* value = p.Value.data();
  for (int i = begin; i < end; ++i)
  {
    Real forceX = 0;
    Real forceY = 0;
#pragma omp simd reduction(+ : forceX, forceY)
    for (std::int64_t entry = p.Offset[i]; entry < p.Offset[i + 1]; ++entry)
    {
      const Real offsetX = x[i] - x[column[entry]];
      const Real offsetY = y[i] - y[column[entry]];
      const Real force = value[entry] * Similarity(offsetX, offsetY);
      forceX += force * offsetX;
      forceY += force * offsetY;
    }
    sumsX[i - begin] = forceX;
    sumsY[i - begin] = forceY;
  }
}

/**
 * The natural logarithm of a positive number that is not denormal, within two units of the last
 * place: Moshier's Cephes library has the polynomial. Unlike the standard library's, it is inlined
 * into vector code.
 */
inline float Logarithm(float number)
{
  // number = 2^exponent mantissa, with a mantissa from sqrt(1/2) to sqrt(2)
  std::int32_t bits = 0;
  std::memcpy(&bits, &number, sizeof(bits));
  const std::int32_t exponent = (bits - 0x3f3504f3) >> 23;
  bits -= exponent * (1 << 23);
  float mantissa = 0;
  std::memcpy(&mantissa, &bits, sizeof(mantissa));
  const float x = mantissa - 1.0f;
  const auto power = static_cast<float>(exponent);
  float sum = 7.0376836292e-2f;
  sum = sum * x - 1.1514610310e-1f;
  sum = sum * x + 1.1676998740e-1f;
  sum = sum * x - 1.2420140846e-1f;
  sum = sum * x + 1.4249322787e-1f;
  sum = sum * x - 1.6668057665e-1f;
  sum = sum * x + 2.0000714765e-1f;
  sum = sum * x - 2.4999993993e-1f;
  sum = sum * x + 3.3333331174e-1f;
  sum = sum * x * x * x - 2.12194440e-4f * power - 0.5f * x * x;
  return x + sum + 0.693359375f * power;
}

inline double Logarithm(double number)
{
  return std::log(number);
}

/** Sets the sums over j of p_ij and of p_ij log(p_ij / similarity), for a row of P. */
template <typename Real>
inline __attribute__((always_inline)) void SumRow(
  const Affinities& p, const Real* x, const Real* y, int row, double& mass, double& divergence)
{
  const int* column = p.Column.data();
  const float* value = p.Value.data();
  double sumOfP = 0.0;
  double sum = 0.0;
#pragma omp simd reduction(+ : sumOfP, sum)
  for (std::int64_t entry = p.Offset[row]; entry < p.Offset[row + 1]; ++entry)
  {
    const Real offsetX = x[row] - x[column[entry]];
    const Real offsetY = y[row] - y[column[entry]];
    const Real share = value[entry];
    sumOfP += share;
    sum += share * Logarithm(share * (Real(1) + offsetX * offsetX + offsetY * offsetY));
  }
  mass = sumOfP;
  divergence = sum;
}

TDL_SIMD_CLONES void SumRows(
  const Affinities& p, const float* x, const float* y, int row, double& mass, double& divergence)
{
  SumRow(p, x, y, row, mass, divergence);
}

TDL_SIMD_CLONES void Attract(const Affinities& p, const float* x, const float* y, int begin,
  int end, float* sumsX, float* sumsY)
{
  AttractRows(p, x, y, begin, end, sumsX, sumsY);
}

TDL_SIMD_CLONES void Attract(const Affinities& p, const double* x, const double* y, int begin,
  int end, double* sumsX, double* sumsY)
{
  AttractRows(p, x, y, begin, end, sumsX, sumsY);
}
}

SemanticLoss::SemanticLoss(
  Affinities affinities, std::vector<Range> ranges, std::vector<double> scales, int threads)
  : P(std::move(affinities))
  , Ranges(std::move(ranges))
{
  for (const Range& range : this->Ranges)
  {
    const bool large = range.Size() > LargestExact;
    this->RangeOf.insert(
      this->RangeOf.end(), range.Size(), static_cast<int>(&range - this->Ranges.data()));
    this->Grids.push_back(large ? std::make_unique<GridRepulsion>() : nullptr);
    this->NumberOfGrids += large ? 1 : 0;
    this->SmallPairs += large ? 0.0 : static_cast<double>(range.Size()) * range.Size();
  }
  const auto count = static_cast<Eigen::Index>(this->RangeOf.size());
  this->Scaled.resize(count, 2);
  this->Similarities.resize(count);
  this->Repulsion.resize(count, 2);
  if (this->NumberOfGrids > 0)
  {
    this->Single.resize(count, 2);
  }
  this->SetScales(std::move(scales), threads);
}

void SemanticLoss::SetScales(std::vector<double> scales, int threads)
{
  this->Scales = std::move(scales);
  this->Threads = threads;
  // Waking a thread takes about as long as this many pairs.
  constexpr double pairsPerThread = 50000.0;
  this->SmallThreads = static_cast<int>(
    std::clamp(this->SmallPairs / pairsPerThread, 1.0, static_cast<double>(threads)));
}

SemanticLoss::~SemanticLoss() = default;

void SemanticLoss::SetPoints(const Points& points)
{
  const int count = static_cast<int>(points.rows());
  const int threads = this->NumberOfGrids > 0 ? this->Threads : this->SmallThreads;
#pragma omp parallel for num_threads(threads)
  for (int i = 0; i < count; ++i)
  {
    this->Scaled.row(i) = points.row(i) * this->Scales[this->RangeOf[i]];
  }
  if (this->NumberOfGrids > 0)
  {
    this->Single = this->Scaled.cast<float>();
  }

  this->IsOnGrid.assign(this->Ranges.size(), 0);
  for (std::size_t r = 0; r < this->Ranges.size(); ++r)
  {
    const Range& range = this->Ranges[r];
    this->IsOnGrid[r] =
      this->Grids[r] && IsGridFaster(this->Scaled.middleRows(range.Begin, range.Size()));
  }

  // A few large ranges use all threads one after the other, many use one thread each.
  const bool together = this->NumberOfGrids >= this->Threads;
  ForEach(static_cast<int>(this->Ranges.size()), together ? this->Threads : 1,
    [&](int r)
    {
      const Range& range = this->Ranges[r];
      if (this->IsOnGrid[r])
      {
        this->Grids[r]->Compute(this->Scaled.middleRows(range.Begin, range.Size()),
          together ? 1 : this->Threads, this->Similarities.segment(range.Begin, range.Size()),
          this->Repulsion.middleRows(range.Begin, range.Size()));
      }
    });

#pragma omp parallel for schedule(dynamic, 16) num_threads(threads)
  for (int i = 0; i < count; ++i)
  {
    if (!this->IsOnGrid[this->RangeOf[i]])
    {
      const Range& range = this->Ranges[this->RangeOf[i]];
      PairSums sums;
      SumPairs(this->Scaled(i, 0), this->Scaled(i, 1), this->Scaled.col(0).data(),
        this->Scaled.col(1).data(), range.Begin, range.End, sums);
      this->Similarities[i] = sums.Similarity - 1.0; // the point itself left out
      this->Repulsion.row(i) << sums.X, sums.Y;
    }
  }
}

double SemanticLoss::Normalization(const Range& range) const
{
  return this->Similarities.segment(range.Begin, range.Size()).sum();
}

double SemanticLoss::Evaluate(Eigen::ArrayXd& parts) const
{
  const auto count = static_cast<int>(this->RangeOf.size());
  std::vector<double> logNormalizations;
  for (const Range& range : this->Ranges)
  {
    logNormalizations.push_back(std::log(this->Normalization(range)));
  }
  const double factor = static_cast<double>(count) / static_cast<double>(this->Ranges.size());
  const int threads = this->NumberOfGrids > 0 ? this->Threads : this->SmallThreads;
#pragma omp parallel for schedule(dynamic, 16) num_threads(threads)
  for (int i = 0; i < count; ++i)
  {
    // q_ij is the similarity over the normalization.
    double mass = 0.0;
    double sum = 0.0;
    if (this->Grids[this->RangeOf[i]])
    {
      SumRows(this->P, this->Single.col(0).data(), this->Single.col(1).data(), i, mass, sum);
    }
    else
    {
      SumRow(this->P, this->Scaled.col(0).data(), this->Scaled.col(1).data(), i, mass, sum);
    }
    parts[i] = mass > 0.0 ? factor * (sum + mass * logNormalizations[this->RangeOf[i]]) : 0.0;
  }
  return std::max(0.0, parts.mean());
}

template <typename Matrix>
void SemanticLoss::AttractInRange(
  int r, const Matrix& scaled, double exaggeration, int threads, Points& gradient) const
{
  using Real = typename Matrix::Scalar;
  const Range& range = this->Ranges[r];
  const double share = 4.0 * this->Scales[r] / static_cast<double>(this->Ranges.size());
  const double attraction = share * exaggeration;
  const double repulsion = -share / this->Normalization(range);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (int begin = range.Begin; begin < range.End; begin += RowBlock)
  {
    const int end = std::min(begin + RowBlock, range.End);
    std::array<Real, RowBlock> sumsX;
    std::array<Real, RowBlock> sumsY;
    Attract(
      this->P, scaled.col(0).data(), scaled.col(1).data(), begin, end, sumsX.data(), sumsY.data());
    for (int i = begin; i < end; ++i)
    {
      gradient(i, 0) = attraction * sumsX[i - begin] + repulsion * this->Repulsion(i, 0);
      gradient(i, 1) = attraction * sumsY[i - begin] + repulsion * this->Repulsion(i, 1);
    }
  }
}

void SemanticLoss::SetGradient(double exaggeration, Points& gradient) const
{
  // As above; the small ranges are shared out whole.
  const bool together = this->NumberOfGrids == 0 || this->NumberOfGrids >= this->Threads;
  ForEach(static_cast<int>(this->Ranges.size()),
    !together                   ? 1
      : this->NumberOfGrids > 0 ? this->Threads
                                : this->SmallThreads,
    [&](int r)
    {
      if (this->Ranges[r].Size() < 2)
      {
        gradient.row(this->Ranges[r].Begin).setZero(); // it has nothing to be compared with
        return;
      }
      const int threads = together ? 1 : this->Threads;
      if (this->Grids[r])
      {
        this->AttractInRange(r, this->Single, exaggeration, threads, gradient);
      }
      else
      {
        this->AttractInRange(r, this->Scaled, exaggeration, threads, gradient);
      }
    });
}

void SemanticLoss::SetCurvature(const std::vector<double>& ofRanges, Points& curvature) const
{
  const auto count = static_cast<int>(this->RangeOf.size());
  const int threads = this->NumberOfGrids > 0 ? this->Threads : 1;
#pragma omp parallel for num_threads(threads)
  for (int i = 0; i < count; ++i)
  {
    curvature.row(i).setConstant(ofRanges[this->RangeOf[i]]);
  }
}
}
