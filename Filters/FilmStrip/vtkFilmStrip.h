// SPDX-License-Identifier: BSD-3-Clause
/**
 * @class vtkFilmStrip
 * @brief shows how instances become images, one row each
 *
 * Puts the images of an image collection side by side in one picture: a row per instance, ordered
 * by prompt, then instance, from the top; a column per shown iteration, noise at the left, the
 * final image at the right. White gutters part the rows, wider ones the prompts.
 *
 * Input: a vtkPartitionedDataSetCollection of vtkImageData (width x height x iterations) with a
 * uint8 point array of 1 or 3 components and field data `Instance` and `PromptId`, all of one size.
 *
 * Output: a vtkImageData, one pixel high along z, with the uint8 scalars `Image` of as many
 * components, so that vtkPNGWriter writes it as it is. The size of the picture follows from the
 * input data, so that to ask for the output's information updates the input. In parallel each rank
 * draws its own instances and rank 0 holds the picture.
 */
#ifndef vtkFilmStrip_h
#define vtkFilmStrip_h

#include "vtkImageAlgorithm.h"
#include "vtkTDLFilmStripModule.h" // for the export macro

#include <set>    // for Instances
#include <string> // for ImageArray

class VTKTDLFILMSTRIP_EXPORT vtkFilmStrip : public vtkImageAlgorithm
{
public:
  static vtkFilmStrip* New();
  vtkTypeMacro(vtkFilmStrip, vtkImageAlgorithm);
  void PrintSelf(ostream& os, vtkIndent indent) override;

  ///@{
  /**
   * The numbers of the instances to show. Default: none, which shows all.
   */
  void AddInstance(int instance);
  void RemoveAllInstances();
  ///@}

  ///@{
  /**
   * Show every so many iterations, from the first, and the last one always; positive. Default: 5.
   */
  vtkSetClampMacro(Every, int, 1, VTK_INT_MAX);
  vtkGetMacro(Every, int);
  ///@}

  ///@{
  /**
   * The point array that holds the images. Default: Image.
   */
  vtkSetStdStringFromCharMacro(ImageArray);
  vtkGetCharFromStdStringMacro(ImageArray);
  ///@}

protected:
  vtkFilmStrip();
  ~vtkFilmStrip() override = default;
  int FillInputPortInformation(int port, vtkInformation* info) override;
  int RequestInformation(vtkInformation*, vtkInformationVector**, vtkInformationVector*) override;
  int RequestData(vtkInformation*, vtkInformationVector**, vtkInformationVector*) override;

private:
  vtkFilmStrip(const vtkFilmStrip&) = delete;
  void operator=(const vtkFilmStrip&) = delete;

  std::set<int> Instances;
  int Every = 5;
  std::string ImageArray;
};

#endif
