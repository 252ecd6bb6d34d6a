// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/FeatureEncoder/Core/Testing/GoldenFile.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/PrincipalComponents.h"

#include <gtest/gtest.h>

namespace
{
std::vector<float> Components(
  const std::vector<float>& features, int dimension, int components, int threads)
{
  return tdl::PrincipalComponents(
    features.data(), features.size() / dimension, dimension, components, threads);
}

TEST(PrincipalComponents, AreThoseOfScikitLearn)
{
  const tdl::GoldenFile golden("pca.safetensors");
  const std::vector<float> expected = golden.Floats("coordinates");
  const std::vector<float> found = Components(golden.Floats("data"), 70, 5, /*threads=*/2);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
  {
    ASSERT_NEAR(found[i], expected[i], 1e-4) << i;
  }
}

TEST(PrincipalComponents, AreTheSameBitsAtAnyNumberOfThreads)
{
  const std::vector<float> data = tdl::GoldenFile("pca.safetensors").Floats("data");
  EXPECT_EQ(Components(data, 70, 5, 1), Components(data, 70, 5, 3));
}

TEST(PrincipalComponents, StandEqualImages)
{
  const std::vector<float> equal(4 * 3, 0.25F);
  EXPECT_EQ(Components(equal, 3, 2, 1), std::vector<float>(4 * 2, 0.0F));
}

TEST(PrincipalComponents, AreNotMoreThanThereAre)
{
  const std::vector<float> data(4 * 10);
  EXPECT_EQ(Components(data, 10, 3, 1).size(), 4 * 3);
  EXPECT_THROW(Components(data, 10, 4, 1), tdl::ParameterError);
  EXPECT_THROW(Components(data, 10, 0, 1), tdl::ParameterError);
  EXPECT_THROW(Components(std::vector<float>(10), 10, 1, 1), tdl::ParameterError);
}
}
