// SPDX-License-Identifier: BSD-3-Clause
/**
 * @class vtkTDLRadialAxesRepresentation
 * @brief draws an embedding of the radial layout: rings around the origin, prompts around the
 * outermost ring
 */
#ifndef vtkTDLRadialAxesRepresentation_h
#define vtkTDLRadialAxesRepresentation_h

#include "vtkTDLAxesRepresentation.h"

class VTKTDLTREEAXES_EXPORT vtkTDLRadialAxesRepresentation : public vtkTDLAxesRepresentation
{
public:
  static vtkTDLRadialAxesRepresentation* New();
  vtkTypeMacro(vtkTDLRadialAxesRepresentation, vtkTDLAxesRepresentation);

protected:
  vtkTDLRadialAxesRepresentation() = default;
  ~vtkTDLRadialAxesRepresentation() override = default;

  const char* GetLayout() const override;
  tdl::AxesDrawing LayOut(const tdl::Tree& tree, const tdl::AxesStyle& style) const override;

private:
  vtkTDLRadialAxesRepresentation(const vtkTDLRadialAxesRepresentation&) = delete;
  void operator=(const vtkTDLRadialAxesRepresentation&) = delete;
};

#endif
