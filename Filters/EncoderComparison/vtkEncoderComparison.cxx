// SPDX-License-Identifier: BSD-3-Clause
#include "vtkEncoderComparison.h"

#include "Filters/Divergence/Columns.h"
#include "Filters/Divergence/FeatureTable.h"
#include "Filters/EncoderComparison/Core/EncoderComparison.h"
#include "Filters/EncoderComparison/Core/EncoderNames.h"
#include "Filters/EvolutionaryEmbedding/GatherRows.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/FilterMonitor.h"
#include "Filters/Foundation/Names.h"
#include "Filters/Foundation/Provenance.h"

#include "vtkDataSetAttributes.h"
#include "vtkFieldData.h"
#include "vtkInformation.h"
#include "vtkInformationVector.h"
#include "vtkObjectFactory.h"
#include "vtkSmartPointer.h"
#include "vtkStringArray.h"
#include "vtkTable.h"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace
{
std::string ProvenanceOf(vtkTable* table)
{
  auto* array =
    vtkStringArray::SafeDownCast(table->GetFieldData()->GetAbstractArray(tdl::names::Provenance));
  return array && array->GetNumberOfValues() > 0 ? std::string(array->GetValue(0)) : std::string();
}

std::vector<int> ReadOptional(vtkTable* table, const char* name)
{
  vtkDataArray* array = table->GetRowData()->GetArray(name);
  return array ? tdl::Read<int>(array) : std::vector<int>();
}

/** Reads the tables; `owned` keeps the features that elements borrow. */
std::vector<tdl::EncodedElements> ReadEncoders(
  const std::vector<vtkSmartPointer<vtkTable>>& tables, std::vector<tdl::TableElements>& owned)
{
  using namespace tdl;
  std::vector<std::string> provenances;
  provenances.reserve(tables.size());
  for (vtkTable* table : tables)
  {
    provenances.push_back(ProvenanceOf(table));
  }
  const std::vector<std::string> encoderNames = NameEncoders(provenances);
  std::vector<EncodedElements> encoders;
  for (std::size_t i = 0; i < tables.size(); ++i)
  {
    try
    {
      owned.emplace_back(tables[i]);
    }
    catch (const DataError& error)
    {
      throw DataError("Features of " + encoderNames[i] + ": " + error.what());
    }
    EncodedElements encoder;
    encoder.Name = encoderNames[i];
    encoder.Elements = owned.back().Elements;
    encoder.Prompt = ReadOptional(tables[i], names::PromptId);
    encoder.Group = ReadOptional(tables[i], names::GroupId);
    if (vtkDataArray* seeds = tables[i]->GetRowData()->GetArray(names::Seed))
    {
      encoder.Seed = ReadSeeds(seeds);
    }
    encoders.push_back(std::move(encoder));
  }
  return encoders;
}

void FillAgreement(vtkTable* table, const tdl::ComparisonResult& result,
  const std::vector<tdl::EncodedElements>& encoders)
{
  using tdl::IterationComparison;
  struct Measure
  {
    const char* Name;
    std::vector<double> IterationComparison::*Values;
  };
  constexpr Measure measures[] = { { "Neighbor overlap: ", &IterationComparison::Overlap },
    { "CKA: ", &IterationComparison::CKA },
    { "Distance correlation: ", &IterationComparison::DistanceCorrelation } };
  tdl::Columns columns(table->GetRowData());
  for (const IterationComparison& iteration : result.Iterations)
  {
    columns.Add(tdl::names::Iteration, iteration.Iteration);
    for (const Measure& measure : measures)
    {
      std::size_t pair = 0;
      for (std::size_t a = 0; a < encoders.size(); ++a)
      {
        for (std::size_t b = a + 1; b < encoders.size(); ++b, ++pair)
        {
          columns.Add(measure.Name + encoders[a].Name + " - " + encoders[b].Name,
            (iteration.*measure.Values)[pair]);
        }
      }
    }
  }
}

void FillQuality(vtkTable* table, const tdl::ComparisonResult& result,
  const std::vector<tdl::EncodedElements>& encoders)
{
  tdl::Columns columns(table->GetRowData());
  for (const tdl::IterationComparison& iteration : result.Iterations)
  {
    columns.Add(tdl::names::Iteration, iteration.Iteration);
    if (!encoders.front().Prompt.empty())
    {
      for (std::size_t e = 0; e < encoders.size(); ++e)
      {
        columns.Add("Prompt neighborhood hit: " + encoders[e].Name, iteration.PromptHit[e]);
      }
      columns.Add("Chance of a prompt neighborhood hit", iteration.PromptChance);
    }
    if (!encoders.front().Group.empty())
    {
      for (std::size_t e = 0; e < encoders.size(); ++e)
      {
        columns.Add("Group neighborhood hit: " + encoders[e].Name, iteration.GroupHit[e]);
      }
      columns.Add("Chance of a group neighborhood hit", iteration.GroupChance);
    }
  }
}

void FillSeparations(vtkTable* table, const tdl::ComparisonResult& result,
  const std::vector<tdl::EncodedElements>& encoders, vtkFieldData* fields)
{
  if (result.Separations.empty())
  {
    return;
  }
  const std::vector<std::string> prompts =
    tdl::NameIds(fields, tdl::names::Prompts, "prompt", result.Prompts);
  tdl::Columns columns(table->GetRowData());
  for (std::size_t pair = 0; pair < result.Separations.front().size(); ++pair)
  {
    const tdl::Separation& any = result.Separations.front()[pair];
    columns.Add("Pair", prompts[any.First] + " - " + prompts[any.Second]);
    columns.Add("First", prompts[any.First]);
    columns.Add("Second", prompts[any.Second]);
    columns.Add("FirstId", result.Prompts[any.First]);
    columns.Add("SecondId", result.Prompts[any.Second]);
    for (std::size_t e = 0; e < encoders.size(); ++e)
    {
      const tdl::Separation& separation = result.Separations[e][pair];
      columns.Add("Separation: " + encoders[e].Name, separation.Iteration);
      columns.Add("Low: " + encoders[e].Name, separation.Low);
      columns.Add("High: " + encoders[e].Name, separation.High);
    }
  }
}

/** What travels on: all but the thumbnails, whose rows are not here; and how it was measured. */
void FillFields(vtkFieldData* output, vtkFieldData* input,
  const std::vector<tdl::EncodedElements>& encoders, const tdl::ComparisonParameters& parameters)
{
  output->PassData(input);
  for (const char* name :
    { tdl::names::Thumbnails, tdl::names::ThumbnailSize, "Encoders", "Elements", "Sample" })
  {
    output->RemoveArray(name);
  }
  auto encoderNames = nlohmann::json::array();
  tdl::Columns columns(output);
  for (const tdl::EncodedElements& encoder : encoders)
  {
    columns.Add("Encoders", encoder.Name);
    encoderNames.push_back(encoder.Name);
  }
  const nlohmann::json part = {
    { "encoders", encoderNames },
    { "neighbors", parameters.Neighbors },
    { "sample_size", parameters.SampleSize },
  };
  tdl::ExtendProvenance(output, "features", "encoder_comparison", part);
}

/** Of how many elements the measures of a row are. */
void FillSizes(vtkFieldData* output, const tdl::ComparisonResult& result)
{
  tdl::Columns columns(output);
  for (const tdl::IterationComparison& iteration : result.Iterations)
  {
    columns.Add("Elements", iteration.Elements);
    columns.Add("Sample", iteration.Sample);
  }
}
}

