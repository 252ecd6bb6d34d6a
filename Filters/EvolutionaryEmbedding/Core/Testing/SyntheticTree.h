// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/Elements.h"

#include <random>
#include <utility>
#include <vector>

namespace tdl
{
/** Owns the features that Elements borrows. */
struct OwnedElements
{
  FeatureMatrix Storage;
  tdl::Elements Elements;
  /** [N] Class of each element. */
  std::vector<int> Class;

  explicit OwnedElements(FeatureMatrix features)
    : Storage(std::move(features))
  {
    this->Elements.Features = this->Storage.data();
    this->Elements.Count = static_cast<int>(this->Storage.rows());
    this->Elements.Dimension = static_cast<int>(this->Storage.cols());
  }
  OwnedElements(OwnedElements&&) = default; // moved features stay where they are
};

/**
 * Runs with known splits: all instances are noise first, two groups part at a quarter of the
 * iterations, and two classes in each group at half of them. Rows are ordered by instance.
 */
inline OwnedElements MakeSyntheticTree(int instancesPerClass, int iterations, int dimension = 8)
{
  constexpr int classes = 4;
  const int instances = classes * instancesPerClass;
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  const auto vector = [&](float scale)
  {
    return Eigen::RowVectorXf::NullaryExpr(dimension, [&] { return scale * normal(random); })
      .eval();
  };
  std::vector<Eigen::RowVectorXf> groupCenters, classCenters;
  for (int c = 0; c < classes; ++c)
  {
    groupCenters.push_back(c % 2 == 0 ? vector(4.0f) : groupCenters.back());
    classCenters.push_back(vector(2.0f));
  }

  OwnedElements result(FeatureMatrix(instances * iterations, dimension));
  for (int instance = 0; instance < instances; ++instance)
  {
    const int c = instance / instancesPerClass;
    const Eigen::RowVectorXf noise = vector(0.5f);
    for (int k = 0; k < iterations; ++k)
    {
      Eigen::RowVectorXf features = noise + vector(0.1f);
      if (4 * k >= iterations)
      {
        features += groupCenters[c];
      }
      if (2 * k >= iterations)
      {
        features += classCenters[c];
      }
      result.Storage.row(instance * iterations + k) = features;
      result.Elements.Instance.push_back(instance);
      result.Elements.Iteration.push_back(k);
      result.Class.push_back(c);
    }
  }
  return result;
}
}
