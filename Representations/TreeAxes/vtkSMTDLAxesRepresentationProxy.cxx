// SPDX-License-Identifier: BSD-3-Clause
#include "vtkSMTDLAxesRepresentationProxy.h"

#include "Filters/Foundation/Names.h"
#include "Representations/TreeAxes/Core/Colors.h"

#include "vtkClientServerStream.h"
#include "vtkDataObject.h"
#include "vtkNew.h"
#include "vtkObjectFactory.h"
#include "vtkPVSession.h"
#include "vtkSMPVRepresentationProxy.h"
#include "vtkSMPropertyHelper.h"
#include "vtkSMSession.h"
#include "vtkSMTransferFunctionManager.h"
#include "vtkTDLAxesRepresentation.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace
{
/** Under this key a color map keeps a note of what was set up here. */
constexpr const char* Mark = "TreeOfDiffusionLife";

struct Categories
{
  std::vector<std::string> Names;
  std::vector<double> Colors; ///< Three components of each.
};

Categories ReadCategories(vtkSMProxy* colorMap)
{
  Categories categories;
  const vtkSMPropertyHelper annotations(colorMap, "Annotations");
  for (unsigned int i = 1; i < annotations.GetNumberOfElements(); i += 2)
  {
    categories.Names.emplace_back(annotations.GetAsString(i));
  }
  categories.Colors = vtkSMPropertyHelper(colorMap, "IndexedColors").GetDoubleArray();
  return categories;
}

/** Of the answer of the representation. */
Categories MakeCategories(const nlohmann::json& answer, bool byPrompt)
{
  Categories categories;
  const auto prompts = answer[tdl::names::Prompts].get<std::vector<std::string>>();
  if (prompts.empty())
  {
    return categories;
  }
  auto groups = answer[tdl::names::PromptGroup].get<std::vector<int>>();
  groups.resize(prompts.size());
  const std::vector<tdl::Color> promptColors = tdl::PromptColors(groups);
  categories.Names =
    byPrompt ? prompts : answer[tdl::names::Groups].get<std::vector<std::string>>();
  for (std::size_t i = 0; i < categories.Names.size(); ++i)
  {
    // A group has the color of its first prompt.
    const auto member = std::find(groups.begin(), groups.end(), static_cast<int>(i));
    const std::size_t prompt = byPrompt ? i : (member - groups.begin()) % prompts.size();
    categories.Colors.insert(
      categories.Colors.end(), promptColors[prompt].begin(), promptColors[prompt].end());
  }
  return categories;
}

void WriteCategories(vtkSMProxy* colorMap, const Categories& categories)
{
  const auto count = static_cast<unsigned int>(categories.Names.size());
  vtkSMPropertyHelper annotations(colorMap, "Annotations");
  vtkSMPropertyHelper activeValues(colorMap, "ActiveAnnotatedValues");
  annotations.SetNumberOfElements(2 * count);
  activeValues.SetNumberOfElements(count);
  for (unsigned int i = 0; i < count; ++i)
  {
    const std::string value = std::to_string(i);
    activeValues.Set(i, value.c_str());
    annotations.Set(2 * i, value.c_str());
    annotations.Set(2 * i + 1, categories.Names[i].c_str());
  }
  vtkSMPropertyHelper colors(colorMap, "IndexedColors");
  colors.SetNumberOfElements(3 * count);
  colors.Set(categories.Colors.data(), 3 * count);
  // What is of several prompts, as a branch of a merge tree, is none of them: a gray that stands
  // out from light and dark backgrounds.
  constexpr double gray[] = { 0.58, 0.58, 0.58 };
  vtkSMPropertyHelper(colorMap, "NanColor").Set(gray, 3);
  vtkSMPropertyHelper(colorMap, "IndexedLookup").Set(1);
  colorMap->UpdateVTKObjects();
}

/** Notes in a color map what was set up there, and for which representation. */
void Remember(vtkSMProxy* colorMap, const Categories& categories, vtkTypeUInt32 owner)
{
  const nlohmann::json note{ { "owner", owner }, { "names", categories.Names },
    { "colors", categories.Colors } };
  constexpr auto replaceBadBytes = nlohmann::json::error_handler_t::replace;
  colorMap->SetAnnotation(Mark, note.dump(-1, ' ', false, replaceBadBytes).c_str());
}

/** What was noted; an empty object if nothing was. */
nlohmann::json Recall(vtkSMProxy* colorMap)
{
  const char* text = colorMap->GetAnnotation(Mark);
  const auto note = nlohmann::json::parse(text ? text : "", nullptr, false);
  return note.is_object() ? note : nlohmann::json::object();
}
}

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
  if (!byPrompt && !byGroup)
  {
    return;
  }
  const Categories known = ReadCategories(colorMap);
  const bool isCategorical = vtkSMPropertyHelper(colorMap, "IndexedLookup").GetAsInt() != 0;
  if (isCategorical == known.Names.empty())
  {
    return; // somebody chose so
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
  Categories categories = MakeCategories(nlohmann::json::parse(answer), byPrompt);
  const std::size_t common = std::min(categories.Names.size(), known.Names.size());
  const bool agree =
    std::equal(known.Names.begin(), known.Names.begin() + common, categories.Names.begin());
  if (categories.Names.empty() || (agree && common == categories.Names.size()))
  {
    return;
  }
  // What was set up here follows the data. Where another tree in sight needs it, this one gets a
  // map of its own, unless its prompts only go on from there. What users chose is at most added to.
  const nlohmann::json remembered = Recall(colorMap);
  const bool ours = remembered.value("names", std::vector<std::string>()) == known.Names;
  const auto owner = remembered.value("owner", vtkTypeUInt32(0));
  const bool needed = ours && this->IsNeeded(owner, colorMap);
  if (needed && !agree)
  {
    if (vtkSMProxy* own = this->SeparateColorMap(view, array))
    {
      WriteCategories(own, categories);
      Remember(own, categories, this->GetGlobalID());
    }
    return;
  }
  if (!ours && common == categories.Names.size())
  {
    return;
  }
  // A color that is not as it was written is one that somebody chose.
  auto written = remembered.value("colors", std::vector<double>());
  written.resize(known.Colors.size(), -1.0);
  Categories note = categories;
  for (std::size_t i = 0; i + 3 <= std::min(3 * common, known.Colors.size()); i += 3)
  {
    const double* color = known.Colors.data() + i;
    const bool chosen = !ours || !std::equal(color, color + 3, written.data() + i);
    if (chosen || needed)
    {
      std::copy_n(color, 3, categories.Colors.data() + i);
    }
    if (!chosen)
    {
      std::copy_n(categories.Colors.data() + i, 3, note.Colors.data() + i);
    }
  }
  if (!ours)
  {
    std::copy_n(known.Names.begin(), common, categories.Names.begin());
  }
  WriteCategories(colorMap, categories);
  if (ours)
  {
    Remember(colorMap, note, needed ? owner : this->GetGlobalID());
  }
}

