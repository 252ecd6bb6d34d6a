// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/PrincipalComponents.h"

#include "Filters/Foundation/Error.h"

#include <Eigen/Dense>

#include <algorithm>
#include <string>

namespace tdl
{
namespace
{
using RowMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/** Rows and columns worked on at a time; fixed, so that sums do not depend on the threads. */
constexpr Eigen::Index BlockRows = 256;
constexpr Eigen::Index BlockColumns = 64;

/** The lower triangle of sum over the rows of (x - mean) (x - mean)^T. */
Eigen::MatrixXd Scatter(const Eigen::Map<const RowMatrix>& data, const Eigen::RowVectorXd& mean,
  int threads, const Tick& tick)
{
  const Eigen::Index dimension = data.cols();
  Eigen::MatrixXd scatter = Eigen::MatrixXd::Zero(dimension, dimension);
  // Threads that have nothing to do would wait for each other once per block.
  const int busy = dimension > BlockColumns ? threads : 1;
  for (Eigen::Index row = 0; row < data.rows(); row += BlockRows)
  {
    tick(static_cast<double>(row) / static_cast<double>(data.rows()));
    const Eigen::MatrixXd block =
      data.middleRows(row, std::min(BlockRows, data.rows() - row)).cast<double>().rowwise() - mean;
#pragma omp parallel for schedule(dynamic) num_threads(busy)
    for (Eigen::Index column = 0; column < dimension; column += BlockColumns)
    {
      const Eigen::Index width = std::min(BlockColumns, dimension - column);
      const Eigen::Index below = dimension - column;
      scatter.block(column, column, below, width).noalias() +=
        block.rightCols(below).transpose() * block.middleCols(column, width);
    }
  }
  return scatter;
}
}

std::vector<float> PrincipalComponents(const float* features, std::size_t rows, int dimension,
  int components, int threads, const Tick& tick)
{
  const auto count = static_cast<Eigen::Index>(rows);
  const Eigen::Index most = std::min<Eigen::Index>(count - 1, dimension);
  if (components < 1 || components > most)
  {
    throw ParameterError("Components is " + std::to_string(components) + ", but " +
      std::to_string(count) + " images of " + std::to_string(dimension) + " values have " +
      (most < 1 ? "none; give it more images."
                : "1 to " + std::to_string(most) + " principal components; choose from these."));
  }
  const Eigen::Map<const RowMatrix> data(features, count, dimension);
  const Eigen::RowVectorXd mean = data.cast<double>().colwise().mean();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(Scatter(data, mean, threads, tick));
  // The solver sorts by increasing variance.
  Eigen::MatrixXd axes = solver.eigenvectors().rightCols(components).rowwise().reverse();
  for (Eigen::Index i = 0; i < axes.cols(); ++i)
  {
    Eigen::Index largest = 0;
    axes.col(i).cwiseAbs().maxCoeff(&largest);
    axes.col(i) *= axes(largest, i) < 0.0 ? -1.0 : 1.0;
  }

  std::vector<float> result(count * components);
  Eigen::Map<RowMatrix> coordinates(result.data(), count, components);
#pragma omp parallel for schedule(static) num_threads(threads)
  for (Eigen::Index row = 0; row < count; row += BlockRows)
  {
    const Eigen::Index height = std::min(BlockRows, count - row);
    coordinates.middleRows(row, height) =
      ((data.middleRows(row, height).cast<double>().rowwise() - mean) * axes).cast<float>();
  }
  return result;
}
}
