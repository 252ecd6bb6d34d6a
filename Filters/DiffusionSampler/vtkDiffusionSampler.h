// SPDX-License-Identifier: BSD-3-Clause
/**
 * @class vtkDiffusionSampler
 * @brief samples a diffusion model and keeps what happens on the way from noise to image
 *
 * A source that runs a diffusion model in diffusers' folder layout, several instances (seeds) of
 * each prompt, and captures the intermediate images. The model may be unconditional, of classes or
 * of text: DDPM, DDIM, LDM, DiT, Stable Diffusion 1, 2 and XL pipelines. The output is an image
 * collection: one partition per instance, named after prompt and instance number, a vtkImageData of
 * width x height x iterations with
 * - point arrays `Image`, `PredictedImage`, `PredictedNoise`, those that are captured (uint8, 1 or
 * 3 components): the noisy image x_t, the image x_0 and the noise that the model predicts from it.
 *   [-1, 1] is mapped to [0, 255], for the noise too; what lies outside is cut;
 * - field data `Instance`, `PromptId`, `GroupId` (int), `Seed` (int64), `Iteration` (int, one per
 *   iteration), `Timestep`, `Sigma` (double, one per iteration), and where captured `Activations`
 *   (float, a tuple per iteration);
 *
 * and field data of the collection `Prompts`, `Groups` (string), `PromptGroup` (int), `Provenance`
 * (a JSON string: model, its checksum, settings, versions, device).
 *
 * Iteration 0 is the noisiest captured; the last one is the final image, at timestep -1 and sigma
 * 0. Its predictions and activations are those of the last step, as no network sees it any more.
 *
 * Instance i of every prompt starts from the noise of Seed + i, so that the prompts' trees grow
 * from the same roots. On the CPU the images are the same bits at any batch size, number of threads
 * or ranks, and equal diffusers' of the same seed up to rounding; so do a GPU's.
 *
 * In parallel each rank samples its own instances. Aborting keeps the batches that are finished.
 * Whatever prevents sampling is one error that names the remedy, with an empty output.
 */
#ifndef vtkDiffusionSampler_h
#define vtkDiffusionSampler_h

#include "vtkPartitionedDataSetCollectionAlgorithm.h"
#include "vtkTDLDiffusionSamplerModule.h" // for the export macro

#include <string> // for members
#include <vector> // for members

