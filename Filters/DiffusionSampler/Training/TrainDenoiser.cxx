// SPDX-License-Identifier: BSD-3-Clause
//
// Trains the class-conditional denoiser of a diffusers folder on Fashion-MNIST.
//
// The folder's own files decide: unet/config.json the network, scheduler/scheduler_config.json the
// noise. The loss is the velocity's squared error (Salimans and Ho 2022), its weight limited at low
// noise as by Hang et al. 2023 ("Min-SNR"); one label in ten is replaced by the null label, for
// classifier-free guidance (Ho and Salimans 2022); what is stored is the moving average of the
// weights.

#include "Filters/DiffusionSampler/Core/NoiseSchedule.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Threads.h"
#include "Filters/Networks/Layers.h"
#include "Filters/Networks/ModelFolder.h"
#include "Filters/Networks/SafetensorsFile.h"
#include "Filters/Networks/Training/Autocast.h"
#include "Filters/Networks/Training/FashionMnist.h"
#include "Filters/Networks/UNet2DModel.h"

#include <CLI/CLI.hpp>
#include <torch/torch.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace
{
struct Settings
{
  std::string Folder;
  std::string Data = tdl::FashionMnist::DefaultFolder;
  std::string Device = "cpu";
  std::int64_t Images = 800000;
  std::int64_t BatchSize = 64;
  std::int64_t MicroBatchSize = 16;
  double LearningRate = 1.5e-3;
  double WarmUp = 0.01;
  double CoolDown = 0.4;
  double WeightDecay = 0.01;
  double AverageDecay = 0.999;
  double LabelDropout = 0.1;
  double MaximumSnr = 5.0;
  std::int64_t Seed = 1;
  int Threads = 0;
  bool BFloat16 = false;
  bool StoredWeights = false;
  std::string Checkpoint;
};

/** Rises linearly, stays, falls linearly to zero. */
double RateFactor(const Settings& settings, double done)
{
  return std::min({ 1.0, done / settings.WarmUp, (1.0 - done) / settings.CoolDown });
}

/** A batch of images in [-1, 1], their noise, timesteps and labels. */
struct Batch
{
  at::Tensor Images;
  at::Tensor Noise;
  at::Tensor Timesteps;
  at::Tensor Labels;

  Batch Slice(std::int64_t begin, std::int64_t end) const
  {
    return { this->Images.slice(0, begin, end), this->Noise.slice(0, begin, end),
      this->Timesteps.slice(0, begin, end), this->Labels.slice(0, begin, end) };
  }
};

class Trainer
{
public:
  Trainer(const Settings& settings, const tdl::Configuration& scheduler)
    : Options(settings)
    , Device(settings.Device)
    , Config(tdl::UNet2DConfig::Read(tdl::Configuration(settings.Folder + "/unet/config.json")))
    , Data(tdl::FashionMnist::Read(settings.Data, "train"))
  {
    if (scheduler.Get<std::string>("prediction_type", "epsilon") != "v_prediction")
    {
      throw tdl::ParameterError(
        "The trainer knows prediction_type v_prediction only; change '" + scheduler.Path() + "'.");
    }
    const tdl::NoiseSchedule schedule(scheduler);
    std::vector<float> alphaBars;
    for (int t = 0; t < schedule.NumberOfTimesteps(); ++t)
    {
      alphaBars.push_back(static_cast<float>(schedule.AlphaBar(t)));
    }
    this->AlphaBars = torch::tensor(alphaBars).to(this->Device);

    torch::manual_seed(settings.Seed);
    this->Master = std::make_shared<tdl::UNet2DModel>(this->Config);
    if (settings.StoredWeights)
    {
      tdl::LoadWeights(*this->Master, settings.Folder + "/unet", "diffusion_pytorch_model");
    }
    else
    {
      tdl::InitializeParameters(*this->Master);
    }
    this->Master->to(this->Device);
    // Replicas share the master's weights and have gradients of their own, so that each core works
    // through micro-batches alone; a GPU needs no help.
    const int workers = this->Device.is_cpu() ? tdl::ResolveThreads(settings.Threads) : 1;
    for (int i = 0; i < workers; ++i)
    {
      this->Replicas.push_back(std::make_shared<tdl::UNet2DModel>(this->Config));
    }
    this->Parameters = this->Master->parameters();
    for (const auto& replica : this->Replicas)
    {
      auto parameters = replica->parameters();
      for (std::size_t i = 0; i < parameters.size(); ++i)
      {
        parameters[i].set_data(this->Parameters[i].detach());
      }
    }
    for (const at::Tensor& parameter : this->Parameters)
    {
      this->Average.push_back(parameter.detach().clone());
    }
    this->Optimizer = std::make_unique<torch::optim::AdamW>(this->Parameters,
      torch::optim::AdamWOptions(settings.LearningRate)
        .betas({ 0.9, 0.99 })
        .weight_decay(settings.WeightDecay));
  }

  void Run()
  {
    const std::int64_t steps = this->Options.Images / this->Options.BatchSize;
    if (!this->Options.Checkpoint.empty() && std::filesystem::exists(this->Options.Checkpoint))
    {
      this->Resume();
    }
    auto begin = std::chrono::steady_clock::now();
    double loss = 0.0;
    constexpr std::int64_t ReportEvery = 100;
    constexpr std::int64_t StoreEvery = 1000;
    for (; this->Step < steps; ++this->Step)
    {
      for (auto& group : this->Optimizer->param_groups())
      {
        static_cast<torch::optim::AdamWOptions&>(group.options())
          .lr(this->Options.LearningRate *
            RateFactor(this->Options, static_cast<double>(this->Step + 1) / (steps + 1)));
      }
      loss += this->TrainStep();
      if ((this->Step + 1) % ReportEvery == 0)
      {
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
        begin = std::chrono::steady_clock::now();
        std::printf("%lld of %lld images, loss %.4f, %.0f images/s\n",
          static_cast<long long>((this->Step + 1) * this->Options.BatchSize),
          static_cast<long long>(this->Options.Images), loss / ReportEvery,
          ReportEvery * this->Options.BatchSize / elapsed.count());
        std::fflush(stdout);
        loss = 0.0;
      }
      if ((this->Step + 1) % StoreEvery == 0)
      {
        this->Store();
      }
    }
    this->Store();
  }

private:
  Batch Draw() const
  {
    const std::int64_t count = this->Options.BatchSize;
    const at::Tensor chosen = torch::randint(this->Data.Images.size(0), { count }, at::kLong);
    const at::Tensor labels = this->Data.Labels.index_select(0, chosen);
    const at::Tensor dropped = torch::rand({ count }) < this->Options.LabelDropout;
    const at::Tensor images =
      this->Data.Images.index_select(0, chosen).to(at::kFloat) / 127.5 - 1.0;
    return { images.to(this->Device), torch::randn_like(images).to(this->Device),
      torch::randint(this->AlphaBars.size(0), { count }, at::kLong).to(this->Device),
      torch::where(dropped, torch::full_like(labels, this->Config.NumClassEmbeds - 1), labels)
        .to(this->Device) };
  }

  at::Tensor Loss(const tdl::UNet2DModel& network, const Batch& batch) const
  {
    const at::Tensor alphaBar =
      this->AlphaBars.index_select(0, batch.Timesteps).view({ -1, 1, 1, 1 });
    const at::Tensor signal = alphaBar.sqrt();
    const at::Tensor noise = (1 - alphaBar).sqrt();
    const at::Tensor noisy = signal * batch.Images + noise * batch.Noise;
    const at::Tensor velocity = signal * batch.Noise - noise * batch.Images;
    at::Tensor output;
    {
      const tdl::Autocast autocast(this->Device.type(), this->Options.BFloat16);
      output = network.Forward(noisy, batch.Timesteps, batch.Labels);
    }
    // The velocity's error is (SNR + 1) times the image's; beyond the limit it no longer grows.
    const at::Tensor snr = alphaBar / (1 - alphaBar);
    const at::Tensor weight = (snr.clamp_max(this->Options.MaximumSnr) + 1) / (snr + 1);
    return (weight * (output.to(at::kFloat) - velocity).square()).sum() /
      static_cast<double>(this->Options.BatchSize * batch.Images[0].numel());
  }

  /** One optimizer step; returns the batch's mean loss. */
  double TrainStep()
  {
    const Batch batch = this->Draw();
    std::atomic<std::int64_t> next{ 0 };
    std::vector<double> losses(this->Replicas.size(), 0.0);
    const auto work = [&](std::size_t worker)
    {
      at::set_num_threads(this->Replicas.size() > 1 ? 1 : at::get_num_threads());
      const std::int64_t micro = this->Options.MicroBatchSize;
      for (std::int64_t begin = next.fetch_add(micro); begin < this->Options.BatchSize;
           begin = next.fetch_add(micro))
      {
        const at::Tensor loss = this->Loss(*this->Replicas[worker],
          batch.Slice(begin, std::min(begin + micro, this->Options.BatchSize)));
        loss.backward();
        losses[worker] += loss.item<double>();
      }
    };
    std::vector<std::thread> threads;
    for (std::size_t worker = 1; worker < this->Replicas.size(); ++worker)
    {
      threads.emplace_back(work, worker);
    }
    work(0);
    for (std::thread& thread : threads)
    {
      thread.join();
    }

    torch::NoGradGuard noGradient;
    for (std::size_t i = 0; i < this->Parameters.size(); ++i)
    {
      at::Tensor sum = torch::zeros_like(this->Parameters[i]);
      for (const auto& replica : this->Replicas)
      {
        at::Tensor& gradient = replica->parameters()[i].mutable_grad();
        if (gradient.defined())
        {
          sum += gradient;
          gradient.zero_();
        }
      }
      this->Parameters[i].mutable_grad() = sum;
    }
    torch::nn::utils::clip_grad_norm_(this->Parameters, 1.0);
    this->Optimizer->step();
    const double decay =
      std::min(this->Options.AverageDecay, (1.0 + this->Step) / (10.0 + this->Step));
    for (std::size_t i = 0; i < this->Parameters.size(); ++i)
    {
      this->Average[i].lerp_(this->Parameters[i].detach(), 1.0 - decay);
    }
    double loss = 0.0;
    for (const double part : losses)
    {
      loss += part;
    }
    return loss;
  }

  /** Stores the averaged weights in half precision, and where asked all that resuming needs. */
  void Store() const
  {
    std::map<std::string, at::Tensor> tensors;
    std::size_t i = 0;
    for (const auto& item : this->Master->named_parameters())
    {
      tensors[item.key()] = this->Average[i++].to(at::kHalf);
    }
    tdl::WriteSafetensors(
      this->Options.Folder + "/unet/diffusion_pytorch_model.safetensors", tensors);
    if (!this->Options.Checkpoint.empty())
    {
      torch::serialize::OutputArchive archive;
      archive.write("step", torch::tensor(this->Step + 1));
      for (std::size_t p = 0; p < this->Parameters.size(); ++p)
      {
        archive.write("parameter" + std::to_string(p), this->Parameters[p].detach());
        archive.write("average" + std::to_string(p), this->Average[p]);
      }
      torch::serialize::OutputArchive optimizer;
      this->Optimizer->save(optimizer);
      archive.write("optimizer", optimizer);
      const std::string part = this->Options.Checkpoint + ".part";
      archive.save_to(part);
      std::filesystem::rename(part, this->Options.Checkpoint);
    }
  }

  void Resume()
  {
    torch::NoGradGuard noGradient;
    torch::serialize::InputArchive archive;
    archive.load_from(this->Options.Checkpoint);
    const auto read = [&archive](const std::string& key)
    {
      at::Tensor tensor;
      archive.read(key, tensor);
      return tensor;
    };
    this->Step = read("step").item<std::int64_t>();
    for (std::size_t p = 0; p < this->Parameters.size(); ++p)
    {
      this->Parameters[p].copy_(read("parameter" + std::to_string(p)));
      this->Average[p].copy_(read("average" + std::to_string(p)));
    }
    torch::serialize::InputArchive optimizer;
    archive.read("optimizer", optimizer);
    this->Optimizer->load(optimizer);
    // The images seen after a resumed start differ from those seen before it.
    torch::manual_seed(this->Options.Seed + this->Step);
    std::printf(
      "Resumed after %lld images\n", static_cast<long long>(this->Step * this->Options.BatchSize));
  }

  Settings Options;
  torch::Device Device;
  tdl::UNet2DConfig Config;
  tdl::FashionMnist Data;
  at::Tensor AlphaBars;
  std::shared_ptr<tdl::UNet2DModel> Master;
  std::vector<std::shared_ptr<tdl::UNet2DModel>> Replicas;
  std::vector<at::Tensor> Parameters;
  std::vector<at::Tensor> Average;
  std::unique_ptr<torch::optim::AdamW> Optimizer;
  std::int64_t Step = 0;
};
}

