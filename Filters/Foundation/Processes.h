// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "vtkAlgorithm.h"
#include "vtkDataObject.h"
#include "vtkInformation.h"
#include "vtkInformationDataObjectKey.h"
#include "vtkMultiProcessController.h"
#include "vtkStreamingDemandDrivenPipeline.h"

#include <algorithm>
#include <exception>
#include <string>
#include <vector>

namespace tdl
{
/**
 * What went wrong here, or else in the first process where something did; empty if nothing did
 * anywhere. Every process has to call it.
 * @param own What went wrong here, or nothing.
 */
inline std::string FaultOfAll(vtkMultiProcessController* controller, const std::string& own)
{
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

/**
 * Has the work of a filter fill its output with the piece that is asked for. What goes wrong in one
 * process is an error in all and leaves their outputs empty: what is behind takes the pieces
 * together, and would show those that are there for the whole. Where more than one piece is asked
 * for, every process has to call it.
 * @param output Information of the filter's output.
 * @return What RequestData returns.
 */
template <typename Work>
int FillTogether(vtkAlgorithm* filter, vtkInformation* output, const Work& work)
{
  std::string fault;
  try
  {
    work();
  }
  catch (const std::exception& e)
  {
    fault = e.what();
  }
  vtkMultiProcessController* controller = vtkMultiProcessController::GetGlobalController();
  if (controller && controller->GetNumberOfProcesses() > 1 &&
    output->Get(vtkStreamingDemandDrivenPipeline::UPDATE_NUMBER_OF_PIECES()) > 1)
  {
    fault = FaultOfAll(controller, fault);
  }
  if (fault.empty())
  {
    return 1;
  }
  output->Get(vtkDataObject::DATA_OBJECT())->Initialize();
  vtkErrorWithObjectMacro(filter, << fault);
  return 0;
}
}