class VTKTDLDIFFUSIONSAMPLER_EXPORT vtkDiffusionSampler
  : public vtkPartitionedDataSetCollectionAlgorithm
{
public:
  static vtkDiffusionSampler* New();
  vtkTypeMacro(vtkDiffusionSampler, vtkPartitionedDataSetCollectionAlgorithm);
  void PrintSelf(ostream& os, vtkIndent indent) override;

  ///@{
  /**
   * Folder of the model, in diffusers' layout (model_index.json, and the folders it lists).
   * Default: empty, the model that comes with this plugin, trained on Fashion-MNIST.
   */
  vtkSetStdStringFromCharMacro(ModelFolder);
  vtkGetCharFromStdStringMacro(ModelFolder);
  ///@}

  ///@{
  /**
   * The prompts: any text for a model of text, names of classes, whatever the case of their
   * letters, for one of classes, a name for the images of an unconditional one. Where the model's
   * prompts.txt assigns them to groups, so does the output. Default: none, see SetPromptFile.
   */
  void AddPrompt(const char* prompt);
  void RemoveAllPrompts();
  ///@}

  ///@{
  /**
   * File of prompts with groups, instead of a list: one prompt per line, `[group]` lines, `#`
   * comments, UTF-8. Default: empty. Without list and file, the model's prompts.txt or all of its
   * classes, up to 100, are taken; a model of text needs one of them.
   */
  vtkSetStdStringFromCharMacro(PromptFile);
  vtkGetCharFromStdStringMacro(PromptFile);
  ///@}

  ///@{
  /**
   * Runs of each prompt, from different noise. At least 1. Default: 4.
   */
  vtkSetMacro(InstancesPerPrompt, int);
  vtkGetMacro(InstancesPerPrompt, int);
  ///@}

  ///@{
  /**
   * Seed of the first instance of each prompt; instance i has Seed + i. Not negative. Default: 0.
   */
  vtkSetMacro(Seed, int);
  vtkGetMacro(Seed, int);
  ///@}

  ///@{
  /**
   * Steps from noise to image, from 1 to the timesteps of the model's training. More steps take
   * longer and follow the model more closely. Default: 50.
   */
  vtkSetMacro(InferenceSteps, int);
  vtkGetMacro(InferenceSteps, int);
  ///@}

  enum SchedulerType
  {
    DDPM,
    DDIM,
    PNDM,
    LMS,
    EULER,
    EULER_ANCESTRAL,
    HEUN,
    DPM_SOLVER,
    UNIPC,
    LCM,
    FLOW_MATCH_EULER,
    MODELS_OWN
  };

  ///@{
  /**
   * What leads from one step to the next. DDPM, EULER_ANCESTRAL and LCM add fresh noise in each
   * step, the others none, DPM_SOLVER (DPM-Solver++) only where the model's configuration asks for
   * its stochastic form. DDPM wants many steps; PNDM, LMS, HEUN, DPM_SOLVER and UNIPC, which are of
   * higher order, come out with few; HEUN asks the network twice per step. LCM needs a model
   * distilled for it and FLOW_MATCH_EULER one of flow matching, which no other scheduler samples.
   * MODELS_OWN is the one that the model's scheduler_config.json names. Whichever it is, it keeps
   * to that file's settings. Default: DDIM.
   */
  vtkSetMacro(Scheduler, int);
  vtkGetMacro(Scheduler, int);
  ///@}

  ///@{
  /**
   * How much more than without it the prompt counts (classifier-free guidance). 1 is no guidance
   * and takes half the time; higher values make images more typical and less varied. Unconditional
   * models ignore it; those of text are used to 5 to 8. Default: 1.5.
   */
  vtkSetMacro(GuidanceScale, double);
  vtkGetMacro(GuidanceScale, double);
  ///@}

  ///@{
  /**
   * Text or class that guidance leads away from. Default: empty, from nothing in particular.
   */
  vtkSetStdStringFromCharMacro(NegativePrompt);
  vtkGetCharFromStdStringMacro(NegativePrompt);
  ///@}

  ///@{
  /**
   * Which images to keep: Image (the noisy image), PredictedImage, PredictedNoise. At least one
   * must be on. Default: the first two.
   */
  vtkSetMacro(CaptureNoisyImage, bool);
  vtkGetMacro(CaptureNoisyImage, bool);
  vtkBooleanMacro(CaptureNoisyImage, bool);
  vtkSetMacro(CapturePredictedImage, bool);
  vtkGetMacro(CapturePredictedImage, bool);
  vtkBooleanMacro(CapturePredictedImage, bool);
  vtkSetMacro(CapturePredictedNoise, bool);
  vtkGetMacro(CapturePredictedNoise, bool);
  vtkBooleanMacro(CapturePredictedNoise, bool);
  ///@}

  ///@{
  /**
   * Whether to keep also, as the field data `Activations`, what the network's middle makes of the
   * noisy image: a UNet's middle block, or the block in the middle of a transformer, averaged over
   * its positions, a value per channel; under guidance that of the prompt. vtkFeatureEncoder takes
   * them for features. The images stay the same bits. An error for networks stored as TorchScript,
   * which cannot be looked into. A recorded run does not keep them. Default: off.
   */
  vtkSetMacro(CaptureActivations, bool);
  vtkGetMacro(CaptureActivations, bool);
  vtkBooleanMacro(CaptureActivations, bool);
  ///@}

  ///@{
  /**
   * Capture every so many steps, from the initial noise on; the final image in any case. At
   * least 1. Default: 1.
   */
  vtkSetMacro(CaptureEvery, int);
  vtkGetMacro(CaptureEvery, int);
  ///@}

  ///@{
  /**
   * Capture these steps instead: s is the image after s steps, from 0, the initial noise, to
   * InferenceSteps, the final image, which is captured in any case. Default: none.
   */
  void AddCaptureStep(int step);
  void RemoveAllCaptureSteps();
  ///@}

  enum LatentDecodingType
  {
    AUTOENCODER,
    LINEAR_APPROXIMATION,
    TILED_AUTOENCODER
  };

  ///@{
  /**
   * How captured latents become images: by the model's AUTOENCODER, which takes a while for each,
   * by it in overlapping tiles (TILED_AUTOENCODER), which takes less memory for large images and
   * may leave seams, or by a LINEAR_APPROXIMATION of it, at once, with a pixel per latent pixel;
   * how well it fits stands in the provenance. No effect on models that are not latent. Default:
   * AUTOENCODER.
   */
  vtkSetMacro(LatentDecoding, int);
  vtkGetMacro(LatentDecoding, int);
  ///@}

  ///@{
  /**
   * Whether the model's upsampler enlarges the captured images, each by a run of its own of many
   * steps, noisy images and predicted noise included. An error where the folder of such a model
   * has no upsampler; no effect on models of other families. Default: off.
   */
  vtkSetMacro(UpsampleCapturedImages, bool);
  vtkGetMacro(UpsampleCapturedImages, bool);
  vtkBooleanMacro(UpsampleCapturedImages, bool);
  ///@}

  ///@{
  /**
   * The longer side of the images in the output, in pixels, resampled with antialiasing. Default:
   * 0, as the model makes them.
   */
  vtkSetMacro(StoredImageSize, int);
  vtkGetMacro(StoredImageSize, int);
  ///@}

  enum DeviceType
  {
    AUTO,
    CPU,
    CUDA
  };

  ///@{
  /**
   * Where the model runs: AUTO (CUDA where there is any), CPU or CUDA. Default: AUTO.
   */
  vtkSetMacro(Device, int);
  vtkGetMacro(Device, int);
  ///@}

  ///@{
  /**
   * Number of the CUDA device. Default: 0.
   */
  vtkSetMacro(DeviceIndex, int);
  vtkGetMacro(DeviceIndex, int);
  ///@}

  enum PrecisionType
  {
    AUTO_PRECISION,
    SINGLE,
    HALF
  };

  ///@{
  /**
   * The numbers that networks calculate with: AUTO_PRECISION (HALF on a CUDA device, else SINGLE),
   * SINGLE (float32) or HALF (float16, on a CUDA device only). Default: AUTO_PRECISION.
   */
  vtkSetMacro(Precision, int);
  vtkGetMacro(Precision, int);
  ///@}

  ///@{
  /**
   * Threads to run on. Has no effect on the images. Default: 0, all cores.
   */
  vtkSetMacro(Threads, int);
  vtkGetMacro(Threads, int);
  ///@}

  ///@{
  /**
   * Instances that advance together; aborting keeps whole batches. Has no effect on the images.
   * Default: 0, four per thread or what memory allows; on a GPU 64.
   */
  vtkSetMacro(BatchSize, int);
  vtkGetMacro(BatchSize, int);
  ///@}

protected:
  vtkDiffusionSampler();
  ~vtkDiffusionSampler() override = default;
  int RequestInformation(vtkInformation*, vtkInformationVector**, vtkInformationVector*) override;
  int RequestData(vtkInformation*, vtkInformationVector**, vtkInformationVector*) override;

private:
  vtkDiffusionSampler(const vtkDiffusionSampler&) = delete;
  void operator=(const vtkDiffusionSampler&) = delete;

  std::string ModelFolder;
  std::vector<std::string> Prompts;
  std::string PromptFile;
  int InstancesPerPrompt;
  int Seed;
  int InferenceSteps;
  int Scheduler;
  double GuidanceScale;
  std::string NegativePrompt;
  bool CaptureNoisyImage;
  bool CapturePredictedImage;
  bool CapturePredictedNoise;
  bool CaptureActivations;
  int CaptureEvery;
  std::vector<int> CaptureSteps;
  int LatentDecoding;
  bool UpsampleCapturedImages;
  int StoredImageSize;
  int Device;
  int DeviceIndex;
  int Precision;
  int Threads;
  int BatchSize;
};

#endif
