// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "vtkDoubleArray.h"
#include "vtkFieldData.h"
#include "vtkIntArray.h"
#include "vtkNew.h"
#include "vtkStringArray.h"

#include <string>

namespace tdl
{
/** Adds columns to a table, or arrays to points and cells, value by value. */
class Columns
{
public:
  explicit Columns(vtkFieldData* data)
    : Data(data)
  {
  }

  void Add(const std::string& name, int value)
  {
    this->Find<vtkIntArray>(name)->InsertNextValue(value);
  }

  void Add(const std::string& name, double value)
  {
    this->Find<vtkDoubleArray>(name)->InsertNextValue(value);
  }

  void Add(const std::string& name, const std::string& value)
  {
    this->Find<vtkStringArray>(name)->InsertNextValue(value);
  }

private:
  template <typename Array>
  Array* Find(const std::string& name)
  {
    auto* array = Array::SafeDownCast(this->Data->GetAbstractArray(name.c_str()));
    if (!array)
    {
      vtkNew<Array> added;
      added->SetName(name.c_str());
      this->Data->AddArray(added);
      array = added;
    }
    return array;
  }

  vtkFieldData* Data;
};
}
