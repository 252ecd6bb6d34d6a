// SPDX-License-Identifier: BSD-3-Clause
/**
 * @class vtkRecordedRunReader
 * @brief reads the images of a recorded run of a diffusion model
 *
 * Reads a manifest (a JSON file, described in Readers/README.md) and the PNG or JPEG
 * images that it names into an image collection, as the diffusion sampler makes it: one partition
 * per instance, named after prompt and instance number, a vtkImageData of width x height x
 * iterations with
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
 * In parallel each rank reads the images of its own instances.
 *
 * A manifest that contradicts itself, an image that is missing, damaged, or of another size than
 * the others: one error that names the file, and an empty output.
 */
#ifndef vtkRecordedRunReader_h
#define vtkRecordedRunReader_h

#include "vtkPartitionedDataSetCollectionAlgorithm.h"
#include "vtkTDLRecordedRunModule.h" // for the export macro

class VTKTDLRECORDEDRUN_EXPORT vtkRecordedRunReader
  : public vtkPartitionedDataSetCollectionAlgorithm
{
public:
  static vtkRecordedRunReader* New();
  vtkTypeMacro(vtkRecordedRunReader, vtkPartitionedDataSetCollectionAlgorithm);
  void PrintSelf(ostream& os, vtkIndent indent) override;

  ///@{
  /**
   * The manifest of the run. Default: none.
   */
  vtkSetFilePathMacro(FileName);
  vtkGetFilePathMacro(FileName);
  ///@}

  /**
   * Whether a file says that it is the manifest of a recorded run.
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

  char* FileName = nullptr;
};

#endif
