// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Foundation/Names.h"
#include "Readers/Manifest/Manifest.h"

#include <vtkDoubleArray.h>
#include <vtkFieldData.h>
#include <vtkIntArray.h>
#include <vtkNew.h>
#include <vtkStringArray.h>
#include <vtkTypeInt64Array.h>

#include <string>
#include <vector>

namespace tdl
{
/** Adds an array of one component with a name and these values. */
template <typename Array, typename Value>
void AddArray(vtkFieldData* fields, const char* name, const std::vector<Value>& values)
{
  vtkNew<Array> array;
  array->SetName(name);
  array->SetNumberOfValues(static_cast<vtkIdType>(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i)
  {
    array->SetValue(static_cast<vtkIdType>(i), values[i]);
  }
  fields->AddArray(array);
}

/** The field data of an image collection and of what is made from it. */
inline void AddFieldData(vtkFieldData* fields, const Manifest& manifest)
{
  AddArray<vtkStringArray>(fields, names::Prompts, manifest.Prompts);
  AddArray<vtkStringArray>(fields, names::Groups, manifest.Groups);
  AddArray<vtkIntArray>(fields, names::PromptGroup, manifest.PromptGroup);
  AddArray<vtkStringArray>(
    fields, names::Provenance, std::vector<std::string>{ manifest.Provenance });
}
}
