// SPDX-License-Identifier: BSD-3-Clause
/**
 * @class vtkRecordedRunWriter
 * @brief writes an image collection as a recorded run
 *
 * Writes a manifest (a JSON file, described in Readers/README.md) and beside it a folder
 * of PNG images, one per image array, instance and iteration: `run.json` and
 * `run.images/instance-007/Image-049.png`. vtkRecordedRunReader reads them back as the same image
 * collection.
 *
 * An old run of the same name stays whole until the new one is; then its images are removed. A
 * writer that fails or is stopped leaves the old run.
 *
 * The input is an image collection as the diffusion sampler makes it; all its instances have the
 * same iterations and image arrays.
 */
#ifndef vtkRecordedRunWriter_h
#define vtkRecordedRunWriter_h

#include "vtkTDLRecordedRunModule.h" // for the export macro
#include "vtkWriter.h"

class VTKTDLRECORDEDRUN_EXPORT vtkRecordedRunWriter : public vtkWriter
{
public:
  static vtkRecordedRunWriter* New();
  vtkTypeMacro(vtkRecordedRunWriter, vtkWriter);
  void PrintSelf(ostream& os, vtkIndent indent) override;

  ///@{
  /**
   * The manifest to write; its folder is made if need be. Default: none.
   */
  vtkSetFilePathMacro(FileName);
  vtkGetFilePathMacro(FileName);
  ///@}

protected:
  vtkRecordedRunWriter();
  ~vtkRecordedRunWriter() override;
  int FillInputPortInformation(int port, vtkInformation* info) override;
  void WriteData() override;

private:
  vtkRecordedRunWriter(const vtkRecordedRunWriter&) = delete;
  void operator=(const vtkRecordedRunWriter&) = delete;

  char* FileName = nullptr;
};

#endif
