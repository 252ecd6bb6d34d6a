// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/DiffusionSampler/Core/LatentDecoding.h"
#include "Filters/DiffusionSampler/Core/SchedulerKind.h"
#include "Filters/Foundation/Monitor.h"
#include "Filters/Networks/Device.h"

#include <cstdint>
#include <string>
#include <vector>

namespace tdl
{
/** What to sample. */
struct SamplerParameters
{
  /** Folder of the model, see DiffusionModel. */
  std::string ModelFolder;
  /**
   * Any text, or class names, whose case does not matter, or a name for the images of a model
   * without prompts, as the model is. Where the model's prompts.txt groups them, so do we.
   */
  std::vector<std::string> Prompts;
  /**
   * Prompts with groups, see ReadPromptFile; excludes Prompts. Without either, the model's own
   * suggestion is taken.
   */
  std::string PromptFile;
  /** Positive. */
  int InstancesPerPrompt = 4;
  /** Instance i of every prompt starts from the noise of seed Seed + i; not negative. */
  int Seed = 0;
  /** Steps from noise to image, from 1 to what the scheduler allows, see Scheduler::Create. */
  int InferenceSteps = 50;
  SchedulerKind Scheduler = SchedulerKind::DDIM;
  /**
   * Classifier-free guidance (Ho and Salimans 2022): the output u without and c with the prompt are
   * combined to u + scale (c - u). At 1 the network runs with the prompt alone, once. Of no effect
   * on a model without prompts.
   */
  double GuidanceScale = 1.5;
  /** Text or class to guide away from; empty: from nothing in particular. */
  std::string NegativePrompt;
  /** What to keep of each captured step: the sample itself, the image and noise predicted from it.
   */
  bool CaptureNoisyImage = true;
  bool CapturePredictedImage = true;
  bool CapturePredictedNoise = false;
  /**
   * Keep also what the network's middle makes of the sample, see SampledInstance::Activations; it
   * has no effect on the images. ParameterError where the network cannot be looked into.
   */
  bool CaptureActivations = false;
  /** Capture every so many steps, from the first; the final image always. Positive. */
  int CaptureEvery = 1;
  /**
   * Capture these steps instead: s is the sample after s steps, from 0, the initial noise, to
   * InferenceSteps, the final image, which is captured in any case.
   */
  std::vector<int> CaptureSteps;
  /** How captured latents become images; of no effect on other models. */
  LatentDecoding Decoding = LatentDecoding::Autoencoder;
  /**
   * Whether the model's upsampler enlarges all captured images, each by a run of its own. FileError
   * where the folder of such a model lacks it; of no effect on models of other families.
   */
  bool UpsampleCapturedImages = false;
  /** The longer side of stored images, resampled with antialiasing; 0: as they come. */
  int StoredImageSize = 0;
  DeviceKind Device = DeviceKind::Auto;
  int DeviceIndex = 0;
  /** Of the networks. What a TorchScript file holds runs as it was exported. */
  PrecisionKind Precision = PrecisionKind::Auto;
  /** 0: all cores. Not negative. */
  int Threads = 0;
  /**
   * Instances that advance together. They are finished together, so a run that is stopped keeps
   * whole batches. 0: four per thread, or fewer where memory is short; on a GPU 64. Not negative.
   */
  int BatchSize = 0;
};

/** The share of a run that falls to one of several processes: a range of its instances. */
struct SamplerPiece
{
  int Index = 0;
  int Count = 1;
};

/** One run from noise to image. */
struct SampledInstance
{
  int Instance; ///< Number in the whole run: PromptId * InstancesPerPrompt + i.
  int PromptId;
  std::int64_t Seed;
  /**
   * Captured images, uint8, components fastest, then columns, rows from the bottom as in
   * vtkImageData, iterations: Components * Width * Height * K values. [-1, 1] is mapped to [0,
   * 255], for the noise too; what lies outside is cut. Of latent models these are the images of
   * latents, see LatentDecoding. Empty where not captured.
   */
  std::vector<std::uint8_t> Image;
  std::vector<std::uint8_t> PredictedImage;
  std::vector<std::uint8_t> PredictedNoise;
  /**
   * [K, ActivationChannels] What the network's middle, a UNet's middle block or the block in the
   * middle of a transformer, gives for the sample and its prompt (under guidance: not for the
   * negative one), averaged over its positions; of the network as it is, without normalization.
   * Empty where not captured.
   */
  std::vector<float> Activations;
};

/**
 * Iteration k of K is the k-th captured step: the sample x before a step of the scheduler, scaled
 * as the network sees it, and what the network predicts from it. Where a scheduler asks the network
 * again within a step, for trial samples (PNDM, Heun), those are not captured. The last is the
 * final image; no network sees it any more, so its predictions and activations are those of the
 * last step.
 */
struct SampledImages
{
  int Width = 0;
  int Height = 0;
  int Components = 0;
  int ActivationChannels = 0; ///< 0 where activations are not captured.
  /**
   * [K] The scheduler's timestep of x, -1 for the final image. It falls, but DPM-Solver++ and UniPC
   * may round those of respaced noise levels to the same.
   */
  std::vector<double> Timesteps;
  /**
   * [K] Noise level sqrt((1 - ab) / ab) of x, of flow matching the share of noise; decreasing; 0
   * for the final image.
   */
  std::vector<double> Sigmas;
  /** [P] */
  std::vector<std::string> Prompts;
  /** [G] In order of appearance; prompts without a group share "Ungrouped". */
  std::vector<std::string> Groups;
  /** [P] Index into Groups. */
  std::vector<int> PromptGroups;
  /** What the user should know beside the images, a sentence each: prompts that are cut. */
  std::vector<std::string> Warnings;
  /** In order of their numbers; fewer than asked for when the run was stopped. */
  std::vector<SampledInstance> Instances;
  /** JSON object: the model, its checksum, all settings, versions, device. */
  std::string Provenance;
};

/**
 * Samples a diffusion model and keeps what happens on the way.
 *
 * On the CPU each instance goes through the network by itself, on one thread: its images are the
 * same bits at any batch size, number of threads or pieces. The noise is drawn on the CPU as
 * diffusers does for a list of generators, so that an instance equals diffusers' of the same seed
 * up to rounding, and CPU and GPU agree likewise. On a GPU the captured images are copied while it
 * goes on with the next step.
 *
 * @param monitor told of every step; to stop keeps the batches that are finished.
 * @throws FileError as DiffusionModel, ReadPromptFile and Scheduler do; ParameterError when a
 *         parameter is out of range or a prompt unknown; ResourceError when device or memory lack.
 */
SampledImages SampleImages(
  const SamplerParameters& parameters, const SamplerPiece& piece, const Monitor& monitor);
}
