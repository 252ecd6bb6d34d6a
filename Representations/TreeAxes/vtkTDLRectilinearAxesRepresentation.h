// SPDX-License-Identifier: BSD-3-Clause
/**
 * @class vtkTDLRectilinearAxesRepresentation
 * @brief draws an embedding of the rectilinear layout: columns along x, prompts right of the last
 * column
 */
#ifndef vtkTDLRectilinearAxesRepresentation_h
#define vtkTDLRectilinearAxesRepresentation_h

#include "vtkTDLAxesRepresentation.h"

class VTKTDLTREEAXES_EXPORT vtkTDLRectilinearAxesRepresentation : public vtkTDLAxesRepresentation
{
public:
  static vtkTDLRectilinearAxesRepresentation* New();
  vtkTypeMacro(vtkTDLRectilinearAxesRepresentation, vtkTDLAxesRepresentation);

protected:
  vtkTDLRectilinearAxesRepresentation() = default;
  ~vtkTDLRectilinearAxesRepresentation() override = default;

  const char* GetLayout() const override;
  tdl::AxesDrawing LayOut(const tdl::Tree& tree, const tdl::AxesStyle& style) const override;

private:
  vtkTDLRectilinearAxesRepresentation(const vtkTDLRectilinearAxesRepresentation&) = delete;
  void operator=(const vtkTDLRectilinearAxesRepresentation&) = delete;
};

#endif
