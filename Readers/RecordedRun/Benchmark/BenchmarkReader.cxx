// SPDX-License-Identifier: BSD-3-Clause

// Reads a folder of images as a recorded run, and beside it by a plain loop over the same decoder;
// tells the ratio of the rates. The images are made first, in a folder that is removed in the end.

#include "Filters/Foundation/ForEach.h"
#include "Filters/Foundation/Threads.h"
#include "Readers/RecordedRun/Core/RecordedRun.h"

#include <CLI/CLI.hpp>
#include <png.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>

namespace
{
namespace fs = std::filesystem;

struct Options
{
  int Count = 100000;
  int Size = 64;
  int Iterations = 50;
  int Rounds = 3;
  std::string Folder = "benchmark-reader";
};

/** Smooth images with noise, which compress as those of a diffusion model do. */
std::vector<fs::path> WriteImages(const Options& options)
{
  std::vector<fs::path> files;
  std::mt19937 random(1);
  const tdl::ImageSize size{ options.Size, options.Size, 3 };
  std::vector<std::uint8_t> pixels(size.GetNumberOfBytes());
  for (int i = 0; i < options.Count; ++i)
  {
    const int instance = i / options.Iterations;
    const int iteration = i % options.Iterations;
    const unsigned noise = 1 + 100 * (options.Iterations - iteration) / options.Iterations;
    for (std::size_t p = 0; p < pixels.size(); ++p)
    {
      pixels[p] = static_cast<std::uint8_t>(p / 97 + random() % noise);
    }
    const fs::path folder = fs::path(options.Folder) / std::to_string(instance);
    fs::create_directories(folder);
    files.push_back(folder / (std::to_string(iteration) + ".png"));
    tdl::WritePng(files.back(), size, pixels.data());
  }
  return files;
}

template <typename Work>
double Seconds(Work work)
{
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/** Every file is read as a whole and decoded, one after the other. */
void ReadPlainly(const std::vector<fs::path>& files, std::size_t bytes, std::uint8_t* pixels)
{
  std::vector<char> encoded;
  for (const fs::path& file : files)
  {
    std::FILE* stream = std::fopen(file.c_str(), "rb");
    std::fseek(stream, 0, SEEK_END);
    encoded.resize(static_cast<std::size_t>(std::ftell(stream)));
    std::rewind(stream);
    if (std::fread(encoded.data(), 1, encoded.size(), stream) != encoded.size())
    {
      std::abort();
    }
    std::fclose(stream);
    png_image png{};
    png.version = PNG_IMAGE_VERSION;
    png_image_begin_read_from_memory(&png, encoded.data(), encoded.size());
    png.format = PNG_FORMAT_RGB;
    png_image_finish_read(&png, nullptr, pixels, -static_cast<png_int_32>(3 * png.width), nullptr);
    pixels += bytes;
  }
}

void ReadRun(const std::string& folder, int threads, std::size_t bytes, std::uint8_t* pixels)
{
  tdl::RunSource source;
  source.File = folder;
  const tdl::RecordedRun run(source);
  const int iterations = run.Description().GetNumberOfIterations();
  const int count = static_cast<int>(run.Description().Instances.size()) * iterations;
  tdl::ForEach(count, threads,
    [&](int i)
    {
      if (run.Has(i / iterations, i % iterations))
      {
        run.Read(
          "Image", i / iterations, i % iterations, pixels + static_cast<std::size_t>(i) * bytes);
      }
    });
}
}

int main(int argc, char** argv)
{
  Options options;
  CLI::App app("Times reading a folder of images beside a plain loop over the same decoder");
  app.option_defaults()->always_capture_default();
  app.add_option("--count", options.Count, "Images");
  app.add_option("--size", options.Size, "Their width and height");
  app.add_option("--iterations", options.Iterations, "Images of each instance");
  app.add_option("--rounds", options.Rounds, "Repetitions, of which the fastest counts");
  app.add_option("--folder", options.Folder, "Where the images are put, and removed");
  CLI11_PARSE(app, argc, argv);
  options.Count -= options.Count % options.Iterations;

  const std::vector<fs::path> files = WriteImages(options);
  const std::size_t bytes = tdl::ImageSize{ options.Size, options.Size, 3 }.GetNumberOfBytes();
  std::vector<std::uint8_t> expected(bytes * files.size());
  std::vector<std::uint8_t> pixels(expected.size());
  const int cores = tdl::ResolveThreads(0);
  double plain = 1e30;
  double single = 1e30;
  double parallel = 1e30;
  for (int round = 0; round < options.Rounds; ++round)
  {
    plain = std::min(plain, Seconds([&] { ReadPlainly(files, bytes, expected.data()); }));
    single = std::min(single, Seconds([&] { ReadRun(options.Folder, 1, bytes, pixels.data()); }));
    parallel =
      std::min(parallel, Seconds([&] { ReadRun(options.Folder, cores, bytes, pixels.data()); }));
  }
  fs::remove_all(options.Folder);
  if (pixels != expected)
  {
    std::cerr << "The images differ.\n";
    return 1;
  }
  const auto rate = [&files](double seconds)
  { return static_cast<double>(files.size()) / seconds; };
  std::printf("plain loop: %.0f images/s\nreader, 1 thread: %.0f images/s, ratio %.2f\n"
              "reader, %d threads: %.0f images/s, ratio %.2f\n",
    rate(plain), rate(single), plain / single, cores, rate(parallel), plain / parallel);
  return 0;
}
