// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/EncoderComparison/Core/EncoderNames.h"

#include <gtest/gtest.h>

using namespace tdl;

using Names = std::vector<std::string>;

TEST(EncoderNames, AreTheKindsWhereTheseDiffer)
{
  EXPECT_EQ(NameEncoders({ R"({"encoder": {"encoder": "Model", "folder": "/a/resnet"}})",
              R"({"model": "m", "encoder": {"encoder": "PCA", "components": 50}})",
              R"({"encoder": "mine"})" }),
    (Names{ "Model", "PCA", "mine" }));
  EXPECT_EQ(NameEncoders({}), Names{});
}

TEST(EncoderNames, TellWhatDiffers)
{
  EXPECT_EQ(NameEncoders({ R"({"encoder": {"encoder": "Model", "folder": "/a/resnet/"}})",
              R"({"encoder": {"encoder": "Model", "folder": "/b/dino"}})" }),
    (Names{ "Model (resnet)", "Model (dino)" }));
  EXPECT_EQ(
    NameEncoders({ R"({"encoder": {"encoder": "Model", "folder": "/a/b", "output": "Pooled"}})",
      R"({"encoder": {"encoder": "Model", "folder": "/a/b", "output": "Class Scores",
                      "checksum": "f00", "device": "cuda"}})" }),
    (Names{ "Model (Pooled)", "Model (Class Scores)" }));
  EXPECT_EQ(NameEncoders({ R"({"encoder": {"encoder": "Pixels", "normalization": "None"}})",
              R"({"encoder": {"encoder": "Pixels", "normalization": "L2"}})",
              R"({"encoder": {"encoder": "Pixels", "normalization": "L2",
                              "image_array": "PredictedImage"}})" }),
    (Names{ "Pixels", "Pixels (L2)", "Pixels (L2, PredictedImage)" }));
  EXPECT_EQ(NameEncoders({ R"({"encoder": {"encoder": "PCA", "cell_size": 8}})",
              R"({"encoder": {"encoder": "PCA", "cell_size": 16}})" }),
    (Names{ "PCA (cell size 8)", "PCA (cell size 16)" }));
}

TEST(EncoderNames, AreNumbersWhereNothingDiffersOrIsTold)
{
  const std::string model = R"({"encoder": {"encoder": "Model"}})";
  EXPECT_EQ(NameEncoders({ model, model, R"({"encoder": "Model 2"})", model }),
    (Names{ "Model", "Model 2", "Model 2 2", "Model 3" }));
  EXPECT_EQ(NameEncoders({ "", "no JSON", "[]", R"({"encoder": 5})", R"({"encoder": {"kind": 1}})",
              R"({"encoder": {"encoder": ""}})", R"({"encoder": "Encoder 1"})" }),
    (Names{ "Encoder 1", "Encoder 2", "Encoder 3", "Encoder 4", "Encoder 5", "Encoder 6",
      "Encoder 1 2" }));
}
