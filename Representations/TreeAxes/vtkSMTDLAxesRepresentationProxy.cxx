// SPDX-License-Identifier: BSD-3-Clause
#include "vtkSMTDLAxesRepresentationProxy.h"

#include "Filters/Foundation/Names.h"
#include "Representations/TreeAxes/Core/Colors.h"

#include "vtkClientServerStream.h"
#include "vtkDataObject.h"
#include "vtkObjectFactory.h"
#include "vtkPVSession.h"
#include "vtkSMPropertyHelper.h"
#include "vtkTDLAxesRepresentation.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <vector>

vtkStandardNewMacro(vtkSMTDLAxesRepresentationProxy);

//------------------------------------------------------------------------------
void vtkSMTDLAxesRepresentationProxy::ViewUpdated(vtkSMProxy* view)
{
  this->Superclass::ViewUpdated(view);

  // The view tells all types of representation of the data; only one is shown.
  auto representation = vtkTDLAxesRepresentation::SafeDownCast(this->GetClientSideObject());
  vtkSMPropertyHelper coloring(this, "ColorArrayName");
  const char* array = coloring.GetInputArrayNameToProcess();
  vtkSMProxy* colorMap = vtkSMPropertyHelper(this, "LookupTable").GetAsProxy();
  if (!representation->GetVisibility() || !array || !colorMap ||
    coloring.GetInputArrayAssociation() != vtkDataObject::FIELD_ASSOCIATION_POINTS)
  {
    return;
  }
  const bool byPrompt = std::string(array) == tdl::names::PromptId;
  const bool byGroup = std::string(array) == tdl::names::GroupId;
  // Categories may be of data with fewer prompts: those that lack are added.
  const unsigned int annotated =
    vtkSMPropertyHelper(colorMap, "Annotations").GetNumberOfElements() / 2;
  const bool isCategorical = vtkSMPropertyHelper(colorMap, "IndexedLookup").GetAsInt() != 0;
  if (!(byPrompt || byGroup) || isCategorical != (annotated > 0))
  {
    return;
  }

  // The names are where the data is, which is not this process in client/server mode.
  vtkClientServerStream ask;
  ask << vtkClientServerStream::Invoke << VTKOBJECT(this) << "GetCategories"
      << vtkClientServerStream::End;
  this->ExecuteStream(ask, false, vtkPVSession::DATA_SERVER_ROOT);
  std::string answer;
  if (!this->GetLastResult(vtkPVSession::DATA_SERVER_ROOT).GetArgument(0, 0, &answer))
  {
    return;
  }
  const nlohmann::json categories = nlohmann::json::parse(answer);
  const auto prompts = categories[tdl::names::Prompts].get<std::vector<std::string>>();
  const auto names =
    byPrompt ? prompts : categories[tdl::names::Groups].get<std::vector<std::string>>();
  auto groups = categories[tdl::names::PromptGroup].get<std::vector<int>>();
  groups.resize(prompts.size());
  if (names.size() <= annotated || prompts.empty())
  {
    return;
  }

  const std::vector<tdl::Color> promptColors = tdl::PromptColors(groups);
  vtkSMPropertyHelper annotations(colorMap, "Annotations");
  vtkSMPropertyHelper activeValues(colorMap, "ActiveAnnotatedValues");
  vtkSMPropertyHelper colors(colorMap, "IndexedColors");
  for (std::size_t i = annotated; i < names.size(); ++i)
  {
    // A group has the color of its first prompt.
    const auto member = std::find(groups.begin(), groups.end(), static_cast<int>(i));
    const std::size_t prompt = byPrompt ? i : (member - groups.begin()) % prompts.size();
    const auto index = static_cast<unsigned int>(i);
    const std::string value = std::to_string(i);
    activeValues.Set(index, value.c_str());
    annotations.Set(2 * index, value.c_str());
    annotations.Set(2 * index + 1, names[i].c_str());
    for (unsigned int component = 0; component < 3; ++component)
    {
      colors.Set(3 * index + component, promptColors[prompt][component]);
    }
  }
  // What is of several prompts, as a branch of a merge tree, is none of them: a gray that stands
  // out from light and dark backgrounds.
  constexpr double gray[] = { 0.58, 0.58, 0.58 };
  vtkSMPropertyHelper(colorMap, "NanColor").Set(gray, 3);
  vtkSMPropertyHelper(colorMap, "IndexedLookup").Set(1);
  colorMap->UpdateVTKObjects();
}
