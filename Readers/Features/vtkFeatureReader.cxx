// SPDX-License-Identifier: BSD-3-Clause
#include "vtkFeatureReader.h"

#include "Filters/Foundation/Error.h"
#include "Readers/Features/Core/NpyFile.h"
#include "Readers/Manifest/FieldData.h"

#include "vtkDataSetAttributes.h"
#include "vtkFloatArray.h"
#include "vtkInformation.h"
#include "vtkInformationVector.h"
#include "vtkObjectFactory.h"
#include "vtkStreamingDemandDrivenPipeline.h"
#include "vtkTable.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace
{
namespace fs = std::filesystem;

/** Which rows of the file make the rows of the table, in this order. */
std::vector<std::size_t> ChooseRows(const tdl::Manifest& manifest, int piece, int pieces)
{
  const auto instances = static_cast<vtkIdType>(manifest.Instances.size());
  const auto instanceAt = [&manifest, instances](vtkIdType index)
  { return index < instances ? manifest.Instances[index].Instance : VTK_INT_MAX; };
  const int begin = instanceAt(instances * piece / pieces);
  const int end = instanceAt(instances * (piece + 1) / pieces);

  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < manifest.Rows.size(); ++row)
  {
    const int instance = manifest.Rows[row].Instance;
    if (instance >= begin && instance < end)
    {
      rows.push_back(row);
    }
  }
  std::sort(rows.begin(), rows.end(),
    [&manifest](std::size_t a, std::size_t b)
    {
      const tdl::ManifestElement& x = manifest.Rows[a];
      const tdl::ManifestElement& y = manifest.Rows[b];
      return std::tie(x.Instance, x.Iteration) < std::tie(y.Instance, y.Iteration);
    });
  return rows;
}

/** All columns but the features. */
void AddColumns(
  vtkFieldData* columns, const tdl::Manifest& manifest, const std::vector<std::size_t>& rows)
{
  std::vector<int> instances, iterations, prompts, groups;
  std::vector<std::int64_t> seeds;
  std::vector<double> timesteps, sigmas;
  auto instance = manifest.Instances.begin();
  for (const std::size_t row : rows)
  {
    const tdl::ManifestElement& element = manifest.Rows[row];
    while (instance->Instance != element.Instance)
    {
      ++instance; // both are in order of their numbers
    }
    instances.push_back(element.Instance);
    iterations.push_back(element.Iteration);
    prompts.push_back(instance->Prompt);
    groups.push_back(manifest.PromptGroup[instance->Prompt]);
    seeds.push_back(instance->Seed);
    timesteps.push_back(manifest.Timestep[element.Iteration]);
    sigmas.push_back(manifest.Sigma[element.Iteration]);
  }
  using namespace tdl;
  AddArray<vtkIntArray>(columns, names::Instance, instances);
  AddArray<vtkIntArray>(columns, names::Iteration, iterations);
  AddArray<vtkIntArray>(columns, names::PromptId, prompts);
  AddArray<vtkIntArray>(columns, names::GroupId, groups);
  AddArray<vtkTypeInt64Array>(columns, names::Seed, seeds);
  AddArray<vtkDoubleArray>(columns, names::Timestep, timesteps);
  AddArray<vtkDoubleArray>(columns, names::Sigma, sigmas);
}

void AddFeatures(vtkFieldData* columns, const fs::path& file, const tdl::Manifest& manifest,
  const std::vector<std::size_t>& rows)
{
  const tdl::NpyHeader header = tdl::ReadNpyHeader(file);
  if (header.Rows != manifest.Rows.size())
  {
    throw tdl::FileError("The feature file " + file.string() + " has " +
      std::to_string(header.Rows) + " rows but its manifest describes " +
      std::to_string(manifest.Rows.size()) + "; list the elements of all rows as \"rows\".");
  }
  if (header.Columns > VTK_INT_MAX)
  {
    throw tdl::FileError("The feature file " + file.string() + " has " +
      std::to_string(header.Columns) + " columns; save it with one row per element.");
  }
  std::vector<std::size_t> target(header.Rows, tdl::SkipRow);
  for (std::size_t i = 0; i < rows.size(); ++i)
  {
    target[rows[i]] = i;
  }
  vtkNew<vtkFloatArray> features;
  features->SetName(tdl::names::Features);
  features->SetNumberOfComponents(static_cast<int>(header.Columns));
  features->SetNumberOfTuples(static_cast<vtkIdType>(rows.size()));
  tdl::ReadNpyRows(file, header, target, features->GetPointer(0));
  columns->AddArray(features);
}
}

vtkStandardNewMacro(vtkFeatureReader);

vtkFeatureReader::vtkFeatureReader()
{
  this->SetNumberOfInputPorts(0);
}

vtkFeatureReader::~vtkFeatureReader()
{
  this->SetFileName(nullptr);
}

void vtkFeatureReader::PrintSelf(ostream& os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "FileName: " << (this->FileName ? this->FileName : "(none)") << "\n";
}

int vtkFeatureReader::CanReadFile(const char* fileName)
{
  return tdl::IsManifest(fileName, tdl::ManifestKind::Features);
}

int vtkFeatureReader::RequestInformation(
  vtkInformation*, vtkInformationVector**, vtkInformationVector* outputs)
{
  outputs->GetInformationObject(0)->Set(CAN_HANDLE_PIECE_REQUEST(), 1);
  return 1;
}

int vtkFeatureReader::RequestData(
  vtkInformation*, vtkInformationVector**, vtkInformationVector* outputs)
{
  if (!this->FileName || !*this->FileName)
  {
    vtkErrorMacro("Choose the manifest of a feature file as File Name.");
    return 0;
  }
  vtkInformation* info = outputs->GetInformationObject(0);
  auto* output = vtkTable::GetData(info);
  try
  {
    const fs::path file(this->FileName);
    const tdl::Manifest manifest = tdl::ReadManifest(file, tdl::ManifestKind::Features);
    const std::vector<std::size_t> rows =
      ChooseRows(manifest, info->Get(vtkStreamingDemandDrivenPipeline::UPDATE_PIECE_NUMBER()),
        info->Get(vtkStreamingDemandDrivenPipeline::UPDATE_NUMBER_OF_PIECES()));
    AddColumns(output->GetRowData(), manifest, rows);
    AddFeatures(output->GetRowData(), file.parent_path() / manifest.FeatureFile, manifest, rows);
    tdl::AddFieldData(output->GetFieldData(), manifest);
  }
  catch (const std::exception& e)
  {
    output->Initialize();
    vtkErrorMacro(<< e.what());
    return 0;
  }
  return 1;
}
