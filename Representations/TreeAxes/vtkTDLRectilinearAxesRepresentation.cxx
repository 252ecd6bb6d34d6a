// SPDX-License-Identifier: BSD-3-Clause
#include "vtkTDLRectilinearAxesRepresentation.h"

#include "Representations/TreeAxes/Core/AxesLayout.h"

#include "vtkObjectFactory.h"

vtkStandardNewMacro(vtkTDLRectilinearAxesRepresentation);

const char* vtkTDLRectilinearAxesRepresentation::GetLayout() const
{
  return "rectilinear";
}

tdl::AxesDrawing vtkTDLRectilinearAxesRepresentation::LayOut(
  const tdl::Tree& tree, const tdl::AxesStyle& style) const
{
  return tdl::LayOutRectilinear(tree, style);
}
