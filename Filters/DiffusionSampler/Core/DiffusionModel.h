// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/DiffusionSampler/Core/PromptFile.h"
#include "Filters/Networks/ModelFolder.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tdl
{
class UNet2DModel;

/**
 * A class-conditional pixel diffusion model in diffusers' folder layout: model_index.json (class
 * DDPMPipeline or DDIMPipeline), unet/ (UNet2DModel) and scheduler/. Two entries of
 * model_index.json are read beyond those of diffusers: id2label, which names the classes (else they
 * are called by their numbers), and null_label, the class that stands for none in classifier-free
 * guidance.
 */
class DiffusionModel
{
public:
  /**
   * Opens a folder and its weights, on `device`.
   * @throws FileError when a file is missing or broken, or asks for what is not supported.
   */
  DiffusionModel(const std::string& folder, at::Device device);

  /** Classes by name, in the order of their labels. */
  const std::vector<std::pair<std::string, std::int64_t>>& Classes() const { return this->Labels; }

  /**
   * The class a prompt names, whatever the case of its letters.
   * @throws ParameterError that lists the classes when there is none of that name.
   */
  const std::pair<std::string, std::int64_t>& FindClass(const std::string& prompt) const;

  /** The label of no class. @throws ParameterError when the model was not trained with one. */
  std::int64_t NullLabel() const;

  /** The prompts the model comes with: its prompts.txt, else its classes, without groups. */
  std::vector<Prompt> SuggestedPrompts() const;

  /** Shape (1, C, H, W) of a sample. */
  std::vector<std::int64_t> SampleShape() const;

  /**
   * What the network makes of noisy samples.
   * @param samples (B, C, H, W) on the model's device.
   * @param timestep that of all samples; may lie between those of the training.
   * @param labels (B) int64 on the model's device.
   * @return (B, C or 2C, H, W).
   */
  at::Tensor Forward(const at::Tensor& samples, double timestep, const at::Tensor& labels) const;

  /** The model's scheduler_config.json. */
  const Configuration& SchedulerConfig() const { return this->Scheduler; }

  /** The files that hold the network's weights. */
  std::vector<std::string> WeightPaths() const;

  /** Memory the weights take. */
  std::uint64_t WeightBytes() const;

private:
  std::string Folder;
  Configuration Index;
  Configuration Scheduler;
  std::shared_ptr<UNet2DModel> Network;
  std::vector<std::pair<std::string, std::int64_t>> Labels;
};
}
