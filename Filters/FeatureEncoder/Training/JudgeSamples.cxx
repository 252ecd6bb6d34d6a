// SPDX-License-Identifier: BSD-3-Clause
//
// Tells how good and how varied the samples of a denoiser of Fashion-MNIST are, by a classifier
// that was trained apart from the feature encoder:
//
//   recognized  share of samples taken for their prompt
//   variety     mean distance of two samples of a class, in the classifier's features, as a share
//   of
//               that of two test images
//   Frechet     distance of the samples from the test images (Heusel et al. 2017, in this
//               classifier's features), beside that of as many training images

#include "Filters/DiffusionSampler/Core/DiffusionSampler.h"
#include "Filters/FeatureEncoder/Core/FeatureEncoder.h"
#include "Filters/Networks/Training/FashionMnist.h"

#include <ATen/ATen.h>
#include <CLI/CLI.hpp>
#include <Eigen/Dense>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

namespace
{
using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr int Classes = tdl::FashionMnist::Classes;

/** Images as the classifier sees them, in the order of their classes. */
struct Judged
{
  Matrix Features;
  std::vector<int> Labels;   ///< What they are.
  std::vector<int> Verdicts; ///< What they are taken for.
};

Matrix Encode(
  const std::string& judge, const std::vector<tdl::ImageView>& images, tdl::FeatureOutput output)
{
  tdl::EncoderParameters parameters;
  parameters.EncoderFolder = judge;
  parameters.Output = output;
  const tdl::EncodedImages encoded = tdl::EncodeImages(images, {}, parameters, {});
  using FloatMatrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return Eigen::Map<const FloatMatrix>(
    encoded.Features.data(), static_cast<Eigen::Index>(images.size()), encoded.Dimension)
    .cast<double>();
}

Judged Judge(
  const std::string& judge, const std::vector<tdl::ImageView>& images, std::vector<int> labels)
{
  Judged judged{ Encode(judge, images, tdl::FeatureOutput::Pooled), std::move(labels), {} };
  const Matrix scores = Encode(judge, images, tdl::FeatureOutput::ClassScores);
  for (Eigen::Index i = 0; i < scores.rows(); ++i)
  {
    Eigen::Index verdict = 0;
    scores.row(i).maxCoeff(&verdict);
    judged.Verdicts.push_back(static_cast<int>(verdict));
  }
  return judged;
}

/** The first `perClass` images of each class. */
Judged JudgeDataSet(const std::string& judge, const tdl::FashionMnist& data, int perClass)
{
  std::vector<tdl::ImageView> images;
  std::vector<int> labels;
  for (int label = 0; label < Classes; ++label)
  {
    const at::Tensor ofClass = data.Labels.eq(label).nonzero().flatten().slice(0, 0, perClass);
    for (std::int64_t i = 0; i < ofClass.size(0); ++i)
    {
      const at::Tensor image = data.Images[ofClass[i].item<std::int64_t>()];
      images.push_back({ image.data_ptr<std::uint8_t>(), 28, 28, 28, 1 });
      labels.push_back(label);
    }
  }
  return Judge(judge, images, labels);
}

Judged JudgeSamples(const std::string& judge, const tdl::SamplerParameters& parameters)
{
  int percent = 0;
  const tdl::SampledImages samples = tdl::SampleImages(parameters, {},
    [&percent](const tdl::Progress& progress)
    {
      for (; percent < static_cast<int>(progress.Fraction * 100); ++percent)
      {
        std::fprintf(stderr, "\rSampling %d %%", percent + 1);
      }
      return true;
    });
  std::fprintf(stderr, "\n");
  std::vector<tdl::ImageView> images;
  std::vector<int> labels;
  const std::ptrdiff_t row = std::ptrdiff_t{ samples.Width } * samples.Components;
  for (const tdl::SampledInstance& sample : samples.Instances)
  {
    // The lowest row comes first, the topmost of the final image last.
    images.push_back({ sample.Image.data() + sample.Image.size() - row, -row, samples.Width,
      samples.Height, samples.Components });
    labels.push_back(sample.PromptId);
  }
  return Judge(judge, images, labels);
}

double Recognized(const Judged& judged)
{
  Eigen::Index right = 0;
  for (std::size_t i = 0; i < judged.Labels.size(); ++i)
  {
    right += judged.Labels[i] == judged.Verdicts[i] ? 1 : 0;
  }
  return 100.0 * static_cast<double>(right) / static_cast<double>(judged.Labels.size());
}

/** Mean over the classes of the mean distance of two images of a class. */
double Variety(const Judged& judged, int perClass)
{
  double sum = 0.0;
  for (int label = 0; label < Classes; ++label)
  {
    const Eigen::Index begin = static_cast<Eigen::Index>(label) * perClass;
    for (Eigen::Index i = begin; i < begin + perClass; ++i)
    {
      for (Eigen::Index j = begin; j < i; ++j)
      {
        sum += (judged.Features.row(i) - judged.Features.row(j)).norm();
      }
    }
  }
  return sum / (Classes * 0.5 * perClass * (perClass - 1));
}

struct Gaussian
{
  explicit Gaussian(const Matrix& features)
    : Mean(features.colwise().mean())
  {
    const Matrix centered = features.rowwise() - this->Mean;
    this->Covariance = centered.transpose() * centered / static_cast<double>(features.rows() - 1);
  }
  Eigen::RowVectorXd Mean;
  Eigen::MatrixXd Covariance;
};

/** |m_a - m_b|^2 + tr(A + B - 2 (A^1/2 B A^1/2)^1/2) */
double FrechetDistance(const Judged& a, const Judged& b)
{
  const Gaussian first(a.Features);
  const Gaussian second(b.Features);
  using Solver = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>;
  const Solver solver(first.Covariance);
  const Eigen::MatrixXd root = solver.eigenvectors() *
    solver.eigenvalues().cwiseMax(0.0).cwiseSqrt().asDiagonal() * solver.eigenvectors().transpose();
  const Solver product(root * second.Covariance * root, Eigen::EigenvaluesOnly);
  return (first.Mean - second.Mean).squaredNorm() + first.Covariance.trace() +
    second.Covariance.trace() - 2.0 * product.eigenvalues().cwiseMax(0.0).cwiseSqrt().sum();
}

int Run(int argc, char** argv)
{
  std::string judge;
  std::string dataFolder = tdl::FashionMnist::DefaultFolder;
  tdl::SamplerParameters parameters;
  parameters.InstancesPerPrompt = 100;
  parameters.CapturePredictedImage = false;
  parameters.Prompts = { "T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt",
    "Sneaker", "Bag", "Ankle boot" };
  CLI::App app("Tells how good and how varied the samples of a denoiser are");
  app.option_defaults()->always_capture_default();
  app.add_option("model", parameters.ModelFolder, "The denoiser's folder")->required();
  app.add_option("judge", judge, "The classifier's folder")->required();
  app.add_option("--data", dataFolder, "Folder of Fashion-MNIST's IDX files");
  app.add_option("--samples", parameters.InstancesPerPrompt, "Samples of each class")
    ->check(CLI::Range(2, 1000));
  app.add_option("--steps", parameters.InferenceSteps, "Steps from noise to image");
  app.add_option("--guidance", parameters.GuidanceScale, "Guidance scale");
  app.add_option("--seed", parameters.Seed, "Seed of the first sample of each class");
  app.add_option("--threads", parameters.Threads, "Cores to use; 0 = all");
  CLI11_PARSE(app, argc, argv);
  parameters.CaptureSteps = { parameters.InferenceSteps };
  const int perClass = parameters.InstancesPerPrompt;
  const Judged samples = JudgeSamples(judge, parameters);
  const Judged test = JudgeDataSet(judge, tdl::FashionMnist::Read(dataFolder, "t10k"), perClass);
  const Judged train = JudgeDataSet(judge, tdl::FashionMnist::Read(dataFolder, "train"), perClass);
  std::printf(
    "recognized  %.1f %% (test images: %.1f %%)\n", Recognized(samples), Recognized(test));
  std::printf(
    "variety     %.1f %%\n", 100.0 * Variety(samples, perClass) / Variety(test, perClass));
  std::printf("Frechet     %.3f (training images: %.3f)\n", FrechetDistance(samples, test),
    FrechetDistance(train, test));
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
