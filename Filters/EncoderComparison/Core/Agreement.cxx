// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EncoderComparison/Core/Agreement.h"

#include "Filters/Divergence/Core/MergeTree.h"
#include "Filters/EmbeddingQuality/Core/DistanceTiles.h"
#include "Filters/EvolutionaryEmbedding/Core/Simd.h"
#include "Filters/Foundation/ForEach.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace tdl
{
namespace
{
constexpr int Group = DistanceTile::Group;
constexpr int TileWidth = DistanceTile::Width;
/** Rows of the matrices that one thread works on; fixed, so that sums do not depend on threads. */
constexpr int BlockSize = 4 * Group;

/** Distances, less a constant, of the rows of a block to those of a tile. */
using Patch = std::array<DistanceTile::Distances, BlockSize>;

/** The two matrices of an encoder: distances (0) and their squares (1). */
constexpr int Kinds = 2;

TDL_SIMD_CLONES double Dot(const double* a, const double* b, std::size_t count)
{
  double sum = 0.0;
#pragma omp simd reduction(+ : sum)
  for (std::size_t i = 0; i < count; ++i)
  {
    sum += a[i] * b[i];
  }
  return sum;
}

/** Sums over the rows of a matrix, and over its products with the matrices of other encoders. */
struct Sums
{
  /** [E] Of a row, n x 1. */
  std::vector<Eigen::VectorXd> Rows;
  /** [blocks] E x E, of products; the upper triangle. */
  std::vector<Eigen::MatrixXd> Products;

  Sums(std::size_t encoders, int count, int blocks)
    : Rows(encoders, Eigen::VectorXd::Zero(count))
    , Products(blocks, Eigen::MatrixXd::Zero(encoders, encoders))
  {
  }

  /**
   * Sum over the products of two matrices after double centering, which a constant that was taken
   * off all distances does not change.
   */
  double Centered(int a, int b) const
  {
    double sum = 0.0;
    for (const Eigen::MatrixXd& products : this->Products)
    {
      sum += products(a, b);
    }
    const auto count = static_cast<double>(this->Rows[a].size());
    return sum - 2.0 / count * this->Rows[a].dot(this->Rows[b]) +
      this->Rows[a].sum() / count * (this->Rows[b].sum() / count);
  }

  /** Share of the product in the two matrices' own, in [0, 1]; NaN where one of these is zero. */
  double Correlation(int a, int b) const
  {
    const double norm = std::sqrt(this->Centered(a, a)) * std::sqrt(this->Centered(b, b));
    return norm > 0.0 ? std::clamp(this->Centered(a, b) / norm, 0.0, 1.0)
                      : std::numeric_limits<double>::quiet_NaN();
  }
};

/** Mean squared distance between two rows, themselves included. */
double MeanSquaredDistance(const Vectors& rows)
{
  const Eigen::RowVectorXd mean = rows.cast<double>().colwise().mean();
  double sum = 0.0;
  for (Eigen::Index row = 0; row < rows.rows(); ++row)
  {
    sum += (rows.row(row).cast<double>() - mean).squaredNorm();
  }
  return 2.0 * sum / static_cast<double>(rows.rows());
}

/** Fills the patches of a tile [begin, end): zeros beyond the rows there are. */
void FillPatches(DistanceTiles<Vectors>& tiles, Range block, Range tile, double squareOffset,
  Patch& distances, Patch& squares)
{
  const double offset = std::sqrt(squareOffset);
  for (int first = 0; first < block.Size(); first += Group)
  {
    const auto& measured = tiles.Measure(first);
    for (int q = 0; q < std::min(Group, block.Size() - first); ++q)
    {
      for (int column = 0; column < tile.Size(); ++column)
      {
        distances[first + q][column] = std::sqrt(measured[q][column]) - offset;
        squares[first + q][column] = measured[q][column] - squareOffset;
      }
      std::fill(distances[first + q].begin() + tile.Size(), distances[first + q].end(), 0.0);
      std::fill(squares[first + q].begin() + tile.Size(), squares[first + q].end(), 0.0);
    }
  }
}
}

bool IsConstant(const Vectors& rows)
{
  for (Eigen::Index row = 1; row < rows.rows(); ++row)
  {
    if (rows.row(row) != rows.row(0))
    {
      return false;
    }
  }
  return true;
}

Agreement MeasureAgreement(const std::vector<Vectors>& encodings, int threads, const Tick& tick)
{
  const auto encoders = static_cast<int>(encodings.size());
  const auto count = static_cast<int>(encodings.front().rows());
  std::vector<double> offsets;
  double dimensions = 0.0;
  for (const Vectors& rows : encodings)
  {
    offsets.push_back(MeanSquaredDistance(rows));
    dimensions += static_cast<double>(rows.cols());
  }

  std::vector<Sums> sums(Kinds, Sums(encoders, count, (count + BlockSize - 1) / BlockSize));
  ForBlocks(count, BlockSize, dimensions * count, threads, tick,
    [&](int begin, int end)
    {
      const Range block{ begin, end };
      std::vector<DistanceTiles<Vectors>> tiles;
      for (const Vectors& rows : encodings)
      {
        tiles.emplace_back(rows).SetQueries([begin](int q) { return begin + q; }, block.Size());
      }
      std::vector<Patch> patches[Kinds] = { std::vector<Patch>(encoders),
        std::vector<Patch>(encoders) };
      for (int column = 0; column < count; column += TileWidth)
      {
        const Range tile{ column, std::min(column + TileWidth, count) };
        for (int e = 0; e < encoders; ++e)
        {
          tiles[e].SetTile([column](int row) { return column + row; }, tile.Size());
          FillPatches(tiles[e], block, tile, offsets[e], patches[0][e], patches[1][e]);
        }
        for (int kind = 0; kind < Kinds; ++kind)
        {
          Eigen::MatrixXd& products = sums[kind].Products[begin / BlockSize];
          for (int a = 0; a < encoders; ++a)
          {
            for (int row = 0; row < block.Size(); ++row)
            {
              const DistanceTile::Distances& values = patches[kind][a][row];
              for (double value : values)
              {
                sums[kind].Rows[a][begin + row] += value;
              }
            }
            for (int b = a; b < encoders; ++b)
            {
              products(a, b) +=
                Dot(patches[kind][a].front().data(), patches[kind][b].front().data(),
                  static_cast<std::size_t>(block.Size()) * TileWidth);
            }
          }
        }
      }
    });

  Agreement agreement;
  for (int a = 0; a < encoders; ++a)
  {
    for (int b = a + 1; b < encoders; ++b)
    {
      const bool defined = !IsConstant(encodings[a]) && !IsConstant(encodings[b]);
      const double nan = std::numeric_limits<double>::quiet_NaN();
      agreement.DistanceCorrelation.push_back(defined ? std::sqrt(sums[0].Correlation(a, b)) : nan);
      agreement.CKA.push_back(defined ? sums[1].Correlation(a, b) : nan);
    }
  }
  return agreement;
}
}
