// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Foundation/Monitor.h"

#include "vtkAlgorithm.h"

#include <string>

namespace tdl
{
/** Shows the progress of a filter's algorithm, and stops it when the filter is asked to. */
inline Monitor MonitorOf(vtkAlgorithm* filter)
{
  return [filter](const Progress& progress)
  {
    filter->SetProgressText(std::string(progress.Stage).c_str());
    filter->UpdateProgress(progress.Fraction);
    return !filter->CheckAbort();
  };
}

/**
 * Takes a request to stop as served, where there was one: it shall not end the next run too, and
 * the executive shall not throw away what is finished.
 * @param isEmpty Whether nothing is finished.
 */
inline void ServeAbort(vtkAlgorithm* filter, bool isEmpty)
{
  if (filter->GetAbortExecute())
  {
    filter->SetAbortExecute(0);
    filter->SetAbortOutput(isEmpty);
  }
}
}
