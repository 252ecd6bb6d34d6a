// SPDX-License-Identifier: BSD-3-Clause
//
// Trains the image classifier of a transformers folder on Fashion-MNIST; its pooled features are
// what the feature encoder takes.
//
// The folder's own files decide: config.json the network, preprocessor_config.json what it sees.
// With a scheduler_config.json at hand, images are mixed with as much noise as that diffusion has
// at a random timestep and then stored with 8 bits, as captured images are, so that the features
// tell something at every iteration.

#include "Filters/DiffusionSampler/Core/NoiseSchedule.h"
#include "Filters/FeatureEncoder/Core/Preprocessor.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Pi.h"
#include "Filters/Foundation/Threads.h"
#include "Filters/Networks/Layers.h"
#include "Filters/Networks/ModelFolder.h"
#include "Filters/Networks/ResNetModel.h"
#include "Filters/Networks/SafetensorsFile.h"
#include "Filters/Networks/Training/Autocast.h"
#include "Filters/Networks/Training/FashionMnist.h"

#include <CLI/CLI.hpp>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace
{
using tdl::Pi;

struct Settings
{
  std::string Folder;
  std::string Data = tdl::FashionMnist::DefaultFolder;
  std::string Device = "cpu";
  std::string Scheduler;
  double CleanShare = 0.5;
  int Shift = 1;
  int Epochs = 12;
  std::int64_t BatchSize = 256;
  double LearningRate = 3e-3;
  double WarmUp = 0.2;
  double WeightDecay = 0.05;
  double LabelSmoothing = 0.05;
  double AverageDecay = 0.995;
  std::int64_t Seed = 1;
  int Threads = 0;
  bool BFloat16 = false;
};

/** Rises and falls as half a cosine each. */
double RateFactor(const Settings& settings, double done)
{
  return done < settings.WarmUp
    ? 0.5 - 0.5 * std::cos(Pi * done / settings.WarmUp)
    : 0.5 + 0.5 * std::cos(Pi * (done - settings.WarmUp) / (1.0 - settings.WarmUp));
}

/** Mirrors every second image and moves each by up to `most` pixels; (N, 1, H, W) uint8. */
at::Tensor FlipAndShift(const at::Tensor& images, int most)
{
  const std::int64_t count = images.size(0);
  const std::int64_t size = images.size(2);
  const at::Tensor flipped = torch::rand({ count, 1, 1, 1 }) < 0.5;
  const at::Tensor padded = torch::constant_pad_nd(
    torch::where(flipped, images.flip({ 3 }), images), { most, most, most, most });
  const auto positions = [&](at::IntArrayRef shape)
  {
    return (torch::randint(2 * most + 1, { count, 1 }, at::kLong) + torch::arange(size))
      .view(shape);
  };
  const at::Tensor image = torch::arange(count).view({ count, 1, 1 });
  return padded.index({ image, 0, positions({ count, size, 1 }), positions({ count, 1, size }) })
    .unsqueeze(1);
}

class Noise
{
public:
  explicit Noise(const tdl::Configuration& scheduler)
  {
    const tdl::NoiseSchedule schedule(scheduler);
    std::vector<float> alphaBars;
    for (int t = 0; t < schedule.NumberOfTimesteps(); ++t)
    {
      alphaBars.push_back(static_cast<float>(schedule.AlphaBar(t)));
    }
    this->AlphaBars = torch::tensor(alphaBars);
  }

  std::int64_t Timesteps() const { return this->AlphaBars.size(0); }

  /** What the diffusion captures of `images` (N, 1, H, W) uint8 at `timesteps` (N). */
  at::Tensor Add(const at::Tensor& images, const at::Tensor& timesteps) const
  {
    const at::Tensor alphaBar = this->AlphaBars.index_select(0, timesteps).view({ -1, 1, 1, 1 });
    const at::Tensor clean = images.to(at::kFloat) / 127.5 - 1.0;
    const at::Tensor noisy =
      alphaBar.sqrt() * clean + (1.0 - alphaBar).sqrt() * torch::randn_like(clean);
    return ((noisy + 1.0) * 127.5).round().clamp(0, 255).to(at::kByte);
  }

private:
  at::Tensor AlphaBars;
};

/** (N, 1, H, W) uint8 -> what the network takes. */
at::Tensor Preprocess(const tdl::Preprocessor& preprocessor, const at::Tensor& images)
{
  const at::Tensor contiguous = images.contiguous();
  const auto height = static_cast<int>(images.size(2));
  const auto width = static_cast<int>(images.size(3));
  std::vector<tdl::ImageView> views;
  for (std::int64_t i = 0; i < images.size(0); ++i)
  {
    views.push_back(
      { contiguous.data_ptr<std::uint8_t>() + i * height * width, width, width, height, 1 });
  }
  return preprocessor.Apply(views).contiguous(at::MemoryFormat::ChannelsLast);
}

class Trainer
{
public:
  explicit Trainer(const Settings& settings)
    : Options(settings)
    , Device(settings.Device)
    , Config(tdl::ResNetConfig::Read(tdl::Configuration(settings.Folder + "/config.json")))
    , Preprocessor(tdl::Configuration(settings.Folder + "/preprocessor_config.json"),
        static_cast<int>(Config.NumChannels))
    , Data(tdl::FashionMnist::Read(settings.Data, "train"))
  {
    if (Config.NumLabels != tdl::FashionMnist::Classes)
    {
      throw tdl::ParameterError(
        "Fashion-MNIST has 10 classes; give '" + settings.Folder + "/config.json' 10 labels.");
    }
    if (!settings.Scheduler.empty())
    {
      this->Diffusion = std::make_unique<Noise>(tdl::Configuration(settings.Scheduler));
    }
    torch::manual_seed(settings.Seed);
    this->Network = std::make_shared<tdl::ResNetModel>(this->Config);
    tdl::InitializeParameters(*this->Network);
    this->Network->to(this->Device);
    for (at::Tensor& parameter : this->Network->parameters())
    {
      if (parameter.dim() == 4) // convolutions train about twice as fast in this order
      {
        parameter.set_data(parameter.detach().contiguous(at::MemoryFormat::ChannelsLast));
      }
    }
    for (const auto& [name, tensor] : this->State())
    {
      this->Average[name] = tensor.clone();
    }
    this->Optimizer = std::make_unique<torch::optim::AdamW>(this->Network->parameters(),
      torch::optim::AdamWOptions(settings.LearningRate).weight_decay(settings.WeightDecay));
  }

  void Run()
  {
    const std::int64_t stepsPerEpoch = this->Data.Images.size(0) / this->Options.BatchSize;
    const std::int64_t steps = stepsPerEpoch * this->Options.Epochs;
    const auto begin = std::chrono::steady_clock::now();
    std::int64_t step = 0;
    for (int epoch = 0; epoch < this->Options.Epochs; ++epoch)
    {
      const at::Tensor order = torch::randperm(this->Data.Images.size(0));
      double loss = 0.0;
      for (std::int64_t i = 0; i < stepsPerEpoch; ++i, ++step)
      {
        for (auto& group : this->Optimizer->param_groups())
        {
          static_cast<torch::optim::AdamWOptions&>(group.options())
            .lr(this->Options.LearningRate *
              RateFactor(this->Options, static_cast<double>(step + 1) / steps));
        }
        loss += this->TrainStep(
          order.slice(0, i * this->Options.BatchSize, (i + 1) * this->Options.BatchSize));
        this->UpdateAverage(step);
      }
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
      std::printf("Epoch %d of %d, loss %.4f, %.0f s\n", epoch + 1, this->Options.Epochs,
        loss / stepsPerEpoch, elapsed.count());
      std::fflush(stdout);
    }
    this->Store();
  }

  /** Tells the stored network's accuracy on the test images, clean and with noise. */
  void Evaluate() const
  {
    const auto test = tdl::FashionMnist::Read(this->Options.Data, "t10k");
    const auto network = tdl::ResNetModel::Open(this->Options.Folder);
    std::printf("Accuracy on clean test images: %.2f %%\n", this->Accuracy(*network, test));
    if (this->Diffusion)
    {
      torch::manual_seed(this->Options.Seed);
      const std::int64_t every = this->Diffusion->Timesteps() / 10;
      for (std::int64_t t = every; t < this->Diffusion->Timesteps(); t += every)
      {
        const at::Tensor timesteps = torch::full({ test.Labels.size(0) }, t, at::kLong);
        std::printf("Accuracy at timestep %lld: %.2f %%\n", static_cast<long long>(t),
          this->Accuracy(*network, { this->Diffusion->Add(test.Images, timesteps), test.Labels }));
      }
    }
  }

private:
  /** Weights and buffers by their names in the file. */
  std::map<std::string, at::Tensor> State() const
  {
    std::map<std::string, at::Tensor> state;
    for (const auto& item : this->Network->named_parameters())
    {
      state[item.key()] = item.value().detach();
    }
    for (const auto& item : this->Network->named_buffers())
    {
      state[item.key()] = item.value();
    }
    return state;
  }

  at::Tensor Augment(const at::Tensor& clean) const
  {
    const at::Tensor images = FlipAndShift(clean, this->Options.Shift);
    if (!this->Diffusion)
    {
      return images;
    }
    // Squared: most noise levels at which something can be told are early ones.
    const at::Tensor timesteps =
      (torch::rand({ images.size(0) }).square() * static_cast<double>(this->Diffusion->Timesteps()))
        .to(at::kLong);
    const at::Tensor keep = torch::rand({ images.size(0), 1, 1, 1 }) < this->Options.CleanShare;
    return torch::where(keep, images, this->Diffusion->Add(images, timesteps));
  }

  double TrainStep(const at::Tensor& chosen)
  {
    const at::Tensor pixels =
      Preprocess(this->Preprocessor, this->Augment(this->Data.Images.index_select(0, chosen)));
    const at::Tensor labels = this->Data.Labels.index_select(0, chosen).to(this->Device);
    at::Tensor logits;
    {
      const tdl::Autocast autocast(this->Device.type(), this->Options.BFloat16);
      logits = this->Network->Logits(this->Network->Features(pixels.to(this->Device)));
    }
    const at::Tensor loss = torch::cross_entropy_loss(
      logits.to(at::kFloat), labels, {}, at::Reduction::Mean, -100, this->Options.LabelSmoothing);
    this->Optimizer->zero_grad();
    loss.backward();
    this->Optimizer->step();
    return loss.item<double>();
  }

  void UpdateAverage(std::int64_t step)
  {
    const double decay = std::min(this->Options.AverageDecay, (1.0 + step) / (10.0 + step));
    for (const auto& [name, tensor] : this->State())
    {
      at::Tensor& average = this->Average.at(name);
      if (average.is_floating_point())
      {
        average.lerp_(tensor, 1.0 - decay);
      }
      else
      {
        average.copy_(tensor);
      }
    }
  }

  /** Stores the averaged weights in half precision. */
  void Store() const
  {
    std::map<std::string, at::Tensor> tensors;
    for (const auto& [name, tensor] : this->Average)
    {
      tensors[name] = tensor.is_floating_point() ? tensor.to(at::kHalf) : tensor;
    }
    tdl::WriteSafetensors(this->Options.Folder + "/model.safetensors", tensors);
  }

  /** Share of images whose class the network tells, in percent. */
  double Accuracy(const tdl::ResNetModel& network, const tdl::FashionMnist& test) const
  {
    const torch::NoGradGuard noGradient;
    std::int64_t right = 0;
    for (std::int64_t begin = 0; begin < test.Images.size(0); begin += this->Options.BatchSize)
    {
      const std::int64_t end = std::min(begin + this->Options.BatchSize, test.Images.size(0));
      const at::Tensor pixels =
        Preprocess(this->Preprocessor, test.Images.slice(0, begin, end)).contiguous();
      const at::Tensor told = network.Logits(network.Features(pixels)).argmax(1);
      right += told.eq(test.Labels.slice(0, begin, end)).sum().item<std::int64_t>();
    }
    return 100.0 * static_cast<double>(right) / static_cast<double>(test.Images.size(0));
  }

  Settings Options;
  torch::Device Device;
  tdl::ResNetConfig Config;
  tdl::Preprocessor Preprocessor;
  tdl::FashionMnist Data;
  std::unique_ptr<Noise> Diffusion;
  std::shared_ptr<tdl::ResNetModel> Network;
  std::map<std::string, at::Tensor> Average;
  std::unique_ptr<torch::optim::AdamW> Optimizer;
};
}

