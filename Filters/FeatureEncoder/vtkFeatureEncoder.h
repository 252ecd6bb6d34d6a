// SPDX-License-Identifier: BSD-3-Clause
/**
 * @class vtkFeatureEncoder
 * @brief turns the images of an image collection into feature vectors
 *
 * Input: a vtkPartitionedDataSetCollection (or vtkMultiBlockDataSet) of one vtkImageData per
 * instance, width x height x iterations, with uint8 point arrays of 1 or 3 components, rows from
 * the bottom, and the field data `Instance`, `PromptId`, `GroupId`, `Seed` (one value),
 * `Iteration`, `Timestep`, `Sigma` (one per iteration).
 *
 * Output: a vtkTable of one row per image, ordered by instance, then iteration. Columns: the above
 * (int, Seed int64, Timestep and Sigma double), `Features` (float, D components) and `ThumbnailId`
 * (int). Field data: the input's, its `Provenance` with a member "encoder"; `Thumbnails` (uint8, a
 * tuple of width * height * components per row of the table, pixel rows from the bottom) and
 * `ThumbnailSize` (width, height, components).
 *
 * On the CPU the features are the same bits at any batch size and number of threads. When aborted,
 * the output holds the rows that are finished. In parallel each process encodes the instances it
 * has; what needs to see all images (PCA, standardized features) is refused then.
 */
#ifndef vtkFeatureEncoder_h
#define vtkFeatureEncoder_h

#include "vtkTDLFeatureEncoderModule.h" // for the export macro
#include "vtkTableAlgorithm.h"

#include <string> // for EncoderFolder, ImageArray

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
    PCA
  };

  ///@{
  /**
   * What makes the features: MODEL (a network), PIXELS (intensities in [0, 1], averaged down to at
   * most 1024 values) or PCA (principal components of these, over all images). Default: MODEL.
   */
  vtkSetMacro(Encoder, int);
  vtkGetMacro(Encoder, int);
  ///@}

  ///@{
  /**
   * Folder of the network as transformers stores it: config.json, preprocessor_config.json,
   * model.safetensors; a ResNet. Default: empty, the one that comes with the library, trained on
   * Fashion-MNIST at all noise levels.
   */
  vtkSetStdStringFromCharMacro(EncoderFolder);
  vtkGetCharFromStdStringMacro(EncoderFolder);
  ///@}

  ///@{
  /**
   * The point array that holds the images. Default: Image.
   */
  vtkSetStdStringFromCharMacro(ImageArray);
  vtkGetCharFromStdStringMacro(ImageArray);
  ///@}

  enum FeatureOutputType
  {
    POOLED,
    SCORES
  };

  ///@{
  /**
   * Which of the network's results are the features: POOLED (the last stage's activations, averaged
   * over the image) or SCORES (before softmax; the network must have a classification head).
   * Default: POOLED.
   */
  vtkSetMacro(FeatureOutput, int);
  vtkGetMacro(FeatureOutput, int);
  ///@}

  enum NormalizationType
  {
    NONE,
    L2,
    STANDARDIZED
  };

  ///@{
  /**
   * What is done to the features at the end: NONE, L2 (each vector gets length 1) or STANDARDIZED
   * (each feature gets mean 0 and variance 1 over all images). Default: NONE.
   */
  vtkSetMacro(Normalization, int);
  vtkGetMacro(Normalization, int);
  ///@}

  ///@{
  /**
   * Number of principal components, from 1 to the number of images less one. Default: 50.
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

  int Encoder;
  std::string EncoderFolder;
  std::string ImageArray;
  int FeatureOutput;
  int Normalization;
  int Components;
  int ThumbnailSize = 32;
  int Device;
  int DeviceIndex;
  int Threads;
  int BatchSize;
};

#endif
