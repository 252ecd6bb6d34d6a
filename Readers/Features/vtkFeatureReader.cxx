// SPDX-License-Identifier: BSD-3-Clause
#include "vtkFeatureReader.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Memory.h"
#include "Filters/Foundation/Processes.h"
#include "Readers/Features/Core/FeatureFile.h"
#include "Readers/Manifest/Choice.h"
#include "Readers/Manifest/FieldData.h"

#include "vtkDataSetAttributes.h"
#include "vtkFloatArray.h"
#include "vtkInformation.h"
#include "vtkInformationVector.h"
#include "vtkObjectFactory.h"
#include "vtkStreamingDemandDrivenPipeline.h"
#include "vtkTable.h"

#include <algorithm>
#include <set>
#include <string>
#include <tuple>

namespace
{
/** Which rows of the file make the rows of the table, in this order. */
std::vector<std::size_t> ChooseRows(
  const tdl::Manifest& manifest, const tdl::RunChoice& choice, int piece, int pieces)
{
  std::set<int> instances;
  const std::vector<int> chosen = choice.ChooseInstances(manifest.Instances);
  const auto count = static_cast<vtkIdType>(chosen.size());
  for (vtkIdType i = count * piece / pieces; i < count * (piece + 1) / pieces; ++i)
  {
    instances.insert(manifest.Instances[chosen[i]].Instance);
  }
  const std::vector<int> iterations = choice.ChooseIterations(manifest.GetNumberOfIterations());

  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < manifest.Rows.size(); ++row)
  {
    const tdl::ManifestElement& element = manifest.Rows[row];
    if (instances.count(element.Instance) > 0 &&
      std::binary_search(iterations.begin(), iterations.end(), element.Iteration))
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

/** Which of the elements that were chosen have no row. */
std::vector<tdl::ManifestElement> FindHoles(const tdl::Manifest& manifest,
  const tdl::RunChoice& choice, const std::vector<std::size_t>& rows, std::size_t& elements)
{
  std::vector<tdl::ManifestElement> holes;
  const std::vector<int> iterations = choice.ChooseIterations(manifest.GetNumberOfIterations());
  elements = 0;
  auto row = rows.begin(); // ordered as the elements
  for (const int i : choice.ChooseInstances(manifest.Instances))
  {
    const int instance = manifest.Instances[i].Instance;
    elements += iterations.size();
    for (const int k : iterations)
    {
      if (row != rows.end() && manifest.Rows[*row].Instance == instance &&
        manifest.Rows[*row].Iteration == k)
      {
        ++row;
      }
      else
      {
        holes.push_back({ instance, k });
      }
    }
  }
  return holes;
}

std::string DescribeFile(const tdl::FeatureFile& file, std::size_t rows, const std::string& holes)
{
  return std::to_string(rows) + " elements of " + std::to_string(file.Components()) +
    " features, " + tdl::FormatBytes(file.Memory(rows)) + " of memory. Read: " + file.Reading() +
    "." + (holes.empty() ? "" : " " + holes + ".");
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
    timesteps.push_back(manifest.GetTimestep(*instance)[element.Iteration]);
    sigmas.push_back(manifest.GetSigma(*instance)[element.Iteration]);
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

void AddFeatures(
  vtkFieldData* columns, const tdl::FeatureFile& file, const std::vector<std::size_t>& rows)
{
  vtkNew<vtkFloatArray> features;
  features->SetName(tdl::names::Features);
  features->SetNumberOfComponents(file.Components());
  features->SetNumberOfTuples(static_cast<vtkIdType>(rows.size()));
  file.Read(rows, features->GetPointer(0));
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
  this->SetManifestFile(nullptr);
}

void vtkFeatureReader::PrintSelf(ostream& os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  const auto text = [](const char* value) { return value ? value : "(none)"; };
  os << indent << "FileName: " << text(this->FileName) << "\n";
  os << indent << "ManifestFile: " << text(this->ManifestFile) << "\n";
  os << indent << "ArrayName: " << this->ArrayName << "\n";
  os << indent << "Instances:";
  for (const int instance : this->Instances)
  {
    os << ' ' << instance;
  }
  os << "\n";
  os << indent << "FirstIteration: " << this->FirstIteration << "\n";
  os << indent << "LastIteration: " << this->LastIteration << "\n";
  os << indent << "Every: " << this->Every << "\n";
  os << indent << "Contents: " << this->Contents << "\n";
}

void vtkFeatureReader::AddInstance(int instance)
{
  this->Instances.insert(instance);
  this->Modified();
}

void vtkFeatureReader::RemoveAllInstances()
{
  this->Instances.clear();
  this->Modified();
}

int vtkFeatureReader::CanReadFile(const char* fileName)
{
  if (!tdl::IsArrayFile(fileName))
  {
    return tdl::IsManifest(fileName, tdl::ManifestKind::Features);
  }
  try
  {
    return !tdl::FeatureFile({ fileName, "", "" }).IsUnlikely();
  }
  catch (const std::exception&)
  {
    // It may be a matrix that lacks its manifest, which the user can set.
  }
  try
  {
    tdl::OpenMatrix(fileName);
    return 1;
  }
  catch (const std::exception&)
  {
    return 0;
  }
}

int vtkFeatureReader::RequestInformation(
  vtkInformation*, vtkInformationVector**, vtkInformationVector* outputs)
{
  outputs->GetInformationObject(0)->Set(CAN_HANDLE_PIECE_REQUEST(), 1);
  this->Contents.clear();
  if (!this->FileName || !*this->FileName)
  {
    return 1;
  }
  try
  {
    const tdl::FeatureFile file(
      { this->FileName, this->ManifestFile ? this->ManifestFile : "", this->ArrayName });
    const tdl::RunChoice choice{ this->Instances, this->FirstIteration, this->LastIteration,
      this->Every };
    const std::vector<std::size_t> rows = ChooseRows(file.Description(), choice, 0, 1);
    std::size_t elements = 0;
    const auto holes = FindHoles(file.Description(), choice, rows, elements);
    this->Contents = DescribeFile(file, rows.size(), tdl::DescribeHoles(holes, elements));
  }
  catch (const std::exception& e)
  {
    this->Contents = e.what(); // RequestData meets it again and reports it, once
  }
  return 1;
}

int vtkFeatureReader::RequestData(
  vtkInformation*, vtkInformationVector**, vtkInformationVector* outputs)
{
  if (!this->FileName || !*this->FileName)
  {
    vtkErrorMacro("Choose a manifest, a table or an array of features as File Name.");
    return 0;
  }
  vtkInformation* info = outputs->GetInformationObject(0);
  auto* output = vtkTable::GetData(info);
  return tdl::FillTogether(this, info,
    [&]
    {
      const tdl::FeatureFile file(
        { this->FileName, this->ManifestFile ? this->ManifestFile : "", this->ArrayName });
      const tdl::Manifest& manifest = file.Description();
      const tdl::RunChoice choice{ this->Instances, this->FirstIteration, this->LastIteration,
        this->Every };
      const std::vector<std::size_t> rows = ChooseRows(manifest, choice,
        info->Get(vtkStreamingDemandDrivenPipeline::UPDATE_PIECE_NUMBER()),
        info->Get(vtkStreamingDemandDrivenPipeline::UPDATE_NUMBER_OF_PIECES()));
      tdl::RequireMemory("What is to be read needs", file.Memory(rows.size()),
        "choose fewer Instances or a larger Every of the features");
      std::size_t elements = 0;
      const auto holes = FindHoles(manifest, choice, ChooseRows(manifest, choice, 0, 1), elements);
      if (!holes.empty())
      {
        vtkWarningMacro(<< tdl::DescribeHoles(holes, elements) << " in the features of "
                        << this->FileName << ".");
      }
      AddColumns(output->GetRowData(), manifest, rows);
      AddFeatures(output->GetRowData(), file, rows);
      tdl::AddFieldData(output->GetFieldData(), manifest);
    });
}
