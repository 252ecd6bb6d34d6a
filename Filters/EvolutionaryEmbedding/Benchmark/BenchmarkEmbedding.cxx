// SPDX-License-Identifier: BSD-3-Clause
//
// Embeds the rows of a .npy file and tells how long it took; benchmark.py runs it beside other
// programs. With --instances the rows are as many instances, iteration by iteration, and all three
// losses count; without, the embedding is plain t-SNE.

#include "Filters/EvolutionaryEmbedding/Core/EvolutionaryEmbedding.h"
#include "Readers/Arrays/ArrayFile.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
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
  std::string features;
  std::string output;
  int instances = 0;
  tdl::EmbeddingParameters parameters;
  parameters.Scope = tdl::NeighborhoodScope::AllElements;
  parameters.Perplexity = 30.0;
  parameters.EarlyExaggeration = 12.0;
  parameters.Steps = 750;
  CLI::App app("Embeds the rows of a .npy file and tells how long it took");
  app.option_defaults()->always_capture_default();
  app.add_option("features", features, "N x D numbers, .npy")->required();
  app.add_option("output", output, "File for the points: N x 2 float64, column by column");
  app.add_option("--instances", instances, "Instances, a divisor of N; 0 = plain t-SNE");
  app.add_option("--steps", parameters.Steps, "Steps of the optimization");
  app.add_option("--perplexity", parameters.Perplexity, "Effective number of neighbors");
  app.add_option("--threads", parameters.Threads, "Threads; 0 = all cores");
  CLI11_PARSE(app, argc, argv);

  tdl::SharedArray matrix = tdl::OpenMatrix(features);
  const std::vector<float> values = matrix->ReadAll();
  const std::vector<std::uint64_t> shape = matrix->Shape;
  matrix.reset(); // the file's memory is not the embedding's

  tdl::Elements elements;
  elements.Features = values.data();
  elements.Count = static_cast<int>(shape[0]);
  elements.Dimension = static_cast<int>(shape[1]);
  const int perIteration = instances > 0 ? instances : elements.Count;
  for (int row = 0; row < elements.Count; ++row)
  {
    elements.Instance.push_back(row % perIteration);
    elements.Iteration.push_back(row / perIteration);
  }
  if (instances == 0)
  {
    parameters.DisplacementWeight = 0.0;
    parameters.AlignmentWeight = 0.0;
  }

  const double begin = Now();
  double optimization = begin;
  bool prepared = false;
  // A wish to stop waits for the next question; the last wait is for the result.
  double asked = begin;
  double wait = 0.0;
  const tdl::Monitor monitor = [&](const tdl::Progress& progress)
  {
    wait = std::max(wait, Now() - asked);
    asked = Now();
    if (!prepared && progress.Stage == "Optimization")
    {
      prepared = true;
      optimization = Now();
    }
    return true;
  };
  tdl::EvolutionaryEmbedding embedding(elements, parameters, monitor);
  embedding.Start(elements, parameters, monitor);
  embedding.Run(monitor);
  const tdl::EmbeddingResult result = embedding.GetResult();
  const double end = Now();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const nlohmann::json report{ { "elements", elements.Count },
    { "preparation_s", optimization - begin }, { "optimization_s", end - optimization },
    { "total_s", end - begin }, { "longest_wait_s", wait }, { "result_s", end - asked },
    { "loss", result.History.back().Semantic }, { "peak_kb", usage.ru_maxrss } };
  std::cout << report.dump() << "\n";
  if (!output.empty())
  {
    std::ofstream file(output, std::ios::binary);
    file.write(reinterpret_cast<const char*>(result.Position.data()),
      static_cast<std::streamsize>(result.Position.size() * sizeof(double)));
  }
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
