// SPDX-License-Identifier: BSD-3-Clause
/**
 * @class vtkFeatureEncoder
 * @brief turns the images of an image collection into feature vectors
 *
 * Input: a vtkPartitionedDataSetCollection (or vtkMultiBlockDataSet) of one vtkImageData per
 * instance, width x height x iterations, with uint8 point arrays of 1 or 3 components, rows from
 * the bottom, and the field data `Instance`, `PromptId`, `GroupId`, `Seed` (one value),
 * `Iteration`, `Timestep`, `Sigma` (one per iteration); for ACTIVATIONS also `Activations` (float,
 * a tuple per iteration).
 *
 * Output: a vtkTable of one row per image, ordered by instance, then iteration. Columns: the above
 * (int, Seed int64, Timestep and Sigma double), `Features` (float, D components), `ThumbnailId`
 * (int) and, of a CLIP model with its tokenizer where the input has the field data `Prompts`,
 * `PromptSimilarity` (float): the cosine similarity of the image and its prompt. Field data: the
 * input's, its `Provenance` with a member "encoder"; `Thumbnails` (uint8, a tuple of width * height
 * * components per row of the table, pixel rows from the bottom) and `ThumbnailSize` (width,
 * height, components).
 *
 * On the CPU the features are the same bits at any batch size and number of threads. When aborted,
 * the output holds the rows that are finished. In parallel each process encodes the instances it
 * has; what needs to see all images (PCA, standardized features) is refused then.
 *
 * Images are read from the input's memory: several encoders of one input share them.
 */
#ifndef vtkFeatureEncoder_h
#define vtkFeatureEncoder_h

#include "vtkTDLFeatureEncoderModule.h" // for the export macro
#include "vtkTableAlgorithm.h"

#include <string> // for EncoderFolder, ImageArray

class vtkCompositeDataSet;

class VTKTDLFEATUREENCODER_EXPORT vtkFeatureEncoder : public vtkTableAlgorithm
{
public:
  static vtkFeatureEncoder* New();
  vtkTypeMacro(vtkFeatureEncoder, vtkTableAlgorithm);
  void PrintSelf(ostream& os, vtkIndent indent) override;

  enum EncoderType
  {
    MODEL,
    PIXELS,
    PCA,
    GRADIENTS,
    ACTIVATIONS
  };

  ///@{
  /**
   * What makes the features: MODEL (a network), PIXELS (intensities in [0, 1], averaged down to at
   * most 1024 values), PCA (principal components of these, over all images), GRADIENTS
   * (histograms of gradients at several scales) or ACTIVATIONS (what the network that made the
   * images had in its middle, where vtkDiffusionSampler captured that). Default: MODEL.
   */
  vtkSetMacro(Encoder, int);
  vtkGetMacro(Encoder, int);
  ///@}

  ///@{
  /**
   * Folder of the network as transformers stores it: config.json, preprocessor_config.json,
   * model.safetensors; a CLIP, ViT, DINOv2, ResNet or ConvNeXT. Or of one stored as TorchScript:
   * model.pt, preprocessor_config.json. Default: empty, the one that comes with the library,
   * trained on Fashion-MNIST at all noise levels.
   */
  vtkSetStdStringFromCharMacro(EncoderFolder);
  vtkGetCharFromStdStringMacro(EncoderFolder);
  ///@}

  ///@{
  /**
   * The point array that holds the images; of ACTIVATIONS those of the thumbnails. Default: Image.
   */
  vtkSetStdStringFromCharMacro(ImageArray);
  vtkGetCharFromStdStringMacro(ImageArray);
  ///@}

  enum FeatureOutputType
  {
    POOLED,
    SCORES,
    CLASS_TOKEN,
    MEAN_OF_PATCHES,
    HIDDEN_LAYER,
    GRAM_MATRIX
  };

  ///@{
  /**
   * Which of the network's results are the features: POOLED (what it gives for the whole image),
   * SCORES (of its classification head, before softmax), CLASS_TOKEN, MEAN_OF_PATCHES (both of the
   * last layer; a patch of a convolutional network is a pixel), HIDDEN_LAYER (the patches of a
   * layer, averaged) or GRAM_MATRIX (of the channels of a layer: the upper triangle, row by row,
   * what is beside the diagonal times the square root of two; of at most 128 channels, onto which
   * more are projected at random). Default: POOLED.
   */
  vtkSetMacro(FeatureOutput, int);
  vtkGetMacro(FeatureOutput, int);
  ///@}

  ///@{
  /**
   * The layer of HIDDEN_LAYER and GRAM_MATRIX: 0 is the embedding, 1 the first layer (of a
   * convolutional network: stage), -1 the last, -2 the one before it. Default: -1.
   */
  vtkSetMacro(Layer, int);
  vtkGetMacro(Layer, int);
  ///@}

  enum NormalizationType
  {
    NONE,
    L2,
    STANDARDIZED,
    COMPONENTS
  };

  ///@{
  /**
   * What is done to the features at the end: NONE, L2 (each vector gets length 1), STANDARDIZED
   * (each feature gets mean 0 and variance 1 over all images) or COMPONENTS (their principal
   * components over all images take their place). Default: NONE.
   */
  vtkSetMacro(Normalization, int);
  vtkGetMacro(Normalization, int);
  ///@}

  ///@{
  /**
   * Number of principal components, from 1 to the lesser of the number of features and the number
   * of images less one. Default: 50.
   */
  vtkSetMacro(Components, int);
  vtkGetMacro(Components, int);
  ///@}

  ///@{
  /**
   * Longest side of the thumbnails in pixels; smaller images keep their size. 0: no thumbnails.
   * Default: 32.
   */
  vtkSetClampMacro(ThumbnailSize, int, 0, VTK_INT_MAX);
  vtkGetMacro(ThumbnailSize, int);
  ///@}

  enum DeviceType
  {
    AUTO,
    CPU,
    CUDA
  };

  ///@{
  /**
   * Where the network runs: AUTO (CUDA where there is any), CPU or CUDA. Default: AUTO.
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

  ///@{
  /**
   * Threads to run on. Has no effect on the features. Default: 0, all cores.
   */
  vtkSetMacro(Threads, int);
  vtkGetMacro(Threads, int);
  ///@}

  ///@{
  /**
   * Images encoded between two reports of progress, on a GPU at once; on the CPU rounded up to a
   * multiple of 8, without effect on the features. Default: 0, 8 per thread or, on a GPU, 256.
   */
  vtkSetMacro(BatchSize, int);
  vtkGetMacro(BatchSize, int);
  ///@}

protected:
  vtkFeatureEncoder();
  ~vtkFeatureEncoder() override = default;
  int FillInputPortInformation(int port, vtkInformation* info) override;
  int RequestData(vtkInformation*, vtkInformationVector**, vtkInformationVector*) override;

private:
  vtkFeatureEncoder(const vtkFeatureEncoder&) = delete;
  void operator=(const vtkFeatureEncoder&) = delete;

  /**
   * @param parallel Whether other processes have instances, too.
   */
  void Encode(vtkCompositeDataSet* input, bool parallel, vtkTable* output);

  int Encoder;
  std::string EncoderFolder;
  std::string ImageArray;
  int FeatureOutput;
  int Layer;
  int Normalization;
  int Components;
  int ThumbnailSize = 32;
  int Device;
  int DeviceIndex;
  int Threads;
  int BatchSize;
};

#endif
