// SPDX-License-Identifier: BSD-3-Clause
/**
 * @class vtkFeatureReader
 * @brief reads features of a diffusion model's images that were computed elsewhere
 *
 * Reads what Readers/README.md describes, a manifest (JSON), a table (CSV) or an array file (.npy,
 * .npz, .safetensors, .h5) with its manifest, into a feature table as the feature encoder
 * makes it: one row per element, ordered by instance, then iteration, with the columns `Instance`,
 * `Iteration`, `PromptId`, `GroupId` (int), `Seed` (int64, -1: not known), `Timestep`, `Sigma`
 * (double, NaN: not known) and `Features` (float32, as many components as the matrix has columns);
 * and the field data `Prompts`, `Groups` (string), `PromptGroup` (int), `Provenance` (a JSON
 * string).
 *
 * In parallel each rank reads the rows of its own instances.
 *
 * A manifest that contradicts itself or its array, a file that is damaged or of another kind, or
 * more features than memory is free for: one error that names the file or the remedy, and an empty
 * output.
 */
#ifndef vtkFeatureReader_h
#define vtkFeatureReader_h

#include "vtkTDLFeaturesModule.h" // for the export macro
#include "vtkTableAlgorithm.h"

#include <set>
#include <string>

class VTKTDLFEATURES_EXPORT vtkFeatureReader : public vtkTableAlgorithm
{
public:
  static vtkFeatureReader* New();
  vtkTypeMacro(vtkFeatureReader, vtkTableAlgorithm);
  void PrintSelf(ostream& os, vtkIndent indent) override;

  ///@{
  /**
   * The manifest of the features, a table or an array file. Default: none.
   */
  vtkSetFilePathMacro(FileName);
  vtkGetFilePathMacro(FileName);
  ///@}

  ///@{
  /**
   * The manifest of an array file. Default: none, that is the one beside it.
   */
  vtkSetFilePathMacro(ManifestFile);
  vtkGetFilePathMacro(ManifestFile);
  ///@}

  ///@{
  /**
   * Which array of a file of several holds the features. Default: empty, that is the usual one.
   */
  vtkSetMacro(ArrayName, std::string);
  vtkGetMacro(ArrayName, std::string);
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

  /**
   * What will be read, in words, and the memory that it will take; known after UpdateInformation.
   */
  vtkGetMacro(Contents, std::string);

  /**
   * Whether a file says that it is the manifest of features, or is an array file whose features
   * can be found and that would not rather hold images, or a matrix that lacks its manifest yet.
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
  char* ManifestFile = nullptr;
  std::string ArrayName;
  std::set<int> Instances;
  int FirstIteration = 0;
  int LastIteration = -1;
  int Every = 1;
  std::string Contents;
};

#endif
