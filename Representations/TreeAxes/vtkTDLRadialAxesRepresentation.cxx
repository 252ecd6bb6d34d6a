// SPDX-License-Identifier: BSD-3-Clause
#include "vtkTDLRadialAxesRepresentation.h"

#include "Representations/TreeAxes/Core/AxesLayout.h"

#include "vtkObjectFactory.h"

vtkStandardNewMacro(vtkTDLRadialAxesRepresentation);

const char* vtkTDLRadialAxesRepresentation::GetLayout() const
{
  return "radial";
}

tdl::AxesDrawing vtkTDLRadialAxesRepresentation::LayOut(
  const tdl::Tree& tree, const tdl::AxesStyle& style) const
{
  return tdl::LayOutRadial(tree, style);
}
