// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/RecordedRun/Core/NamePattern.h"

#include "Filters/Foundation/Error.h"

#include <gtest/gtest.h>

#include <cmath>

namespace
{
using Files = std::vector<std::string>;

tdl::Manifest Describe(const Files& paths, const std::string& pattern = "")
{
  return tdl::DescribeImages(paths, pattern, "folder");
}

void ExpectError(const Files& paths, const std::string& pattern, const std::string& words)
{
  try
  {
    Describe(paths, pattern);
    ADD_FAILURE() << "accepted, expected: " << words;
  }
  catch (const tdl::Error& e)
  {
    const std::string message = e.what();
    EXPECT_NE(message.find(words), std::string::npos) << message;
    EXPECT_EQ(message.back(), '.') << message;
  }
}

const Files& Images(const tdl::Manifest& manifest, std::size_t instance)
{
  return manifest.Instances.at(instance).Images.at("Image");
}
}

TEST(NamePattern, KnowsPromptsInstancesAndSteps)
{
  const tdl::Manifest m = Describe({ "a cat/seed-7/step_010.png", "a cat/seed-7/step_000.png",
    "a cat/seed-12/step_000.png", "a cat/seed-12/step_010.png", "d\u00f6g/seed-7/step_000.png",
    "d\u00f6g/seed-7/step_010.jpg" });
  EXPECT_EQ(m.Prompts, (Files{ "a cat", "d\u00f6g" }));
  EXPECT_EQ(m.Groups, Files{ "Ungrouped" });
  ASSERT_EQ(m.Instances.size(), 3u);
  EXPECT_EQ(m.GetNumberOfIterations(), 2);
  EXPECT_EQ(m.Instances[0].Seed, 7);
  EXPECT_EQ(m.Instances[1].Seed, 12);
  EXPECT_EQ(m.Instances[2].Prompt, 1);
  EXPECT_EQ(m.Instances[2].Instance, 2); // 7 is there twice
  EXPECT_EQ(Images(m, 0), (Files{ "a cat/seed-7/step_000.png", "a cat/seed-7/step_010.png" }));
  EXPECT_EQ(Images(m, 2)[1], "d\u00f6g/seed-7/step_010.jpg");
}

TEST(NamePattern, KnowsTheUsualWays)
{
  struct Case
  {
    Files Paths;
    Files Prompts;
    std::vector<int> Instances;
  };
  for (const Case& c : { Case{ { "tops/coat/3/0.png", "tops/coat/3/1.png" }, { "coat" }, { 3 } },
         Case{ { "tops/coat/i3_k0.png", "tops/coat/i3_k1.png" }, { "coat" }, { 3 } },
         Case{ { "coat/3_0.png", "coat/3_1.png", "boot/4_0.png", "boot/4_1.png" },
           { "boot", "coat" }, { 3, 4 } },
         Case{ { "instance-007/Image-000.png", "instance-007/Image-001.png" }, { "Unknown prompt" },
           { 7 } },
         Case{ { "coat/0.png", "coat/1.png", "boot/0.png", "boot/1.png" }, { "boot", "coat" },
           { 0, 1 } },
         Case{ { "a red coat_3_0.webp", "a red coat_3_1.webp" }, { "a red coat" }, { 3 } },
         Case{ { "coat-3-0.png", "coat-3-1.png" }, { "coat" }, { 3 } },
         Case{ { "sd15 0003 00.png", "sd15 0003 01.png" }, { "Unknown prompt" }, { 3 } },
         Case{ { "ComfyUI_00001_.png", "ComfyUI_00002_.png" }, { "Unknown prompt" }, { 0 } } })
  {
    const tdl::Manifest m = Describe(c.Paths);
    EXPECT_EQ(m.Prompts, c.Prompts) << c.Paths[0];
    EXPECT_EQ(m.GetNumberOfIterations(), 2) << c.Paths[0];
    std::vector<int> instances;
    for (const tdl::ManifestInstance& instance : m.Instances)
    {
      instances.push_back(instance.Instance);
    }
    EXPECT_EQ(instances, c.Instances) << c.Paths[0];
  }
}

TEST(NamePattern, FollowsAPatternThatIsGiven)
{
  const tdl::Manifest m =
    Describe({ "run 5/tops, a coat, t999, Image.png", "run 5/tops, a coat, t0, Image.png",
               "run 5/tops, a coat, t0, PredictedImage.png" },
      "run {seed}/{group}, {prompt}, t{timestep}, {array}");
  EXPECT_EQ(m.Prompts, Files{ "a coat" });
  EXPECT_EQ(m.Groups, Files{ "tops" });
  EXPECT_EQ(m.Timestep, (std::vector<double>{ 999, 0 }));
  EXPECT_EQ(m.Instances[0].Seed, 5);
  EXPECT_EQ(Images(m, 0)[0], "run 5/tops, a coat, t999, Image.png");
  EXPECT_EQ(m.Instances[0].Images.at("PredictedImage")[0], "");
  EXPECT_EQ(Describe({ "x/1 foo.png" }, "{*}/{step} {*}").GetNumberOfIterations(), 1);
}

TEST(NamePattern, KeepsHoles)
{
  const tdl::Manifest one =
    Describe({ "1/0.png", "1/10.png", "1/20.png", "2/0.png", "2/20.png" }, "{instance}/{step}");
  EXPECT_EQ(Images(one, 1), (Files{ "2/0.png", "", "2/20.png" }));
  // A step that all instances lack keeps its place; the last one may lie off the grid.
  const tdl::Manifest all = Describe({ "0.png", "5.png", "10.png", "20.png", "24.png" });
  EXPECT_EQ(Images(all, 0), (Files{ "0.png", "5.png", "10.png", "", "20.png", "24.png" }));
  // Steps without a grid are numbered as they come.
  const tdl::Manifest none = Describe({ "0.png", "1.png", "10.png", "100.png", "1000000.png" });
  EXPECT_EQ(none.GetNumberOfIterations(), 5);
}

TEST(NamePattern, RefusesNamesThatDoNotTell)
{
  ExpectError({ "0.png", "cover.png" }, "", "cover.png in folder has a name that does not tell");
  ExpectError({ "1/0.png", "1/x.png" }, "{instance}/{step}", "x.png in folder does not follow");
  ExpectError({ "1/0.png", "1/0.jpg" }, "{instance}/{step}", "1/0.jpg and 1/0.png in folder");
  ExpectError({ "1/01.png", "1/1.png" }, "{instance}/{step}", "remove one of the two");
  ExpectError({ "99999999999999999999.png" }, "", "larger than");
  ExpectError({ "1 Depth.png" }, "{step} {array}", "of the array 'Depth'");
  Files names;
  for (int i = 0; i < 2000; ++i)
  {
    names.push_back(std::to_string(i) + "_" + std::to_string(i) + ".png");
  }
  ExpectError(names, "", "most of which are missing");
}

TEST(NamePattern, RefusesPatternsThatAreNone)
{
  ExpectError({ "0.png" }, "{instance}", "must hold {step} or {timestep}");
  ExpectError({ "0.png" }, "{step}{timestep}", "must hold {step} or {timestep}");
  ExpectError({ "0.png" }, "{step}/{step}", "repeats {step}");
  ExpectError({ "0.png" }, "{frame}", "unknown placeholder");
  ExpectError({ "0.png" }, "{step", "unknown placeholder");
}

TEST(NamePattern, TakesHardNamesInNoTime)
{
  const std::string name(4000, 'a');
  ExpectError({ name }, "{*}b{*}b{*}b{*}b{*}b{*}b{step}", "does not follow");
}
