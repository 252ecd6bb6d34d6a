// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EncoderComparison/Core/Agreement.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>
#include <random>
#include <utility>
#include <vector>

using namespace tdl;

namespace
{
Vectors MakeRandom(int rows, int dimension, unsigned seed)
{
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  return Vectors::NullaryExpr(rows, dimension, [&] { return normal(random); });
}

/** Features of the reference, of an iteration. */
Vectors ReadRows(const nlohmann::json& rows)
{
  Vectors values(rows.size(), rows.front().size());
  for (std::size_t i = 0; i < rows.size(); ++i)
  {
    for (std::size_t d = 0; d < rows[i].size(); ++d)
    {
      values(i, d) = rows[i][d].get<float>();
    }
  }
  return values;
}

/** Both measures of the only pair. */
std::pair<double, double> Compare(const Vectors& a, const Vectors& b)
{
  const Agreement agreement = MeasureAgreement({ a, b }, 1);
  return { agreement.CKA.at(0), agreement.DistanceCorrelation.at(0) };
}
}

TEST(Agreement, IsThatOfTheReference)
{
  std::ifstream file(TDL_TEST_DATA "/EncoderComparison/agreement.json");
  const auto data = nlohmann::json::parse(file);
  int compared = 0;
  for (std::size_t k = 0; k < data["expected"].size(); ++k)
  {
    std::vector<Vectors> encodings;
    for (const char* name : { "linear", "wide", "curved" })
    {
      encodings.push_back(ReadRows(data["features"][name][k]));
    }
    const nlohmann::json& expected = data["expected"][k];
    const Agreement agreement = MeasureAgreement(encodings, 2);
    ASSERT_EQ(agreement.CKA.size(), 3u);
    ASSERT_EQ(agreement.DistanceCorrelation.size(), 3u);
    for (std::size_t pair = 0; pair < 3; ++pair, ++compared)
    {
      EXPECT_NEAR(agreement.CKA[pair], expected["cka"][pair].get<double>(), 1e-10);
      EXPECT_NEAR(agreement.DistanceCorrelation[pair],
        expected["distance_correlation"][pair].get<double>(), 1e-10);
    }
  }
  EXPECT_EQ(compared, 6);
}

TEST(Agreement, IsOneOfWhatDiffersByRotationAndScale)
{
  const Vectors a = MakeRandom(150, 2, 1);
  Eigen::Matrix2f turn;
  turn << 0.6f, 0.8f, -0.8f, 0.6f;
  const Vectors b = (3.0f * a * turn).rowwise() + Eigen::RowVector2f(5.0f, -7.0f);
  const auto [cka, correlation] = Compare(a, b);
  EXPECT_NEAR(cka, 1.0, 1e-6);
  EXPECT_NEAR(correlation, 1.0, 1e-6);
  EXPECT_LE(Compare(a, a).first, 1.0);
  EXPECT_LE(Compare(a, a).second, 1.0);
}

TEST(Agreement, IsLowOfWhatIsIndependentAndSeesWhatIsNotLinear)
{
  const Vectors a = MakeRandom(600, 1, 1);
  EXPECT_LT(Compare(a, MakeRandom(600, 1, 2)).first, 0.02);
  EXPECT_LT(Compare(a, MakeRandom(600, 1, 2)).second, 0.12);
  const auto [cka, correlation] = Compare(a, a.cwiseAbs());
  EXPECT_LT(cka, 0.02); // which a straight line cannot tell
  EXPECT_GT(correlation, 0.4);
}

TEST(Agreement, IsNotDefinedOfConstantFeatures)
{
  const Vectors constant = Vectors::Constant(20, 3, 0.1f);
  const Vectors a = MakeRandom(20, 4, 1);
  const Agreement agreement = MeasureAgreement({ a, constant, a }, 1);
  EXPECT_TRUE(std::isnan(agreement.CKA[0]));
  EXPECT_TRUE(std::isnan(agreement.DistanceCorrelation[0]));
  EXPECT_NEAR(agreement.CKA[1], 1.0, 1e-12);
  EXPECT_TRUE(std::isnan(agreement.CKA[2]));
  EXPECT_TRUE(IsConstant(constant));
  EXPECT_FALSE(IsConstant(a));
}

TEST(Agreement, IsDefinedOfAnyNumberOfElements)
{
  // Of one there is nothing to compare; two are always as far apart as two.
  EXPECT_TRUE(std::isnan(Compare(MakeRandom(1, 3, 1), MakeRandom(1, 3, 2)).first));
  EXPECT_NEAR(Compare(MakeRandom(2, 3, 1), MakeRandom(2, 3, 2)).first, 1.0, 1e-12);
  EXPECT_NEAR(Compare(MakeRandom(2, 3, 1), MakeRandom(2, 3, 2)).second, 1.0, 1e-12);
  for (int count : { 3, 23, 24, 25, 63, 64, 65, 129 })
  {
    // Rows in another order have the same sums in another order.
    const Vectors a = MakeRandom(count, 3, 1);
    const Vectors b = MakeRandom(count, 5, 2);
    const auto [cka, correlation] = Compare(a, b);
    const auto reversed = Compare(a.colwise().reverse(), b.colwise().reverse());
    EXPECT_GT(cka, 0.0);
    EXPECT_NEAR(reversed.first, cka, 1e-12) << count;
    EXPECT_NEAR(reversed.second, correlation, 1e-12) << count;
  }
  EXPECT_TRUE(MeasureAgreement({ MakeRandom(5, 2, 1) }, 1).CKA.empty());
}

TEST(Agreement, KeepsItsDigitsFarFromTheOriginAndInExtremes)
{
  Vectors a = MakeRandom(50, 3, 1);
  const Vectors b = MakeRandom(50, 3, 2);
  a = (64.0f * a).array().round() / 64.0f; // so that it can be moved without rounding
  const auto [cka, correlation] = Compare(a, b);
  const auto moved = Compare((a.array() + 4096.0f).matrix(), b);
  EXPECT_NEAR(moved.first, cka, 1e-11);
  EXPECT_NEAR(moved.second, correlation, 1e-11);
  for (float scale : { 1e-15f, 1e30f })
  {
    const auto scaled = Compare(scale * a, b);
    EXPECT_NEAR(scaled.first, cka, 1e-6);
    EXPECT_NEAR(scaled.second, correlation, 1e-6);
  }
}

TEST(Agreement, HasTheSameBitsAtAnyNumberOfThreads)
{
  const std::vector<Vectors> encodings = { MakeRandom(333, 7, 1), MakeRandom(333, 40, 2),
    MakeRandom(333, 1, 3) };
  const Agreement one = MeasureAgreement(encodings, 1);
  for (int threads : { 2, 3, 8 })
  {
    const Agreement many = MeasureAgreement(encodings, threads);
    EXPECT_EQ(many.CKA, one.CKA);
    EXPECT_EQ(many.DistanceCorrelation, one.DistanceCorrelation);
  }
}
