// SPDX-License-Identifier: BSD-3-Clause
//
// Measures the samples of a class-conditional denoiser of Fashion-MNIST by a classifier trained
// apart from everything else, and prints a Markdown table:
//
// - recognized: share of samples that the classifier takes for their prompt,
// - variety: mean pairwise feature distance within a prompt, against the test images of that class,
// - Fréchet distance (Heusel et al. 2017) between the features of samples and of test images; its
//   floor is that of as many training images.

#include "Filters/DiffusionSampler/Core/DiffusionSampler.h"
#include "Filters/FeatureEncoder/Training/ClassifierInput.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Networks/InferenceScope.h"
#include "Filters/Networks/ModelFolder.h"
#include "Filters/Networks/ResNetModel.h"
#include "Filters/Networks/Training/FashionMnist.h"

#include <CLI/CLI.hpp>
#include <Eigen/Eigenvalues>
#include <torch/torch.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace
{
/** Images with the features and the class that the judge sees in them. */
struct Judged
{
  Eigen::MatrixXd Features; ///< (N, D)
  at::Tensor Classes;       ///< (N) what the judge takes them for
};

class Judge
{
public:
  explicit Judge(const std::string& folder)
    : Network(tdl::ResNetModel::Open(folder))
    , Preprocessor(tdl::Configuration(folder + "/preprocessor_config.json"),
        static_cast<int>(Network->Config().NumChannels))
  {
  }

  /** @param images (N, 1, H, W) uint8. */
  Judged Look(const at::Tensor& images) const
  {
    const tdl::InferenceScope scope(0);
    std::vector<at::Tensor> features;
    std::vector<at::Tensor> classes;
    for (const at::Tensor& batch : images.split(250))
    {
      features.push_back(
        this->Network->Features(tdl::ClassifierInput(this->Preprocessor, batch).contiguous()));
      classes.push_back(this->Network->Logits(features.back()).argmax(1));
    }
    const at::Tensor all = torch::cat(features).to(at::kDouble).contiguous();
    using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    return { Eigen::Map<const RowMajor>(all.data_ptr<double>(), all.size(0), all.size(1)),
      torch::cat(classes) };
  }

private:
  std::shared_ptr<tdl::ResNetModel> Network;
  tdl::Preprocessor Preprocessor;
};

struct Gaussian
{
  explicit Gaussian(const Eigen::MatrixXd& features)
    : Mean(features.colwise().mean())
  {
    const Eigen::MatrixXd centered = features.rowwise() - this->Mean;
    this->Covariance = centered.transpose() * centered / static_cast<double>(features.rows() - 1);
  }
  Eigen::RowVectorXd Mean;
  Eigen::MatrixXd Covariance;
};

double FrechetDistance(const Gaussian& a, const Gaussian& b)
{
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(a.Covariance);
  const Eigen::MatrixXd root = solver.eigenvectors() *
    solver.eigenvalues().cwiseMax(0.0).cwiseSqrt().asDiagonal() * solver.eigenvectors().transpose();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> product(
    root * b.Covariance * root, Eigen::EigenvaluesOnly);
  return (a.Mean - b.Mean).squaredNorm() + a.Covariance.trace() + b.Covariance.trace() -
    2.0 * product.eigenvalues().cwiseMax(0.0).cwiseSqrt().sum();
}

/** Mean distance of two different images among those of `label`. */
double MeanDistance(const Judged& judged, const at::Tensor& labels, int label)
{
  std::vector<Eigen::Index> rows;
  for (std::int64_t i = 0; i < labels.size(0); ++i)
  {
    if (labels[i].item<std::int64_t>() == label)
    {
      rows.push_back(i);
    }
  }
  const Eigen::MatrixXd features = judged.Features(rows, Eigen::all);
  double sum = 0.0;
  for (Eigen::Index i = 1; i < features.rows(); ++i)
  {
    sum += (features.topRows(i).rowwise() - features.row(i)).rowwise().norm().sum();
  }
  return 2.0 * sum / (static_cast<double>(rows.size()) * static_cast<double>(rows.size() - 1));
}

/** Final images of a run, (N, 1, H, W) uint8, and their labels (N). */
tdl::FashionMnist FinalImages(const tdl::SampledImages& run)
{
  const std::int64_t pixels = std::int64_t{ run.Width } * run.Height;
  at::Tensor images = torch::empty(
    { static_cast<std::int64_t>(run.Instances.size()), 1, run.Height, run.Width }, at::kByte);
  std::vector<std::int64_t> labels;
  for (std::size_t i = 0; i < run.Instances.size(); ++i)
  {
    const auto& stored = run.Instances[i].Image;
    std::memcpy(images[static_cast<std::int64_t>(i)].data_ptr(),
      stored.data() + stored.size() - pixels, static_cast<std::size_t>(pixels));
    labels.push_back(run.Instances[i].PromptId);
  }
  // A run keeps its rows from the bottom, as VTK does; the data set from the top.
  return { images.flip({ 2 }), torch::tensor(labels) };
}
}

