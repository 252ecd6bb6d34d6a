// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/DiffusionSampler/Core/Testing/WritableModel.h"
#include "Filters/Networks/Layers.h"
#include "Filters/Networks/SafetensorsFile.h"
#include "Filters/Networks/UNet2DModel.h"

#include <ATen/ATen.h>

#include <map>

namespace tdl
{
/**
 * A model folder of 8 x 8 pixels with random weights; it knows cats, dogs, cars, and nothing, or is
 * unconditional.
 */
class TinyModel : public WritableModel
{
public:
  explicit TinyModel(bool conditional = true)
  {
    std::filesystem::create_directories(this->Folder.Path / "unet");
    std::filesystem::create_directories(this->Folder.Path / "scheduler");
    this->Write("model_index.json",
      { { "_class_name", "DDIMPipeline" }, { "null_label", 3 },
        { "id2label", { { "0", "Cat" }, { "1", "Dog" }, { "2", "Car" } } } });
    if (!conditional)
    {
      this->Write("model_index.json", { { "_class_name", "DDPMPipeline" } });
    }
    this->Write("scheduler/scheduler_config.json",
      { { "_class_name", "DDIMScheduler" }, { "beta_schedule", "squaredcos_cap_v2" } });
    this->Write("unet/config.json",
      { { "sample_size", 8 }, { "in_channels", 1 }, { "out_channels", 1 },
        { "block_out_channels", { 8, 16 } }, { "norm_num_groups", 4 }, { "layers_per_block", 1 },
        { "down_block_types", { "DownBlock2D", "AttnDownBlock2D" } },
        { "up_block_types", { "AttnUpBlock2D", "UpBlock2D" } },
        { "num_class_embeds", conditional ? 4 : 0 } });

    UNet2DModel network(UNet2DConfig::Read(Configuration(this->Path("unet/config.json"))));
    at::manual_seed(1);
    InitializeParameters(network);
    std::map<std::string, at::Tensor> weights;
    for (const auto& item : network.named_parameters())
    {
      weights[item.key()] = item.value().detach();
    }
    WriteSafetensors(this->Path(WeightsName), weights);
  }

  static constexpr char WeightsName[] = "unet/diffusion_pytorch_model.safetensors";
};
}
