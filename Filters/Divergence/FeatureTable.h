// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/EvolutionaryEmbedding/Core/Elements.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Names.h"

#include "vtkDataArray.h"
#include "vtkDataSetAttributes.h"
#include "vtkFieldData.h"
#include "vtkFloatArray.h"
#include "vtkSmartPointer.h"
#include "vtkStringArray.h"
#include "vtkTable.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tdl
{
/** @throws DataError with the remedy where there is no such array or it is empty. */
inline vtkDataArray* FindArray(vtkFieldData* data, const char* name, const char* remedy)
{
  vtkDataArray* array = data->GetArray(name);
  if (!array || array->GetNumberOfTuples() == 0)
  {
    throw DataError(std::string("There is no array of numbers '") + name + "'; " + remedy);
  }
  return array;
}

template <typename Value>
std::vector<Value> Read(vtkDataArray* array)
{
  std::vector<Value> values(array->GetNumberOfTuples());
  for (std::size_t i = 0; i < values.size(); ++i)
  {
    values[i] = static_cast<Value>(array->GetComponent(static_cast<vtkIdType>(i), 0));
  }
  return values;
}

/** All 64 bits, which seeds may have. */
inline std::vector<std::int64_t> ReadSeeds(vtkDataArray* array)
{
  std::vector<std::int64_t> values(array->GetNumberOfTuples());
  for (std::size_t i = 0; i < values.size(); ++i)
  {
    values[i] = array->GetVariantValue(static_cast<vtkIdType>(i)).ToTypeInt64();
  }
  return values;
}

/** The elements of a feature table, which borrow their features from it, or from a copy as floats.
 */
struct TableElements
{
  vtkSmartPointer<vtkFloatArray> Features;
  tdl::Elements Elements;

  /** @throws DataError where the table lacks rows or columns. */
  explicit TableElements(vtkTable* table)
  {
    if (table->GetNumberOfRows() == 0)
    {
      throw DataError("The feature table is empty; feed a table with at least one row.");
    }
    constexpr char remedy[] = "connect a Feature Encoder or a Feature Reader.";
    vtkFieldData* rows = table->GetRowData();
    vtkSmartPointer<vtkDataArray> column = FindArray(rows, names::Features, remedy);
    this->Features = vtkFloatArray::SafeDownCast(column);
    if (!this->Features)
    {
      this->Features = vtkSmartPointer<vtkFloatArray>::New();
      this->Features->DeepCopy(column);
    }
    this->Elements.Features = this->Features->GetPointer(0);
    this->Elements.Count = static_cast<int>(this->Features->GetNumberOfTuples());
    this->Elements.Dimension = this->Features->GetNumberOfComponents();
    this->Elements.Instance = Read<int>(FindArray(rows, names::Instance, remedy));
    this->Elements.Iteration = Read<int>(FindArray(rows, names::Iteration, remedy));
  }
};

/**
 * Names of prompts or groups that the field data have, or made of their numbers; made distinct by
 * their numbers, so that columns can go by them.
 * @param array Names::Prompts or names::Groups; @param kind "prompt" or "group".
 */
inline std::vector<std::string> NameIds(
  vtkFieldData* fields, const char* array, const std::string& kind, const std::vector<int>& ids)
{
  auto* known = vtkStringArray::SafeDownCast(fields->GetAbstractArray(array));
  std::vector<std::string> result;
  std::map<std::string, int> times;
  for (int id : ids)
  {
    result.push_back(known && id >= 0 && id < known->GetNumberOfValues()
        ? std::string(known->GetValue(id))
        : kind + " " + std::to_string(id));
    ++times[result.back()];
  }
  for (std::size_t rank = 0; rank < ids.size(); ++rank)
  {
    if (times[result[rank]] > 1)
    {
      result[rank] += " (" + std::to_string(ids[rank]) + ")";
    }
  }
  return result;
}
}
