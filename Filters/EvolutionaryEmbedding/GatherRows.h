// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Foundation/Names.h"

#include "vtkDataSetAttributes.h"
#include "vtkFieldData.h"
#include "vtkIntArray.h"
#include "vtkMultiProcessController.h"
#include "vtkNew.h"
#include "vtkSmartPointer.h"
#include "vtkTable.h"

#include <vector>

namespace tdl
{
/** Appends the rows of a table with the same columns, and their thumbnails. */
inline void AppendRows(vtkTable* all, vtkTable* part)
{
  const vtkIdType rows = all->GetNumberOfRows();
  vtkAbstractArray* thumbnails = all->GetFieldData()->GetAbstractArray(names::Thumbnails);
  vtkAbstractArray* added = part->GetFieldData()->GetAbstractArray(names::Thumbnails);
  const vtkIdType firstThumbnail = thumbnails ? thumbnails->GetNumberOfTuples() : 0;
  if (thumbnails && added)
  {
    thumbnails->InsertTuples(firstThumbnail, added->GetNumberOfTuples(), 0, added);
  }
  for (vtkIdType column = 0; column < all->GetNumberOfColumns(); ++column)
  {
    vtkAbstractArray* values = all->GetColumn(column);
    if (vtkAbstractArray* more = part->GetColumnByName(values->GetName()))
    {
      values->InsertTuples(rows, more->GetNumberOfTuples(), 0, more);
    }
  }
  if (auto* ids = vtkIntArray::SafeDownCast(all->GetColumnByName(names::ThumbnailId)))
  {
    for (vtkIdType row = rows; row < ids->GetNumberOfValues(); ++row)
    {
      ids->SetValue(row, ids->GetValue(row) + static_cast<int>(firstThumbnail));
    }
  }
}

/**
 * The rows of all processes in the first one, null in the others; every process has to call it. One
 * process gets its own table back.
 */
inline vtkSmartPointer<vtkTable> GatherRows(vtkTable* local)
{
  vtkMultiProcessController* controller = vtkMultiProcessController::GetGlobalController();
  if (!controller || controller->GetNumberOfProcesses() < 2)
  {
    return local;
  }
  std::vector<vtkSmartPointer<vtkDataObject>> parts;
  controller->Gather(local, parts, 0);
  if (controller->GetLocalProcessId() > 0)
  {
    return nullptr;
  }
  vtkNew<vtkTable> all;
  for (vtkDataObject* object : parts)
  {
    auto* part = vtkTable::SafeDownCast(object);
    if (part && part->GetNumberOfRows() > 0)
    {
      if (all->GetNumberOfRows() == 0)
      {
        all->DeepCopy(part);
      }
      else
      {
        AppendRows(all, part);
      }
    }
  }
  return all;
}
}