//------------------------------------------------------------------------------
bool vtkSMTDLAxesRepresentationProxy::IsNeeded(vtkTypeUInt32 owner, vtkSMProxy* colorMap)
{
  auto* other =
    vtkSMTDLAxesRepresentationProxy::SafeDownCast(this->GetSession()->GetRemoteObject(owner));
  return other && other != this &&
    vtkTDLAxesRepresentation::SafeDownCast(other->GetClientSideObject())->GetVisibility() &&
    vtkSMPropertyHelper(other, "LookupTable").GetAsProxy() == colorMap;
}

//------------------------------------------------------------------------------
vtkSMProxy* vtkSMTDLAxesRepresentationProxy::SeparateColorMap(vtkSMProxy* view, const char* array)
{
  auto shown = vtkSMPVRepresentationProxy::SafeDownCast(this->GetTrueParentProxy());
  if (!shown)
  {
    return nullptr; // created by itself, beside ParaView's controls
  }
  const bool hasLegend = shown->IsScalarBarVisible(view);
  vtkSMPropertyHelper(shown, "UseSeparateColorMap").Set(1);
  const std::string name = array; // the text is the property's, which changes
  shown->SetScalarColoring(name.c_str(), vtkDataObject::POINT);
  if (hasLegend)
  {
    shown->SetScalarBarVisibility(view, true);
    vtkNew<vtkSMTransferFunctionManager> legends;
    legends->UpdateScalarBars(view, vtkSMTransferFunctionManager::HIDE_UNUSED_SCALAR_BARS);
  }
  return vtkSMPropertyHelper(this, "LookupTable").GetAsProxy();
}
