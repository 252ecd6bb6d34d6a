// SPDX-License-Identifier: BSD-3-Clause
/**
 * @class vtkSMTDLAxesRepresentationProxy
 * @brief proxy of the tree axes: colors prompts and groups as what they are, categories
 *
 * When the points are colored by `PromptId` or `GroupId` and nobody has set up that color map yet,
 * it becomes categorical: a color for each, its name in the legend, related colors for prompts of a
 * group. What users set, or a state file holds, stays.
 */
#ifndef vtkSMTDLAxesRepresentationProxy_h
#define vtkSMTDLAxesRepresentationProxy_h

#include "vtkSMRepresentationProxy.h"
#include "vtkTDLTreeAxesModule.h" // for the export macro

class VTKTDLTREEAXES_EXPORT vtkSMTDLAxesRepresentationProxy : public vtkSMRepresentationProxy
{
public:
  static vtkSMTDLAxesRepresentationProxy* New();
  vtkTypeMacro(vtkSMTDLAxesRepresentationProxy, vtkSMRepresentationProxy);

  void ViewUpdated(vtkSMProxy* view) override;

protected:
  vtkSMTDLAxesRepresentationProxy() = default;
  ~vtkSMTDLAxesRepresentationProxy() override = default;

private:
  vtkSMTDLAxesRepresentationProxy(const vtkSMTDLAxesRepresentationProxy&) = delete;
  void operator=(const vtkSMTDLAxesRepresentationProxy&) = delete;
};

#endif
