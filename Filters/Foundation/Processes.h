// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "vtkInformation.h"
#include "vtkMultiProcessController.h"
#include "vtkStreamingDemandDrivenPipeline.h"

#include <algorithm>
#include <string>
#include <vector>

namespace tdl
{
/**
 * What went wrong here, or else in the first process where something did; empty if nothing did
 * anywhere. What is behind gathers the data of all processes and would wait for ever for those of
 * one that failed, so that they have to fail together. Where more than one piece is asked for,
 * every process has to call it.
 * @param output Information of the output whose piece is asked for.
 * @param own What went wrong here, or nothing.
 */
inline std::string FaultOfAll(vtkInformation* output, const std::string& own)
{
  vtkMultiProcessController* controller = vtkMultiProcessController::GetGlobalController();
  if (!controller || controller->GetNumberOfProcesses() < 2 ||
    output->Get(vtkStreamingDemandDrivenPipeline::UPDATE_NUMBER_OF_PIECES()) < 2)
  {
    return own;
  }
  const auto length = static_cast<vtkIdType>(own.size());
  std::vector<vtkIdType> lengths(controller->GetNumberOfProcesses());
  controller->AllGather(&length, lengths.data(), 1);
  const auto first =
    std::find_if(lengths.begin(), lengths.end(), [](vtkIdType one) { return one > 0; });
  if (first == lengths.end())
  {
    return {};
  }
  const auto process = static_cast<int>(first - lengths.begin());
  std::string fault = own;
  fault.resize(*first);
  controller->Broadcast(fault.data(), *first, process);
  return own.empty() ? "Process " + std::to_string(process) + ": " + fault : own;
}
}