vtkStandardNewMacro(vtkEncoderComparison);

vtkEncoderComparison::vtkEncoderComparison()
{
  this->SetNumberOfOutputPorts(3);
  const tdl::ComparisonParameters defaults;
  this->Neighbors = defaults.Neighbors;
  this->SampleSize = defaults.SampleSize;
  this->Threads = defaults.Threads;
}

void vtkEncoderComparison::PrintSelf(ostream& os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "Neighbors: " << this->Neighbors << "\n";
  os << indent << "SampleSize: " << this->SampleSize << "\n";
  os << indent << "Threads: " << this->Threads << "\n";
}

int vtkEncoderComparison::FillInputPortInformation(int, vtkInformation* info)
{
  info->Set(vtkAlgorithm::INPUT_REQUIRED_DATA_TYPE(), "vtkTable");
  info->Set(vtkAlgorithm::INPUT_IS_REPEATABLE(), 1);
  return 1;
}

int vtkEncoderComparison::RequestData(
  vtkInformation*, vtkInformationVector** inputs, vtkInformationVector* outputs)
{
  using namespace tdl;
  const int count = inputs[0]->GetNumberOfInformationObjects();
  std::vector<vtkSmartPointer<vtkTable>> tables;
  tables.reserve(count);
  for (int i = 0; i < count; ++i)
  {
    tables.push_back(GatherRows(vtkTable::GetData(inputs[0], i)));
  }
  if (!tables.empty() && !tables.front())
  {
    return 1; // the first process compares the elements of all
  }
  ComparisonParameters parameters;
  parameters.Neighbors = this->Neighbors;
  parameters.SampleSize = this->SampleSize;
  parameters.Threads = this->Threads;
  try
  {
    std::vector<TableElements> owned;
    const std::vector<EncodedElements> encoders = ReadEncoders(tables, owned);
    const ComparisonResult result = CompareEncoders(encoders, parameters, tdl::MonitorOf(this));
    tdl::ServeAbort(this, false);

    vtkFieldData* fields = tables.front()->GetFieldData();
    for (int port = 0; port < 3; ++port)
    {
      FillFields(vtkTable::GetData(outputs, port)->GetFieldData(), fields, encoders, parameters);
    }
    auto* agreement = vtkTable::GetData(outputs, 0);
    auto* quality = vtkTable::GetData(outputs, 1);
    FillAgreement(agreement, result, encoders);
    FillSizes(agreement->GetFieldData(), result);
    FillQuality(quality, result, encoders);
    FillSizes(quality->GetFieldData(), result);
    FillSeparations(vtkTable::GetData(outputs, 2), result, encoders, fields);
    if (!result.WithoutSeparations.empty())
    {
      vtkWarningMacro("There are no separations: " << result.WithoutSeparations);
    }
  }
  catch (const std::exception& e)
  {
    for (int port = 0; port < 3; ++port)
    {
      vtkTable::GetData(outputs, port)->Initialize();
    }
    vtkErrorMacro(<< e.what());
    return 0;
  }
  return 1;
}
