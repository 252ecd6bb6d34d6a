// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/DiffusionSampler/Core/DiffusionSampler.h"
#include "Filters/Networks/Checksum.h"
#include "Filters/Networks/SafetensorsFile.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdio>

namespace
{
constexpr char Folder[] = TDL_MODELS "/FashionDenoiser";

std::string Hexadecimal(const at::Tensor& bytes)
{
  std::string text;
  for (std::int64_t i = 0; i < bytes.numel(); ++i)
  {
    char digits[3];
    std::snprintf(digits, sizeof(digits), "%02x", bytes[i].item<int>());
    text += digits;
  }
  return text;
}

// Largest difference between captured images and golden ones, whose first row is the upper one.
int Difference(const std::vector<std::uint8_t>& pixels, const at::Tensor& golden)
{
  const at::Tensor images = at::tensor(at::ArrayRef<std::uint8_t>(pixels), at::kByte);
  const at::Tensor upright = images.view(golden.sizes()).flip({ 1 });
  return (upright.to(at::kInt) - golden.to(at::kInt)).abs().max().item<int>();
}

// Against Testing/Golden/make_default_samples.py.
void CompareWithDiffusers(tdl::SchedulerKind scheduler, int steps, int every)
{
  const tdl::SafetensorsFile golden(TDL_TEST_DATA "/DefaultSamples.safetensors");
  ASSERT_EQ(tdl::FileChecksum(std::string(Folder) + "/unet/diffusion_pytorch_model.safetensors"),
    Hexadecimal(golden.Get("weights_sha256")))
    << "the golden samples are of other weights: run make_default_samples.py again";

  tdl::SamplerParameters parameters;
  parameters.ModelFolder = Folder;
  parameters.Prompts = { "Sneaker", "Dress" };
  parameters.InstancesPerPrompt = 2;
  parameters.InferenceSteps = steps;
  parameters.Scheduler = scheduler;
  parameters.GuidanceScale = 3.0; // as in the script
  parameters.CaptureEvery = every;
  parameters.Device = tdl::DeviceKind::CPU;
  const tdl::SampledImages images = tdl::SampleImages(parameters, {}, {});
  const std::string name = tdl::SchedulerName(scheduler);
  const at::Tensor noisy = golden.Get(name + ".Image");
  const at::Tensor predicted = golden.Get(name + ".PredictedImage");
  ASSERT_EQ(static_cast<std::int64_t>(images.Instances.size()), noisy.size(0));
  for (const tdl::SampledInstance& instance : images.Instances)
  {
    EXPECT_LE(Difference(instance.Image, noisy[instance.Instance]), 2);
    EXPECT_LE(Difference(instance.PredictedImage, predicted[instance.Instance]), 2);
  }
}
}

TEST(DefaultModel, SamplesAsDiffusersDoesWithDDIM)
{
  CompareWithDiffusers(tdl::SchedulerKind::DDIM, 50, 25);
}

TEST(DefaultModel, SamplesAsDiffusersDoesWithDDPM)
{
  CompareWithDiffusers(tdl::SchedulerKind::DDPM, 20, 10);
}

TEST(DefaultModel, SuggestsItsClassesInGroups)
{
  tdl::SamplerParameters parameters;
  parameters.ModelFolder = Folder;
  parameters.InstancesPerPrompt = 1;
  parameters.InferenceSteps = 1;
  parameters.GuidanceScale = 1;
  const tdl::SampledImages images = tdl::SampleImages(parameters, {}, {});
  EXPECT_EQ(images.Prompts.size(), 10U);
  EXPECT_EQ(
    images.Groups, (std::vector<std::string>{ "Tops", "Dresses", "Trousers", "Footwear", "Bags" }));
}
