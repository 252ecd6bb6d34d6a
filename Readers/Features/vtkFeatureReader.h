// SPDX-License-Identifier: BSD-3-Clause
/**
 * @class vtkFeatureReader
 * @brief reads features of a diffusion model's images that were computed elsewhere
 *
 * Reads a manifest (a JSON file, described in Readers/README.md) and the .npy file that
 * it names, a matrix of float16, float32 or float64, into a feature table as the feature encoder
 * makes it: one row per element, ordered by instance, then iteration, with the columns `Instance`,
 * `Iteration`, `PromptId`, `GroupId` (int), `Seed` (int64, -1: not known), `Timestep`, `Sigma`
 * (double, NaN: not known) and `Features` (float32, as many components as the matrix has columns);
 * and the field data `Prompts`, `Groups` (string), `PromptGroup` (int), `Provenance` (a JSON
 * string).
 *
 * In parallel each rank reads the rows of its own instances.
 *
 * A manifest that contradicts itself or its .npy file, or a .npy file that is damaged or of another
 * kind: one error that names the file, and an empty output.
 */
#ifndef vtkFeatureReader_h
#define vtkFeatureReader_h

#include "vtkTDLFeaturesModule.h" // for the export macro
#include "vtkTableAlgorithm.h"

class VTKTDLFEATURES_EXPORT vtkFeatureReader : public vtkTableAlgorithm
{
public:
  static vtkFeatureReader* New();
  vtkTypeMacro(vtkFeatureReader, vtkTableAlgorithm);
  void PrintSelf(ostream& os, vtkIndent indent) override;

  ///@{
  /**
   * The manifest of the features. Default: none.
   */
  vtkSetFilePathMacro(FileName);
  vtkGetFilePathMacro(FileName);
  ///@}

  /**
   * Whether a file says that it is the manifest of features.
   */
  int CanReadFile(VTK_FILEPATH const char* fileName);

protected:
  vtkFeatureReader();
  ~vtkFeatureReader() override;
  int RequestInformation(vtkInformation*, vtkInformationVector**, vtkInformationVector*) override;
  int RequestData(vtkInformation*, vtkInformationVector**, vtkInformationVector*) override;

private:
  vtkFeatureReader(const vtkFeatureReader&) = delete;
  void operator=(const vtkFeatureReader&) = delete;

  char* FileName = nullptr;
};

#endif
