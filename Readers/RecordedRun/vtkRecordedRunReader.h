// SPDX-License-Identifier: BSD-3-Clause
/**
 * @class vtkRecordedRunReader
 * @brief reads the images of a recorded run of a diffusion model
 *
 * Reads what Readers/README.md describes, a manifest (JSON or CSV), an array file (.npy, .npz,
 * .safetensors, .h5) or a folder of images, into an image collection, as the diffusion sampler
 * makes it: one partition per instance, named after prompt and instance number, a vtkImageData of
 * width x height x iterations with
 * - point arrays `Image`, `PredictedImage`, `PredictedNoise`, those that the manifest lists (uint8,
 *   1 or 3 components);
 * - field data `Instance`, `PromptId`, `GroupId` (int), `Seed` (int64, -1: not known),
 *   `Iteration` (int, one per iteration), `Timestep`, `Sigma` (double, one per iteration, NaN: not
 *   known);
 *
 * and field data of the collection `Prompts`, `Groups` (string), `PromptGroup` (int),
 * `Provenance` (a JSON string). Prompts without a group share the group
 * "Ungrouped".
 *
 * Elements that are missing are holes: the instance has a slice less, `Iteration` tells which it
 * has, and a warning names them.
 *
 * In parallel each rank reads the images of its own instances.
 *
 * A manifest that contradicts itself, an image that is missing, damaged, or of another size than
 * the others, or more images than memory is free for: one error that names the file or the remedy,
 * and an empty output.
 */
#ifndef vtkRecordedRunReader_h
#define vtkRecordedRunReader_h

#include "vtkPartitionedDataSetCollectionAlgorithm.h"
#include "vtkTDLRecordedRunModule.h" // for the export macro

#include <memory>
#include <set>
#include <string>

namespace tdl
{
class RecordedRun;
struct RunChoice;
}

class VTKTDLRECORDEDRUN_EXPORT vtkRecordedRunReader
  : public vtkPartitionedDataSetCollectionAlgorithm
{
public:
  static vtkRecordedRunReader* New();
  vtkTypeMacro(vtkRecordedRunReader, vtkPartitionedDataSetCollectionAlgorithm);
  void PrintSelf(ostream& os, vtkIndent indent) override;

  ///@{
  /**
   * The manifest of the run, an array file or a folder of images. Default: none.
   */
  vtkSetFilePathMacro(FileName);
  vtkGetFilePathMacro(FileName);
  ///@}

  ///@{
  /**
   * The manifest of an array file or folder. Default: none, that is the one beside it or in it.
   */
  vtkSetFilePathMacro(ManifestFile);
  vtkGetFilePathMacro(ManifestFile);
  ///@}

  ///@{
  /**
   * How the images in a folder are named, as in `{prompt}/{seed}/{step}`. Default: empty, that is
   * one of the usual ways.
   */
  vtkSetMacro(NamePattern, std::string);
  vtkGetMacro(NamePattern, std::string);
  ///@}

  ///@{
  /**
   * Which array of a file of several holds the images. Default: empty, that is the usual one.
   */
  vtkSetMacro(ArrayName, std::string);
  vtkGetMacro(ArrayName, std::string);
  ///@}

  ///@{
  /**
   * A letter for each dimension of the array: I instance, K iteration, E element, H height, W
   * width, C channel. Default: empty, that is inferred from its shape.
   */
  vtkSetMacro(Dimensions, std::string);
  vtkGetMacro(Dimensions, std::string);
  ///@}

  ///@{
  /**
   * Which floating point numbers are black and white: by the final images (0), 0 and 1 (1), -1 and
   * 1 (2), 0 and 255 (3). Default: 0.
   */
  vtkSetClampMacro(ValueRange, int, 0, 3);
  vtkGetMacro(ValueRange, int);
  ///@}

  ///@{
  /**
   * Longer side of the images in pixels; larger ones are made smaller. Default: 0, that is as
   * recorded.
   */
  vtkSetMacro(StoredImageSize, int);
  vtkGetMacro(StoredImageSize, int);
  ///@}

  ///@{
  /**
   * Numbers of the instances to read; none means all.
   */
  void AddInstance(int instance);
  void RemoveAllInstances();
  ///@}

  ///@{
  /**
   * The first and the last iteration to read. Default: 0 and -1, which is the final one.
   */
  vtkSetMacro(FirstIteration, int);
  vtkGetMacro(FirstIteration, int);
  vtkSetMacro(LastIteration, int);
  vtkGetMacro(LastIteration, int);
  ///@}

  ///@{
  /**
   * Which of these to read: every n-th, and the last. Default: 1.
   */
  vtkSetMacro(Every, int);
  vtkGetMacro(Every, int);
  ///@}

  ///@{
  /**
   * Threads that decode. Default: 0, that is all cores.
   */
  vtkSetMacro(Threads, int);
  vtkGetMacro(Threads, int);
  ///@}

  /**
   * What will be read, in words, and the memory that it will take; known after UpdateInformation.
   */
  vtkGetMacro(Contents, std::string);

  /**
   * Whether a file says that it is the manifest of a recorded run, is an array file whose images
   * can be found and that would not rather hold features, or a folder that holds images.
   */
  int CanReadFile(VTK_FILEPATH const char* fileName);

protected:
  vtkRecordedRunReader();
  ~vtkRecordedRunReader() override;
  int RequestInformation(vtkInformation*, vtkInformationVector**, vtkInformationVector*) override;
  int RequestData(vtkInformation*, vtkInformationVector**, vtkInformationVector*) override;

private:
  vtkRecordedRunReader(const vtkRecordedRunReader&) = delete;
  void operator=(const vtkRecordedRunReader&) = delete;

  std::unique_ptr<tdl::RecordedRun> OpenRun() const;
  tdl::RunChoice MakeChoice() const;
  void ReadPiece(int piece, int pieces, vtkPartitionedDataSetCollection* output);

  char* FileName = nullptr;
  char* ManifestFile = nullptr;
  std::string NamePattern;
  std::string ArrayName;
  std::string Dimensions;
  int ValueRange = 0;
  int StoredImageSize = 0;
  std::set<int> Instances;
  int FirstIteration = 0;
  int LastIteration = -1;
  int Every = 1;
  int Threads = 0;
  std::string Contents;
  /** Opened for information, to be read next. */
  std::unique_ptr<tdl::RecordedRun> Run;
  vtkMTimeType RunTime = 0;
};

#endif
