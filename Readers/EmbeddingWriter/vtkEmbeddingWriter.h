// SPDX-License-Identifier: BSD-3-Clause
/**
 * @class vtkEmbeddingWriter
 * @brief writes the points of an embedding for other programs
 *
 * Writes as the file's name says
 * - .npz of NumPy: `points` [N, 2] (float64), each array of the point data under its own name, and
 * of the field data `Prompts`, `Groups` and `Provenance` (bytes of UTF-8) and `PromptGroup`;
 * - .csv (RFC 4180): a header, then a row per point with `instance`, `iteration`, `prompt`,
 * `group`, `seed`, `timestep`, `sigma`, `x`, `y` and the other arrays of one component. A feature
 * reader takes it.
 *
 * An old file of the same name stays whole until the new one is.
 *
 * The input is an embedding: points with `Instance` and `Iteration`.
 */
#ifndef vtkEmbeddingWriter_h
#define vtkEmbeddingWriter_h

#include "vtkTDLEmbeddingWriterModule.h" // for the export macro
#include "vtkWriter.h"

class VTKTDLEMBEDDINGWRITER_EXPORT vtkEmbeddingWriter : public vtkWriter
{
public:
  static vtkEmbeddingWriter* New();
  vtkTypeMacro(vtkEmbeddingWriter, vtkWriter);
  void PrintSelf(ostream& os, vtkIndent indent) override;

  ///@{
  /**
   * The file to write. Default: none.
   */
  vtkSetFilePathMacro(FileName);
  vtkGetFilePathMacro(FileName);
  ///@}

protected:
  vtkEmbeddingWriter();
  ~vtkEmbeddingWriter() override;
  int FillInputPortInformation(int port, vtkInformation* info) override;
  void WriteData() override;

private:
  vtkEmbeddingWriter(const vtkEmbeddingWriter&) = delete;
  void operator=(const vtkEmbeddingWriter&) = delete;

  char* FileName = nullptr;
};

#endif