int main(int argc, char** argv)
{
  Settings settings;
  CLI::App app("Trains the denoiser of a diffusers folder on Fashion-MNIST");
  app.option_defaults()->always_capture_default();
  app.add_option("folder", settings.Folder, "Model folder; its weights are written there")
    ->required();
  app.add_option("--data", settings.Data, "Folder of Fashion-MNIST's IDX files");
  app.add_option("--device", settings.Device, "cpu or cuda");
  app.add_option("--images", settings.Images, "Images to train on, with repetition");
  app.add_option("--batch-size", settings.BatchSize, "Images per step");
  app.add_option("--micro-batch-size", settings.MicroBatchSize, "Images a core works on at a time");
  app.add_option("--learning-rate", settings.LearningRate, "Highest learning rate");
  app.add_option("--cool-down", settings.CoolDown, "Share of the images over which the rate falls");
  app.add_option("--seed", settings.Seed, "Seed of weights, order, noise");
  app.add_option("--threads", settings.Threads, "Cores to use; 0 = all");
  app.add_flag("--bfloat16", settings.BFloat16, "Multiply in bfloat16 (fast where the CPU can)");
  app.add_flag("--from-stored-weights", settings.StoredWeights, "Begin with the folder's weights");
  app.add_option("--checkpoint", settings.Checkpoint, "File to resume from and to keep up to date");
  CLI11_PARSE(app, argc, argv);
  try
  {
    Trainer(settings, tdl::Configuration(settings.Folder + "/scheduler/scheduler_config.json"))
      .Run();
  }
  catch (const std::exception& error)
  {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
