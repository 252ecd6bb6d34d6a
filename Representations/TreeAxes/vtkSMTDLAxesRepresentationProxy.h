// SPDX-License-Identifier: BSD-3-Clause
/**
 * @class vtkSMTDLAxesRepresentationProxy
 * @brief proxy of the tree axes: colors prompts and groups as what they are, categories
 *
 * When the points are colored by `PromptId` or `GroupId` and nobody has set up that color map yet,
 * it becomes categorical: a color for each, its name in the legend, related colors for prompts of a
 * group. It follows the data when its prompts change. Where two trees in sight have different
 * prompts, the second one gets a color map of its own. What users set stays.
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
  /** Whether the representation of this number, another one, is seen in the colors of the map. */
  bool IsNeeded(vtkTypeUInt32 owner, vtkSMProxy* colorMap);
  /** Gives what is shown, and its legend, a color map of its own; null where that cannot be. */
  vtkSMProxy* SeparateColorMap(vtkSMProxy* view, const char* array);

  vtkSMTDLAxesRepresentationProxy(const vtkSMTDLAxesRepresentationProxy&) = delete;
  void operator=(const vtkSMTDLAxesRepresentationProxy&) = delete;
};

#endif