int main(int argc, char** argv)
{
  Settings settings;
  bool evaluateOnly = false;
  CLI::App app("Trains the image classifier of a transformers folder on Fashion-MNIST");
  app.option_defaults()->always_capture_default();
  app.add_option("folder", settings.Folder, "Model folder; its weights are written there")
    ->required();
  app.add_option("--data", settings.Data, "Folder of Fashion-MNIST's IDX files");
  app.add_option("--device", settings.Device, "cpu or cuda");
  app.add_option("--scheduler", settings.Scheduler,
    "scheduler_config.json of the diffusion whose noise to add; none: clean images only");
  app.add_option("--clean-share", settings.CleanShare, "Share of images without noise");
  app.add_option("--shift", settings.Shift, "Pixels by which images are moved at most");
  app.add_option("--epochs", settings.Epochs, "Passes over the training images");
  app.add_option("--batch-size", settings.BatchSize, "Images per step");
  app.add_option("--learning-rate", settings.LearningRate, "Highest learning rate");
  app.add_option("--seed", settings.Seed, "Seed of weights, order, noise");
  app.add_option("--threads", settings.Threads, "Cores to use; 0 = all");
  app.add_flag("--bfloat16", settings.BFloat16, "Multiply in bfloat16 (fast where the CPU can)");
  app.add_flag("--evaluate", evaluateOnly, "Only tell the accuracy of the stored weights");
  CLI11_PARSE(app, argc, argv);
  try
  {
    at::set_num_threads(tdl::ResolveThreads(settings.Threads));
    Trainer trainer(settings);
    if (!evaluateOnly)
    {
      trainer.Run();
    }
    trainer.Evaluate();
  }
  catch (const std::exception& error)
  {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
