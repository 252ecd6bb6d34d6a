// SPDX-License-Identifier: BSD-3-Clause
//
// Encodes the images of a file and tells how many it did per second; benchmark.py runs it beside
// PyTorch.

#include "Filters/FeatureEncoder/Core/FeatureEncoder.h"
#include "Filters/Networks/Blas.h"
#include "Filters/Networks/SafetensorsFile.h"

#include <ATen/ATen.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <sys/resource.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

namespace
{
double Now()
{
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(time).count();
}

int Run(int argc, char** argv)
{
  tdl::PrepareBlas();
  std::string images;
  std::string output;
  int repeats = 1;
  tdl::EncoderParameters parameters;
  CLI::App app("Encodes the images of a file and tells how many it did per second");
  app.option_defaults()->always_capture_default();
  app.add_option("folder", parameters.EncoderFolder, "Folder of the network")->required();
  app.add_option("images", images, "safetensors file with \"images\", N x H x W x C bytes")
    ->required();
  app.add_option("output", output, "safetensors file for the features of the first N");
  app.add_option("--repeats", repeats, "How many times the images are encoded, in one go");
  app.add_option("--batch", parameters.BatchSize, "Images between two reports; 0 = automatic");
  app.add_option("--threads", parameters.Threads, "Threads; 0 = all cores");
  CLI11_PARSE(app, argc, argv);

  const at::Tensor pixels = tdl::SafetensorsFile(images).Get("images").contiguous();
  const int width = static_cast<int>(pixels.size(2));
  const int channels = static_cast<int>(pixels.size(3));
  std::vector<tdl::ImageView> views;
  for (std::int64_t i = 0; i < repeats * pixels.size(0); ++i)
  {
    views.push_back({ pixels[i % pixels.size(0)].data_ptr<std::uint8_t>(),
      static_cast<std::ptrdiff_t>(width) * channels, width, static_cast<int>(pixels.size(1)),
      channels });
  }
  // Opening the network and the first image do not count, as they do not for the others.
  double begin = 0.0;
  double end = 0.0;
  std::size_t before = 0;
  const tdl::EncodedImages encoded = tdl::EncodeImages(views, {}, parameters,
    [&](const tdl::Progress& progress)
    {
      end = Now();
      if (begin == 0.0)
      {
        begin = end;
        before = static_cast<std::size_t>(std::llround(progress.Fraction * views.size()));
      }
      return true;
    });
  if (!output.empty())
  {
    const at::Tensor features =
      at::tensor(encoded.Features, at::kFloat).view({ -1, encoded.Dimension });
    tdl::WriteSafetensors(output, { { "features", features.slice(0, 0, pixels.size(0)) } });
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::cout << nlohmann::json({ { "images_per_s", (views.size() - before) / (end - begin) },
                 { "dimension", encoded.Dimension }, { "peak_mb", usage.ru_maxrss / 1024.0 } })
            << "\n";
  return 0;
}
}

int main(int argc, char** argv)
{
  try
  {
    return Run(argc, argv);
  }
  catch (const std::exception& error)
  {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
