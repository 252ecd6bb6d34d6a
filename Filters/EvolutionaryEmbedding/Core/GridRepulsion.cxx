// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EvolutionaryEmbedding/Core/GridRepulsion.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Pi.h"

#include <fftw3.h>
#include <omp.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <cstddef>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace tdl
{
namespace
{
using Complex = std::complex<float>;

/** Nodes that a cubic B-spline reaches per dimension: from one below a point to two above it. */
constexpr int Reach = 4;
constexpr double WidestSpacing = GridRepulsion::WidestSpacing;
/** Nodes that even the smallest extent of points is resolved with. */
constexpr int FewestNodes = 32;
/** Nodes beside the points' box, over which the splines' inverse filter fades out. */
constexpr int Margin = 6;
/** 16384 nodes per dimension take 5 GiB. */
constexpr int MostNodes = 16384;
/** Rows that one thread spreads points to at a time; two such stripes with one between are apart.
 */
constexpr int StripeHeight = 8;
/** Columns transformed together: their complex numbers fill a cache line. */
constexpr int ColumnBlock = 8;

/** Memory as FFTW's vector code wants it. */
template <typename T>
class Buffer
{
public:
  explicit Buffer(std::size_t size)
    : Data(static_cast<T*>(fftwf_malloc(size * sizeof(T))))
  {
    if (!this->Data)
    {
      throw ResourceError(
        "There is not enough memory for the repulsion's grid; embed fewer elements at a time.");
    }
    std::fill_n(this->Data, size, T());
  }
  ~Buffer() { fftwf_free(this->Data); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  T* At(std::size_t index) { return this->Data + index; }
  const T* At(std::size_t index) const { return this->Data + index; }

private:
  T* Data;
};

fftwf_complex* Raw(Complex* values)
{
  return reinterpret_cast<fftwf_complex*>(values);
}

class Plan
{
public:
  explicit Plan(fftwf_plan plan)
    : Handle(plan)
  {
  }
  ~Plan() { fftwf_destroy_plan(this->Handle); }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  fftwf_plan Get() const { return this->Handle; }

private:
  fftwf_plan Handle;
};

/** FFTW's planner, unlike its transforms, must not run twice at a time. */
std::mutex& Planner()
{
  static std::mutex mutex;
  return mutex;
}

/** The smallest number >= count whose double a Fourier transform likes: 2^a 3^b 5^c, a >= 3. */
int GoodSize(int count)
{
  for (int size = (count + 7) / 8 * 8;; size += 8)
  {
    int rest = size;
    for (const int factor : { 2, 3, 5 })
    {
      while (rest % factor == 0)
      {
        rest /= factor;
      }
    }
    if (rest == 1)
    {
      return size;
    }
  }
}

/** Values and derivatives of the cubic B-splines of the four nodes around a point. */
struct Spline
{
  std::array<float, Reach> Value;
  std::array<float, Reach> Slope;

  /** @param t Offset of the point from the node below it, in [0, 1). */
  explicit Spline(float t)
  {
    const float s = 1.0f - t;
    this->Value = { s * s * s / 6.0f, 2.0f / 3.0f - t * t * (1.0f - 0.5f * t),
      2.0f / 3.0f - s * s * (1.0f - 0.5f * s), t * t * t / 6.0f };
    this->Slope = { -0.5f * s * s, t * (1.5f * t - 2.0f), -s * (1.5f * s - 2.0f), 0.5f * t * t };
  }
};

/**
 * What a point's own charge contributes at the point, which is not exactly what it would be without
 * a grid: a function of the point's place between the nodes.
 */
class SelfPotential
{
public:
  static constexpr int Offsets = Reach;
  /** Coefficient of two nodes `row` and `column` apart, counted for both signs. */
  std::array<std::array<float, Offsets>, Offsets> Coefficient{};

  /** Adds the negative of the potential and of its gradient to the three values. */
  void Remove(const Spline& x, const Spline& y, float& value, float& slopeX, float& slopeY) const
  {
    const Overlap overlapX(x);
    const Overlap overlapY(y);
    for (int row = 0; row < Offsets; ++row)
    {
      float sum = 0.0f;
      float slope = 0.0f;
      for (int column = 0; column < Offsets; ++column)
      {
        sum += this->Coefficient[row][column] * overlapX.Value[column];
        slope += this->Coefficient[row][column] * overlapX.Slope[column];
      }
      value -= overlapY.Value[row] * sum;
      slopeX -= overlapY.Value[row] * slope;
      slopeY -= overlapY.Slope[row] * sum;
    }
  }

private:
  /** Products of the splines of two nodes by their distance, and half of their derivatives. */
  struct Overlap
  {
    explicit Overlap(const Spline& spline)
    {
      for (int offset = 0; offset < Offsets; ++offset)
      {
        for (int node = 0; node + offset < Reach; ++node)
        {
          this->Value[offset] += spline.Value[node] * spline.Value[node + offset];
          this->Slope[offset] += 0.5f *
            (spline.Slope[node] * spline.Value[node + offset] +
              spline.Value[node] * spline.Slope[node + offset]);
        }
      }
    }
    std::array<float, Offsets> Value{};
    std::array<float, Offsets> Slope{};
  };
};

/** Where a point lies in the grid: the node of its splines' first value, and its offset. */
struct Place
{
  int Column, Row;
  float OffsetX, OffsetY;
};
}

/** A square grid of nodes, zero-padded to twice its size for the transforms. */
class GridRepulsion::Grid
{
public:
  Grid(int size, double spacing, int threads)
    : Size(size)
    , Padded(2 * size)
    , Spacing(spacing)
    , Close(spacing < WidestSpacing)
    , Values(static_cast<std::size_t>(size) * size)
    , Spectrum(static_cast<std::size_t>(size) * SpectrumWidth(size))
    , Kernel(static_cast<std::size_t>(size + 1) * (size + 1))
    , Scratch(static_cast<std::size_t>(threads) * ScratchSize())
    , Threads(threads)
  {
    const std::lock_guard<std::mutex> lock(Planner());
    Complex* columns = this->Scratch.At(0);
    auto* row = reinterpret_cast<float*>(columns);
    const int length = this->Padded;
    const auto column = [&](int sign)
    {
      return fftwf_plan_many_dft(1, &length, ColumnBlock, Raw(columns), nullptr, ColumnBlock, 1,
        Raw(columns), nullptr, ColumnBlock, 1, sign, FFTW_ESTIMATE);
    };
    // Estimated plans are the same in every run, so that the result has the same bits.
    this->Forward = std::make_unique<Plan>(column(FFTW_FORWARD));
    this->Backward = std::make_unique<Plan>(column(FFTW_BACKWARD));
    this->RowForward =
      std::make_unique<Plan>(fftwf_plan_dft_r2c_1d(length, row, Raw(columns), FFTW_ESTIMATE));
    this->RowBackward =
      std::make_unique<Plan>(fftwf_plan_dft_c2r_1d(length, Raw(columns), row, FFTW_ESTIMATE));
    this->MakeKernel();
  }

  bool Fits(int size, double spacing, int threads) const
  {
    return size == this->Size && spacing == this->Spacing && threads <= this->Threads;
  }

  void Compute(const Eigen::Ref<const Points>& points, const Eigen::RowVector2d& lower, int threads,
    Eigen::Ref<Eigen::ArrayXd> similarities, Eigen::Ref<Points> forces)
  {
    this->Locate(points, lower, threads);
    this->Spread(threads);
    this->TransformRows(threads);
    this->Convolve(threads);
    this->TransformRowsBack(threads);
    this->Gather(threads, similarities, forces);
  }

private:
  static int SpectrumWidth(int size) { return (size + ColumnBlock) / ColumnBlock * ColumnBlock; }
  std::size_t ScratchSize() const
  {
    return static_cast<std::size_t>(this->Padded + ColumnBlock) * ColumnBlock;
  }

  double Similarity(double squaredDistance) const
  {
    // Less the number of points, the potential of close points keeps its digits; far ones would
    // lose theirs.
    return this->Close ? -squaredDistance / (1.0 + squaredDistance) : 1.0 / (1.0 + squaredDistance);
  }

  /** Transform of the similarity, times that of the splines' inverse filter, in both directions. */
  void MakeKernel()
  {
    const int count = this->Size + 1; // of the distinct values of an even sequence of 2 Size
    std::vector<double> filter(count);
    for (int k = 0; k < count; ++k)
    {
      // A spline that goes through the values at the nodes has these, divided by its transform, as
      // coefficients; the points' charges and the potential each want it once.
      const double spline = (2.0 + std::cos(Pi * k / this->Size)) / 3.0;
      filter[k] = 1.0 / (this->Padded * spline * spline);
    }
    const auto at = [count, this](int row, int column)
    { return this->Kernel.At(static_cast<std::size_t>(row) * count + column); };
    for (int row = 0; row < count; ++row)
    {
      for (int column = 0; column < count; ++column)
      {
        const double nodes = static_cast<double>(row) * row + static_cast<double>(column) * column;
        *at(row, column) =
          static_cast<float>(this->Similarity(nodes * this->Spacing * this->Spacing));
      }
    }
    const Plan cosine(fftwf_plan_r2r_2d(
      count, count, at(0, 0), at(0, 0), FFTW_REDFT00, FFTW_REDFT00, FFTW_ESTIMATE));
    fftwf_execute(cosine.Get());
    for (int row = 0; row < count; ++row)
    {
      for (int column = 0; column < count; ++column)
      {
        *at(row, column) *= static_cast<float>(filter[row] * filter[column]);
      }
    }
    this->MakeSelfPotential();
  }

  /** Transforms the kernel back, at the offsets that a point's own splines span. */
  void MakeSelfPotential()
  {
    const int count = this->Size + 1;
    const auto weight = [this](int k, int offset)
    {
      const double both = k == 0 || k == this->Size ? 1.0 : 2.0;
      return both * std::cos(Pi * k * offset / this->Size);
    };
    Eigen::MatrixXd weights(count, SelfPotential::Offsets);
    for (int k = 0; k < count; ++k)
    {
      for (int offset = 0; offset < SelfPotential::Offsets; ++offset)
      {
        weights(k, offset) = weight(k, offset);
      }
    }
    Eigen::MatrixXd sums = Eigen::MatrixXd::Zero(SelfPotential::Offsets, SelfPotential::Offsets);
    for (int row = 0; row < count; ++row)
    {
      const Eigen::Map<const Eigen::RowVectorXf> kernel(
        this->Kernel.At(static_cast<std::size_t>(row) * count), count);
      sums += weights.row(row).transpose() * (kernel.cast<double>() * weights);
    }
    for (int row = 0; row < SelfPotential::Offsets; ++row)
    {
      for (int column = 0; column < SelfPotential::Offsets; ++column)
      {
        const double signs = (row > 0 ? 2.0 : 1.0) * (column > 0 ? 2.0 : 1.0);
        this->Self.Coefficient[row][column] = static_cast<float>(signs * sums(row, column));
      }
    }
  }

  /** Finds the points' places, and sorts the points by stripe of rows, in order within each. */
  void Locate(const Eigen::Ref<const Points>& points, const Eigen::RowVector2d& lower, int threads)
  {
    const auto count = static_cast<int>(points.rows());
    this->Places.resize(count);
    const double perUnit = 1.0 / this->Spacing;
#pragma omp parallel for num_threads(threads)
    for (int i = 0; i < count; ++i)
    {
      const double x = (points(i, 0) - lower[0]) * perUnit + Margin;
      const double y = (points(i, 1) - lower[1]) * perUnit + Margin;
      const int column = static_cast<int>(x);
      const int row = static_cast<int>(y);
      this->Places[i] = { column - 1, row - 1, static_cast<float>(x - column),
        static_cast<float>(y - row) };
    }
    this->SortByStripe(threads);
  }

  /** Each thread counts, then places, the points of a chunk of its own. */
  void SortByStripe(int threads)
  {
    const auto count = static_cast<std::ptrdiff_t>(this->Places.size());
    const int stripes = this->Size / StripeHeight;
    std::vector<std::vector<int>> next(threads, std::vector<int>(stripes, 0));
    const auto chunk = [&](int thread) { return count * thread / threads; };
#pragma omp parallel for num_threads(threads)
    for (int thread = 0; thread < threads; ++thread)
    {
      for (std::ptrdiff_t i = chunk(thread); i < chunk(thread + 1); ++i)
      {
        ++next[thread][this->Places[i].Row / StripeHeight];
      }
    }
    this->StripeBegin.assign(stripes + 1, 0);
    int before = 0;
    for (int stripe = 0; stripe < stripes; ++stripe)
    {
      for (std::vector<int>& own : next)
      {
        before += std::exchange(own[stripe], before);
      }
      this->StripeBegin[stripe + 1] = before;
    }
    this->Order.resize(count);
#pragma omp parallel for num_threads(threads)
    for (int thread = 0; thread < threads; ++thread)
    {
      for (std::ptrdiff_t i = chunk(thread); i < chunk(thread + 1); ++i)
      {
        this->Order[next[thread][this->Places[i].Row / StripeHeight]++] = static_cast<int>(i);
      }
    }
  }

  /** Spreads a unit charge per point to the nodes around it. */
  void Spread(int threads)
  {
    const int stripes = static_cast<int>(this->StripeBegin.size()) - 1;
#pragma omp parallel num_threads(threads)
    {
#pragma omp for
      for (int row = 0; row < this->Size; ++row)
      {
        std::fill_n(this->Values.At(static_cast<std::size_t>(row) * this->Size), this->Size, 0.0f);
      }
      for (int parity = 0; parity < 2; ++parity)
      {
#pragma omp for schedule(dynamic)
        for (int stripe = parity; stripe < stripes; stripe += 2)
        {
          this->SpreadStripe(stripe);
        }
      }
    }
  }

  void SpreadStripe(int stripe)
  {
    for (int at = this->StripeBegin[stripe]; at < this->StripeBegin[stripe + 1]; ++at)
    {
      const Place& place = this->Places[this->Order[at]];
      const Spline x(place.OffsetX);
      const Spline y(place.OffsetY);
      float* node =
        this->Values.At(static_cast<std::size_t>(place.Row) * this->Size + place.Column);
      for (int row = 0; row < Reach; ++row, node += this->Size)
      {
        for (int column = 0; column < Reach; ++column)
        {
          node[column] += y.Value[row] * x.Value[column];
        }
      }
    }
  }

  /** The padding of a row is transformed with it, that of the columns begins in Convolve. */
  void TransformRows(int threads)
  {
    const int width = SpectrumWidth(this->Size);
#pragma omp parallel for num_threads(threads)
    for (int row = 0; row < this->Size; ++row)
    {
      Complex* scratch = this->ThreadScratch();
      auto* real = reinterpret_cast<float*>(scratch);
      std::copy_n(this->Values.At(static_cast<std::size_t>(row) * this->Size), this->Size, real);
      std::fill_n(real + this->Size, this->Size, 0.0f);
      fftwf_execute_dft_r2c(this->RowForward->Get(), real, Raw(scratch));
      std::copy_n(
        scratch, this->Size + 1, this->Spectrum.At(static_cast<std::size_t>(row) * width));
    }
  }

  /** Transforms columns, multiplies, and transforms back. */
  void Convolve(int threads)
  {
    const int width = SpectrumWidth(this->Size);
#pragma omp parallel for num_threads(threads) schedule(dynamic)
    for (int block = 0; block < width; block += ColumnBlock)
    {
      Complex* scratch = this->ThreadScratch();
      for (int row = 0; row < this->Size; ++row)
      {
        std::copy_n(this->Spectrum.At(static_cast<std::size_t>(row) * width + block), ColumnBlock,
          scratch + static_cast<std::size_t>(row) * ColumnBlock);
      }
      std::fill_n(scratch + static_cast<std::size_t>(this->Size) * ColumnBlock,
        static_cast<std::size_t>(this->Size) * ColumnBlock, Complex());
      fftwf_execute_dft(this->Forward->Get(), Raw(scratch), Raw(scratch));
      const int columns = std::min(ColumnBlock, this->Size + 1 - block);
      for (int row = 0; row < this->Padded; ++row)
      {
        const float* kernel = this->Kernel.At(
          static_cast<std::size_t>(std::min(row, this->Padded - row)) * (this->Size + 1) + block);
        Complex* values = scratch + static_cast<std::size_t>(row) * ColumnBlock;
        for (int column = 0; column < columns; ++column)
        {
          values[column] *= kernel[column];
        }
      }
      fftwf_execute_dft(this->Backward->Get(), Raw(scratch), Raw(scratch));
      for (int row = 0; row < this->Size; ++row)
      {
        std::copy_n(scratch + static_cast<std::size_t>(row) * ColumnBlock, ColumnBlock,
          this->Spectrum.At(static_cast<std::size_t>(row) * width + block));
      }
    }
  }

  void TransformRowsBack(int threads)
  {
    const int width = SpectrumWidth(this->Size);
#pragma omp parallel for num_threads(threads)
    for (int row = 0; row < this->Size; ++row)
    {
      Complex* scratch = this->ThreadScratch();
      auto* real = reinterpret_cast<float*>(scratch);
      std::copy_n(
        this->Spectrum.At(static_cast<std::size_t>(row) * width), this->Size + 1, scratch);
      fftwf_execute_dft_c2r(this->RowBackward->Get(), Raw(scratch), real);
      std::copy_n(real, this->Size, this->Values.At(static_cast<std::size_t>(row) * this->Size));
    }
  }

  /** Interpolates the potential and its gradient. */
  void Gather(int threads, Eigen::Ref<Eigen::ArrayXd> similarities, Eigen::Ref<Points> forces) const
  {
    const auto count = static_cast<int>(this->Places.size());
    const double perSlope = -0.5 / this->Spacing;
    const double uncounted = this->Close ? count - 1.0 : 0.0;
#pragma omp parallel for num_threads(threads)
    for (int at = 0; at < count; ++at)
    {
      const int i = this->Order[at];
      const Place& place = this->Places[i];
      const Spline x(place.OffsetX);
      const Spline y(place.OffsetY);
      const float* node =
        this->Values.At(static_cast<std::size_t>(place.Row) * this->Size + place.Column);
      float value = 0.0f;
      float slopeX = 0.0f;
      float slopeY = 0.0f;
      for (int row = 0; row < Reach; ++row, node += this->Size)
      {
        float sum = 0.0f;
        float slope = 0.0f;
        for (int column = 0; column < Reach; ++column)
        {
          sum += node[column] * x.Value[column];
          slope += node[column] * x.Slope[column];
        }
        value += y.Value[row] * sum;
        slopeX += y.Value[row] * slope;
        slopeY += y.Slope[row] * sum;
      }
      this->Self.Remove(x, y, value, slopeX, slopeY);
      similarities[i] = value + uncounted;
      forces(i, 0) = perSlope * slopeX;
      forces(i, 1) = perSlope * slopeY;
    }
  }

  Complex* ThreadScratch()
  {
    return this->Scratch.At(static_cast<std::size_t>(omp_get_thread_num()) * this->ScratchSize());
  }

  int Size;
  int Padded;
  double Spacing;
  /** Whether the points are so close that similarities are counted from 1 downwards. */
  bool Close;
  /** Size x Size: charges, then the potential. */
  Buffer<float> Values;
  /** Size rows of Size + 1 frequencies, padded to whole blocks of columns. */
  Buffer<Complex> Spectrum;
  /** (Size + 1)^2, real and even. */
  Buffer<float> Kernel;
  SelfPotential Self;
  Buffer<Complex> Scratch;
  int Threads;
  std::unique_ptr<Plan> Forward, Backward, RowForward, RowBackward;
  std::vector<Place> Places;
  std::vector<int> StripeBegin;
  std::vector<int> Order;
};

GridRepulsion::GridRepulsion() = default;
GridRepulsion::~GridRepulsion() = default;

void GridRepulsion::Compute(const Eigen::Ref<const Points>& points, int threads,
  Eigen::Ref<Eigen::ArrayXd> similarities, Eigen::Ref<Points> forces)
{
  const Eigen::RowVector2d lower = points.colwise().minCoeff();
  const double extent = (points.colwise().maxCoeff().matrix() - lower).maxCoeff();
  // Halved as often as needed, the spacing changes rarely, and with it the kernel.
  double spacing = WidestSpacing;
  while (extent > 0.0 && extent < FewestNodes * spacing && spacing > 1e-30)
  {
    spacing *= 0.5;
  }
  const double nodes = extent / spacing + 2 * Margin + 1;
  if (!(nodes < MostNodes))
  {
    throw ResourceError("The points are spread over " + std::to_string(extent) +
      " units of t-SNE, more than the repulsion's grid can cover; lower the Learning Rate.");
  }
  const int size = GoodSize(static_cast<int>(nodes) + 1);
  if (!this->Nodes || !this->Nodes->Fits(size, spacing, threads))
  {
    this->Nodes.reset(); // before the next one takes memory
    this->Nodes = std::make_unique<Grid>(size, spacing, threads);
  }
  this->Nodes->Compute(points, lower, threads, similarities, forces);
}
}
