// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Foundation/Names.h"

#include "vtkFieldData.h"
#include "vtkNew.h"
#include "vtkStringArray.h"

#include <nlohmann/json.hpp>

namespace tdl
{
/**
 * Adds a stage's part to what the field data tell of their origin.
 * @param origin What other software's text, which is no JSON object, is kept under.
 */
inline void ExtendProvenance(
  vtkFieldData* fields, const char* origin, const char* stage, const nlohmann::json& part)
{
  auto* earlier = vtkStringArray::SafeDownCast(fields->GetAbstractArray(names::Provenance));
  auto provenance = nlohmann::json::object();
  if (earlier && earlier->GetNumberOfValues() > 0)
  {
    provenance = nlohmann::json::parse(earlier->GetValue(0), nullptr, /*allow_exceptions=*/false);
    if (!provenance.is_object())
    {
      provenance = { { origin, earlier->GetValue(0) } };
    }
  }
  provenance[stage] = part;
  vtkNew<vtkStringArray> extended;
  extended->SetName(names::Provenance);
  extended->InsertNextValue(provenance.dump());
  fields->AddArray(extended); // in place of the earlier
}
}