int main(int argc, char** argv)
{
  tdl::SamplerParameters sampler;
  sampler.InstancesPerPrompt = 100;
  sampler.CapturePredictedImage = false;
  sampler.CaptureEvery = 1000;
  std::string judgeFolder;
  std::string dataFolder = tdl::FashionMnist::DefaultFolder;
  std::vector<double> scales{ sampler.GuidanceScale };

  CLI::App app("Measures the samples of a denoiser of Fashion-MNIST");
  app.option_defaults()->always_capture_default();
  app.add_option("folder", sampler.ModelFolder, "Model folder of the denoiser")->required();
  app.add_option("judge", judgeFolder, "Model folder of the classifier")->required();
  app.add_option("--data", dataFolder, "Folder of Fashion-MNIST's IDX files");
  app.add_option("--guidance", scales, "Guidance scales to measure");
  app.add_option("--instances", sampler.InstancesPerPrompt, "Samples of each class");
  app.add_option("--steps", sampler.InferenceSteps, "Inference steps");
  app.add_option("--seed", sampler.Seed, "Seed of the first sample of each class");
  CLI11_PARSE(app, argc, argv);
  try
  {
    for (const auto& item :
      tdl::ReadJsonObject(sampler.ModelFolder + "/model_index.json").at("id2label").items())
    {
      sampler.Prompts.push_back(item.value().get<std::string>()); // prompt id = label
    }
    const Judge judge(judgeFolder);
    const auto test = tdl::FashionMnist::Read(dataFolder, "t10k");
    const Judged testJudged = judge.Look(test.Images);
    const Gaussian testGaussian(testJudged.Features);
    std::vector<double> testDistances;
    for (int label = 0; label < tdl::FashionMnist::Classes; ++label)
    {
      testDistances.push_back(MeanDistance(testJudged, test.Labels, label));
    }
    const auto recognized = [](const Judged& judged, const at::Tensor& labels)
    { return 100.0 * judged.Classes.eq(labels).to(at::kDouble).mean().item<double>(); };

    const std::int64_t count =
      std::int64_t{ tdl::FashionMnist::Classes } * sampler.InstancesPerPrompt;
    const auto train = tdl::FashionMnist::Read(dataFolder, "train");
    const Judged trainJudged = judge.Look(train.Images.slice(0, 0, count));
    std::printf("| images | recognized | variety | Fréchet distance |\n|---|---|---|---|\n");
    std::printf("| test | %.1f %% | 100 %% | 0 |\n", recognized(testJudged, test.Labels));
    std::printf("| %lld training (floor) | | | %.2f |\n", static_cast<long long>(count),
      FrechetDistance(Gaussian(trainJudged.Features), testGaussian));
    for (const double scale : scales)
    {
      sampler.GuidanceScale = scale;
      const auto samples = FinalImages(tdl::SampleImages(sampler, {}, {}));
      const Judged judged = judge.Look(samples.Images);
      double variety = 0.0;
      for (int label = 0; label < tdl::FashionMnist::Classes; ++label)
      {
        variety += MeanDistance(judged, samples.Labels, label) / testDistances[label] /
          tdl::FashionMnist::Classes;
      }
      std::printf("| %lld samples, guidance %g | %.1f %% | %.0f %% | %.2f |\n",
        static_cast<long long>(count), scale, recognized(judged, samples.Labels), 100.0 * variety,
        FrechetDistance(Gaussian(judged.Features), testGaussian));
      std::fflush(stdout);
    }
  }
  catch (const std::exception& error)
  {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
