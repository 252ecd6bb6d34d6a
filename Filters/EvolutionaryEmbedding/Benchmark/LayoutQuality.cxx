// SPDX-License-Identifier: BSD-3-Clause
//
// Measures how well the embedding lays out trees, beside plain t-SNE of each iteration. Makes two
// trees with known splits, and takes features of a real run; README.md has the figures.

#include "Filters/EmbeddingQuality/Core/EmbeddingQuality.h"
#include "Filters/EvolutionaryEmbedding/Core/EvolutionaryEmbedding.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Pi.h"
#include "Readers/Arrays/ArrayFile.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace
{
using tdl::Pi;

/** Features in the order of instances, then iterations; an instance is of the prompt of its place.
 */
struct DataSet
{
  std::string Name;
  int Instances = 0;
  int Iterations = 0;
  tdl::FeatureMatrix Features;
  /** [instances] */
  std::vector<int> Prompt;

  int Row(int instance, int iteration) const { return instance * this->Iterations + iteration; }

  tdl::Elements Elements() const
  {
    tdl::Elements elements;
    elements.Features = this->Features.data();
    elements.Count = static_cast<int>(this->Features.rows());
    elements.Dimension = static_cast<int>(this->Features.cols());
    for (int row = 0; row < elements.Count; ++row)
    {
      elements.Instance.push_back(row / this->Iterations);
      elements.Iteration.push_back(row % this->Iterations);
    }
    return elements;
  }

  std::vector<int> PromptOfRows() const
  {
    std::vector<int> prompts;
    for (Eigen::Index row = 0; row < this->Features.rows(); ++row)
    {
      prompts.push_back(this->Prompt[row / this->Iterations]);
    }
    return prompts;
  }
};

/** Where branches part: at `At` of the iterations each parts into `Parts`, `Distance` apart. */
struct Split
{
  double At;
  int Parts;
  float Distance;
};

/**
 * A tree with known splits. All instances are noise first, which each keeps (component j has the
 * deviation 0.5 j^-decay), and parts from the others at the splits.
 */
DataSet MakeTree(const std::string& name, const std::vector<Split>& splits, int instancesPerPrompt,
  int iterations, int dimension, float decay)
{
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  const auto vector = [&](float scale, float power) -> Eigen::RowVectorXf
  {
    Eigen::RowVectorXf result(dimension);
    for (int j = 0; j < dimension; ++j)
    {
      result[j] = scale * normal(random) * std::pow(static_cast<float>(j + 1), -power);
    }
    return result;
  };
  int prompts = 1;
  // Of each prompt, what is added at each split.
  std::vector<std::vector<Eigen::RowVectorXf>> ways(1);
  for (const Split& split : splits)
  {
    std::vector<std::vector<Eigen::RowVectorXf>> finer;
    for (const auto& way : ways)
    {
      for (int part = 0; part < split.Parts; ++part)
      {
        finer.push_back(way);
        finer.back().push_back(vector(split.Distance, 0.0f));
      }
    }
    ways = std::move(finer);
    prompts *= split.Parts;
  }

  DataSet result;
  result.Name = name;
  result.Instances = prompts * instancesPerPrompt;
  result.Iterations = iterations;
  result.Features.resize(static_cast<Eigen::Index>(result.Instances) * iterations, dimension);
  for (int instance = 0; instance < result.Instances; ++instance)
  {
    const int prompt = instance / instancesPerPrompt;
    result.Prompt.push_back(prompt);
    const Eigen::RowVectorXf noise = vector(0.5f, decay);
    for (int k = 0; k < iterations; ++k)
    {
      Eigen::RowVectorXf features = noise + vector(0.1f, decay);
      for (std::size_t s = 0; s < splits.size(); ++s)
      {
        if (k >= splits[s].At * iterations)
        {
          features += ways[prompt][s];
        }
      }
      result.Features.row(result.Row(instance, k)) = features;
    }
  }
  return result;
}

DataSet ReadRun(const std::string& file, int instances, int prompts)
{
  const tdl::SharedArray matrix = tdl::OpenMatrix(file);
  const int rows = static_cast<int>(matrix->Shape[0]);
  if (instances < 1 || rows % instances != 0 || prompts < 1 || instances % prompts != 0)
  {
    throw tdl::DataError(file + " has " + std::to_string(rows) +
      " rows; set --instances to a divisor of them and --prompts to a divisor of the instances.");
  }
  DataSet result;
  result.Name = file.substr(file.find_last_of('/') + 1);
  result.Instances = instances;
  result.Iterations = rows / instances;
  result.Features.resize(rows, static_cast<Eigen::Index>(matrix->Shape[1]));
  const std::vector<float> values = matrix->ReadAll();
  std::copy(values.begin(), values.end(), result.Features.data());
  for (int instance = 0; instance < instances; ++instance)
  {
    result.Prompt.push_back(instance / (instances / prompts));
  }
  return result;
}

/** The coordinate across the displacement. */
double Across(tdl::Layout layout, const tdl::Points& points, int row)
{
  return layout == tdl::Layout::Radial ? std::atan2(points(row, 1), points(row, 0))
                                       : points(row, 1);
}

double Turned(double angle)
{
  return angle - 2.0 * Pi * std::round(angle / (2.0 * Pi));
}

/** Largest angle without a leaf, in degrees; of columns, the largest gap in percent. */
double LargestGap(const DataSet& data, tdl::Layout layout, const tdl::Points& points)
{
  std::vector<double> places;
  places.reserve(data.Instances);
  for (int i = 0; i < data.Instances; ++i)
  {
    places.push_back(Across(layout, points, data.Row(i, data.Iterations - 1)));
  }
  std::sort(places.begin(), places.end());
  const bool radial = layout == tdl::Layout::Radial;
  double gap = radial ? places.front() + 2.0 * Pi - places.back() : 0.0;
  for (std::size_t i = 1; i < places.size(); ++i)
  {
    gap = std::max(gap, places[i] - places[i - 1]);
  }
  return radial ? gap * 180.0 / Pi : 100.0 * gap / (places.back() - places.front());
}

/** Trajectories of other prompts that an instance crosses after iteration `from`. */
double CrossingsPerInstance(
  const DataSet& data, tdl::Layout layout, const tdl::Points& points, int from)
{
  const bool radial = layout == tdl::Layout::Radial;
  std::int64_t crossings = 0;
  for (int k = from; k + 1 < data.Iterations; ++k)
  {
    std::vector<double> here;
    std::vector<double> move;
    for (int i = 0; i < data.Instances; ++i)
    {
      here.push_back(Across(layout, points, data.Row(i, k)));
      const double step = Across(layout, points, data.Row(i, k + 1)) - here.back();
      move.push_back(radial ? Turned(step) : step);
    }
    for (int a = 0; a < data.Instances; ++a)
    {
      for (int b = 0; b < a; ++b)
      {
        if (data.Prompt[a] == data.Prompt[b])
        {
          continue;
        }
        // Around the circle, they meet at each whole turn.
        const double before = here[b] - here[a];
        const double after = before + move[b] - move[a];
        const double turn = 2.0 * Pi;
        crossings += radial
          ? std::abs(static_cast<int>(std::floor(after / turn) - std::floor(before / turn)))
          : static_cast<int>((before > 0.0) != (after > 0.0));
      }
    }
  }
  return 2.0 * static_cast<double>(crossings) / data.Instances;
}

struct Figures
{
  double Recall = 0.0, Trustworthiness = 0.0, Continuity = 0.0, RecallOverAll = 0.0;
  double Displacement = 0.0, Alignment = 0.0;
  double HitFirst = 0.0, HitLast = 0.0;
  double Gap = 0.0, Crossings = 0.0, CrossingsLate = 0.0;
  double RecallFirst = 0.0, RecallMiddle = 0.0, RecallLast = 0.0;
  double Seconds = 0.0;
};

/** The columns of the tables. */
const std::vector<std::pair<const char*, double Figures::*>> Columns = {
  { "recall", &Figures::Recall }, { "first third", &Figures::RecallFirst },
  { "second", &Figures::RecallMiddle }, { "last", &Figures::RecallLast },
  { "trustw.", &Figures::Trustworthiness }, { "contin.", &Figures::Continuity },
  { "over all", &Figures::RecallOverAll }, { "displ.", &Figures::Displacement },
  { "align.", &Figures::Alignment }, { "hit 1st", &Figures::HitFirst },
  { "hit last", &Figures::HitLast }, { "gap", &Figures::Gap }, { "crossings", &Figures::Crossings },
  { "second half", &Figures::CrossingsLate }, { "s", &Figures::Seconds }
};

void Print(const std::string& data, const std::string& what, const std::vector<Figures>& of)
{
  std::printf("| %s | %s |", data.c_str(), what.c_str());
  for (const auto& [name, member] : Columns)
  {
    double sum = 0.0;
    for (const Figures& figures : of)
    {
      sum += figures.*member;
    }
    const double mean = sum / static_cast<double>(of.size());
    std::printf(std::abs(mean) < 2.0 ? " %.3f |" : " %.1f |", mean);
  }
  std::printf("\n");
  std::fflush(stdout);
}

/** Mean of a measure over a third of the iterations, 0 to 2. */
double Third(const tdl::QualityResult& quality, int third, double tdl::QualityMeasures::*measure)
{
  const auto count = static_cast<int>(quality.Iterations.size());
  const int begin = third * count / 3;
  const int end = std::max(begin + 1, (third + 1) * count / 3);
  double sum = 0.0;
  for (int k = begin; k < std::min(end, count); ++k)
  {
    sum += quality.Iterations[k].Measures.*measure;
  }
  return sum / (std::min(end, count) - begin);
}

Figures Measure(const DataSet& data, tdl::Layout layout, const tdl::Points& points,
  std::vector<double> targets, int sample, int threads)
{
  tdl::MeasuredEmbedding embedding;
  embedding.Elements = data.Elements();
  embedding.Layout = layout;
  embedding.Position = points;
  embedding.TargetDisplacement = std::move(targets);
  embedding.Prompt = data.PromptOfRows();
  tdl::QualityParameters parameters;
  parameters.SampleSize = sample;
  parameters.Threads = threads;
  const tdl::QualityResult quality = tdl::MeasureQuality(embedding, parameters);

  Figures figures;
  figures.Recall = quality.Overall.Recall;
  figures.Trustworthiness = quality.Overall.Trustworthiness;
  figures.Continuity = quality.Overall.Continuity;
  figures.RecallOverAll = quality.RecallOverAll;
  figures.Displacement = quality.Overall.DisplacementError;
  figures.Alignment = quality.Overall.AlignmentError;
  figures.RecallFirst = Third(quality, 0, &tdl::QualityMeasures::Recall);
  figures.RecallMiddle = Third(quality, 1, &tdl::QualityMeasures::Recall);
  figures.RecallLast = Third(quality, 2, &tdl::QualityMeasures::Recall);
  figures.HitFirst = quality.Iterations.front().Measures.PromptHit;
  figures.HitLast = quality.Iterations.back().Measures.PromptHit;
  figures.Gap = LargestGap(data, layout, points);
  figures.Crossings = CrossingsPerInstance(data, layout, points, 0);
  figures.CrossingsLate = CrossingsPerInstance(data, layout, points, data.Iterations / 2);
  return figures;
}

/** Plain t-SNE of each iteration for itself. */
Figures Reference(const DataSet& data, tdl::EmbeddingParameters parameters, int sample, int threads)
{
  parameters.Scope = tdl::NeighborhoodScope::WithinIteration;
  parameters.DisplacementWeight = 0.0;
  parameters.AlignmentWeight = 0.0;
  tdl::Points points(data.Features.rows(), 2);
  for (int k = 0; k < data.Iterations; ++k)
  {
    tdl::FeatureMatrix features(data.Instances, data.Features.cols());
    tdl::Elements elements;
    for (int i = 0; i < data.Instances; ++i)
    {
      features.row(i) = data.Features.row(data.Row(i, k));
      elements.Instance.push_back(i);
      elements.Iteration.push_back(0);
    }
    elements.Features = features.data();
    elements.Count = data.Instances;
    elements.Dimension = static_cast<int>(features.cols());
    const tdl::Points result = tdl::Embed(elements, parameters).Position;
    for (int i = 0; i < data.Instances; ++i)
    {
      points.row(data.Row(i, k)) = result.row(i);
    }
  }
  return Measure(data, tdl::Layout::Radial, points, std::vector<double>(data.Features.rows(), 0.0),
    sample, threads);
}

int Run(int argc, char** argv)
{
  std::string file;
  std::filesystem::path output;
  std::string sets = "BC";
  std::string kinds = "rw,cw,ra,ca";
  int instances = 0;
  int prompts = 0;
  int seeds = 3;
  int sample = 5000;
  bool reference = true;
  tdl::EmbeddingParameters parameters;
  CLI::App app("Measures how well the embedding lays out trees");
  app.option_defaults()->always_capture_default();
  app.add_option("--features", file,
    "Features of a run, .npy: all iterations of an instance, then "
    "of the next, instances ordered by prompt");
  app.add_option("--instances", instances, "Number of its instances");
  app.add_option("--prompts", prompts, "Number of its prompts, of as many instances each");
  app.add_option("--made", sets, "Which made trees: B of 96 instances, C of 1,000");
  app.add_option(
    "--kinds", kinds, "Layout (r = radial, c = columns) and scope (w = within, a = all)");
  app.add_option("--seeds", seeds, "Seeds 0, 1, ..., whose figures are averaged");
  app.add_option("--sample", sample, "Elements of which recall over all is taken");
  app.add_flag("--reference,!--no-reference", reference, "Plain t-SNE too");
  app.add_option("--perplexity", parameters.Perplexity, "0 = automatic");
  app.add_option("--displacement-weight", parameters.DisplacementWeight);
  app.add_option("--alignment-weight", parameters.AlignmentWeight);
  app.add_option("--steps", parameters.Steps);
  app.add_option("--early-exaggeration", parameters.EarlyExaggeration);
  app.add_option("--learning-rate", parameters.LearningRate);
  app.add_option("--threads", parameters.Threads, "0 = all cores");
  app.add_option("--output", output, "Folder for the points of seed 0: N x 2 float64, by column");
  CLI11_PARSE(app, argc, argv);

  std::vector<DataSet> data;
  if (!file.empty())
  {
    data.push_back(ReadRun(file, instances, prompts));
  }
  if (sets.find('B') != std::string::npos)
  {
    data.push_back(MakeTree("B", { { 0.25, 3, 4.0f }, { 0.5, 2, 2.0f } }, 16, 30, 8, 0.0f));
  }
  if (sets.find('C') != std::string::npos)
  {
    data.push_back(MakeTree("C", { { 0.15, 4, 0.6f }, { 0.4, 5, 0.4f } }, 50, 24, 48, 0.5f));
  }
  std::printf("| data | what |");
  for (const auto& column : Columns)
  {
    std::printf(" %s |", column.first);
  }
  std::printf("\n|---|---|");
  for (std::size_t column = 0; column < Columns.size(); ++column)
  {
    std::printf("---|");
  }
  std::printf("\n");
  for (const DataSet& set : data)
  {
    if (reference)
    {
      const auto begin = std::chrono::steady_clock::now();
      Figures figures = Reference(set, parameters, sample, parameters.Threads);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
      figures.Seconds = took.count();
      Print(set.Name, "plain t-SNE of each iteration", { figures });
    }
    const std::map<std::string, const char*> names = { { "rw", "radial, within" },
      { "cw", "columns, within" }, { "ra", "radial, all" }, { "ca", "columns, all" } };
    for (const auto& [kind, name] : names)
    {
      if (kinds.find(kind) == std::string::npos)
      {
        continue;
      }
      tdl::EmbeddingParameters own = parameters;
      own.Layout = kind[0] == 'r' ? tdl::Layout::Radial : tdl::Layout::Rectilinear;
      own.Scope = kind[1] == 'w' ? tdl::NeighborhoodScope::WithinIteration
                                 : tdl::NeighborhoodScope::AllElements;
      std::vector<Figures> all;
      for (int seed = 0; seed < seeds; ++seed)
      {
        own.Seed = seed;
        const auto begin = std::chrono::steady_clock::now();
        const tdl::EmbeddingResult result = tdl::Embed(set.Elements(), own);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        all.push_back(Measure(set, own.Layout, result.Position,
          { result.TargetDisplacement.begin(), result.TargetDisplacement.end() }, sample,
          own.Threads));
        all.back().Seconds = took.count();
        if (seed == 0 && !output.empty())
        {
          const std::filesystem::path name = set.Name + "-" + kind + ".bin";
          std::ofstream points(output / name, std::ios::binary);
          points.write(reinterpret_cast<const char*>(result.Position.data()),
            static_cast<std::streamsize>(result.Position.size() * sizeof(double)));
        }
      }
      Print(set.Name, name, all);
    }
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
