// SPDX-License-Identifier: BSD-3-Clause
#include "vtkEvolutionaryEmbedding.h"

#include "Filters/EvolutionaryEmbedding/Core/EvolutionaryEmbedding.h"
#include "Filters/EvolutionaryEmbedding/GatherRows.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Names.h"

#include "vtkCellArray.h"
#include "vtkCellData.h"
#include "vtkDoubleArray.h"
#include "vtkFieldData.h"
#include "vtkFloatArray.h"
#include "vtkInformation.h"
#include "vtkInformationVector.h"
#include "vtkIntArray.h"
#include "vtkNew.h"
#include "vtkObjectFactory.h"
#include "vtkPointData.h"
#include "vtkPoints.h"
#include "vtkPolyData.h"
#include "vtkSmartPointer.h"
#include "vtkStringArray.h"
#include "vtkTable.h"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace
{
vtkDataArray* FindColumn(vtkTable* table, const char* name)
{
  auto* column = vtkDataArray::SafeDownCast(table->GetColumnByName(name));
  if (!column)
  {
    throw tdl::DataError(std::string("The table has no column of numbers '") + name +
      "'; connect a Feature Encoder or a Feature Reader.");
  }
  return column;
}

template <typename Value>
std::vector<Value> ReadColumn(vtkTable* table, const char* name)
{
  vtkDataArray* column = FindColumn(table, name);
  std::vector<Value> values(column->GetNumberOfTuples());
  for (std::size_t row = 0; row < values.size(); ++row)
  {
    values[row] = static_cast<Value>(column->GetComponent(static_cast<vtkIdType>(row), 0));
  }
  return values;
}

/** The features as contiguous floats, which the encoder's are already. */
vtkSmartPointer<vtkFloatArray> ReadFeatures(vtkTable* table)
{
  vtkDataArray* column = FindColumn(table, tdl::names::Features);
  vtkSmartPointer<vtkFloatArray> features = vtkFloatArray::SafeDownCast(column);
  if (!features)
  {
    features = vtkSmartPointer<vtkFloatArray>::New();
    features->DeepCopy(column);
  }
  return features;
}

/** A line per instance through its points in the order of iterations, after a vertex per point. */
void AddCells(vtkPolyData* output, const tdl::Elements& elements)
{
  const tdl::Arrangement arrangement = tdl::Arrange(elements);
  vtkNew<vtkCellArray> vertices;
  vtkNew<vtkCellArray> lines;
  std::vector<vtkIdType> elementOfCell;
  for (vtkIdType element = 0; element < arrangement.Size(); ++element)
  {
    vertices->InsertNextCell(1, &element);
    elementOfCell.push_back(element);
  }
  for (int first = 0; first < arrangement.Size(); ++first)
  {
    if (arrangement.Previous[first] < 0 && arrangement.Next[first] >= 0)
    {
      std::vector<vtkIdType> points;
      for (int position = first; position >= 0; position = arrangement.Next[position])
      {
        points.push_back(arrangement.Element[position]);
      }
      lines->InsertNextCell(static_cast<vtkIdType>(points.size()), points.data());
      elementOfCell.push_back(points.front());
    }
  }
  output->SetVerts(vertices);
  output->SetLines(lines);

  const auto cells = static_cast<vtkIdType>(elementOfCell.size());
  for (const char* name : { tdl::names::Instance, tdl::names::PromptId, tdl::names::GroupId })
  {
    if (vtkDataArray* ofPoints = output->GetPointData()->GetArray(name))
    {
      const auto ofCells = vtk::TakeSmartPointer(ofPoints->NewInstance());
      ofCells->SetName(name);
      ofCells->SetNumberOfTuples(cells);
      for (vtkIdType cell = 0; cell < cells; ++cell)
      {
        ofCells->SetTuple(cell, elementOfCell[cell], ofPoints);
      }
      output->GetCellData()->AddArray(ofCells);
    }
  }
}

template <typename Values>
vtkSmartPointer<vtkDoubleArray> MakeArray(const char* name, const Values& values)
{
  auto array = vtkSmartPointer<vtkDoubleArray>::New();
  array->SetName(name);
  array->SetNumberOfValues(static_cast<vtkIdType>(values.size()));
  for (vtkIdType i = 0; i < array->GetNumberOfValues(); ++i)
  {
    array->SetValue(i, values[i]);
  }
  return array;
}

void AddString(vtkFieldData* fields, const char* name, const std::string& value)
{
  vtkNew<vtkStringArray> array;
  array->SetName(name);
  array->InsertNextValue(value);
  fields->AddArray(array); // in place of the input's
}

/** Adds the embedding's part to what is told of the features' origin. */
void ExtendProvenance(
  vtkFieldData* fields, const tdl::EmbeddingParameters& parameters, const std::string& spacing)
{
  auto* features = vtkStringArray::SafeDownCast(fields->GetAbstractArray(tdl::names::Provenance));
  auto provenance = nlohmann::json::object();
  if (features && features->GetNumberOfValues() > 0)
  {
    provenance = nlohmann::json::parse(features->GetValue(0), nullptr, /*allow_exceptions=*/false);
    if (!provenance.is_object()) // made by other software
    {
      provenance = { { "features", features->GetValue(0) } };
    }
  }
  const bool within = parameters.Scope == tdl::NeighborhoodScope::WithinIteration;
  provenance["embedding"] = {
    { "neighborhood_scope", within ? "within iteration" : "all elements" },
    { "perplexity", parameters.Perplexity },
    { "displacement_weight", parameters.DisplacementWeight },
    { "alignment_weight", parameters.AlignmentWeight },
    { "displacement_spacing", spacing },
    { "optimization_steps", parameters.Steps },
    { "early_exaggeration", parameters.EarlyExaggeration },
    { "learning_rate", parameters.LearningRate },
    { "metric", parameters.Metric == tdl::Metric::Euclidean ? "euclidean" : "cosine" },
    { "seed", parameters.Seed },
  };
  AddString(fields, tdl::names::Provenance, provenance.dump());
}

void FillHistory(vtkTable* table, const std::vector<tdl::LossRecord>& history)
{
  vtkNew<vtkIntArray> steps;
  steps->SetName("Step");
  for (const tdl::LossRecord& record : history)
  {
    steps->InsertNextValue(record.Step);
  }
  table->AddColumn(steps);
  const std::pair<const char*, double tdl::LossRecord::*> columns[] = {
    { "Total", &tdl::LossRecord::Total }, { "Semantic", &tdl::LossRecord::Semantic },
    { "Displacement", &tdl::LossRecord::Displacement }, { "Alignment", &tdl::LossRecord::Alignment }
  };
  for (const auto& [name, member] : columns)
  {
    vtkNew<vtkDoubleArray> column;
    column->SetName(name);
    for (const tdl::LossRecord& record : history)
    {
      column->InsertNextValue(record.*member);
    }
    table->AddColumn(column);
  }
}
}

vtkStandardNewMacro(vtkEvolutionaryEmbedding);

vtkEvolutionaryEmbedding::vtkEvolutionaryEmbedding()
{
  this->SetNumberOfOutputPorts(2);
  const tdl::EmbeddingParameters defaults;
  this->Layout = static_cast<int>(defaults.Layout);
  this->NeighborhoodScope = static_cast<int>(defaults.Scope);
  this->Perplexity = defaults.Perplexity;
  this->DisplacementWeight = defaults.DisplacementWeight;
  this->AlignmentWeight = defaults.AlignmentWeight;
  this->OptimizationSteps = defaults.Steps;
  this->EarlyExaggeration = defaults.EarlyExaggeration;
  this->LearningRate = defaults.LearningRate;
  this->Metric = static_cast<int>(defaults.Metric);
  this->Seed = static_cast<int>(defaults.Seed);
  this->Threads = defaults.Threads;
}

void vtkEvolutionaryEmbedding::PrintSelf(ostream& os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "Layout: " << this->Layout << "\n";
  os << indent << "NeighborhoodScope: " << this->NeighborhoodScope << "\n";
  os << indent << "Perplexity: " << this->Perplexity << "\n";
  os << indent << "DisplacementWeight: " << this->DisplacementWeight << "\n";
  os << indent << "AlignmentWeight: " << this->AlignmentWeight << "\n";
  os << indent << "DisplacementSpacing: " << this->DisplacementSpacing << "\n";
  os << indent << "OptimizationSteps: " << this->OptimizationSteps << "\n";
  os << indent << "EarlyExaggeration: " << this->EarlyExaggeration << "\n";
  os << indent << "LearningRate: " << this->LearningRate << "\n";
  os << indent << "Metric: " << this->Metric << "\n";
  os << indent << "Seed: " << this->Seed << "\n";
  os << indent << "Threads: " << this->Threads << "\n";
  os << indent << "KeepFeatures: " << this->KeepFeatures << "\n";
}

int vtkEvolutionaryEmbedding::FillInputPortInformation(int, vtkInformation* info)
{
  info->Set(vtkAlgorithm::INPUT_REQUIRED_DATA_TYPE(), "vtkTable");
  return 1;
}

int vtkEvolutionaryEmbedding::FillOutputPortInformation(int port, vtkInformation* info)
{
  info->Set(vtkDataObject::DATA_TYPE_NAME(), port == 0 ? "vtkPolyData" : "vtkTable");
  return 1;
}

int vtkEvolutionaryEmbedding::RequestData(
  vtkInformation*, vtkInformationVector** inputs, vtkInformationVector* outputs)
{
  using namespace tdl;
  auto* output = vtkPolyData::GetData(outputs, 0);
  auto* losses = vtkTable::GetData(outputs, 1);
  const vtkSmartPointer<vtkTable> input = GatherRows(vtkTable::GetData(inputs[0]));
  if (!input)
  {
    return 1; // the first process embeds the elements of all
  }
  EmbeddingParameters parameters;
  parameters.Layout = static_cast<tdl::Layout>(this->Layout);
  parameters.Scope = static_cast<tdl::NeighborhoodScope>(this->NeighborhoodScope);
  parameters.Metric = static_cast<tdl::Metric>(this->Metric);
  parameters.Perplexity = this->Perplexity;
  parameters.DisplacementWeight = this->DisplacementWeight;
  parameters.AlignmentWeight = this->AlignmentWeight;
  parameters.Steps = this->OptimizationSteps;
  parameters.EarlyExaggeration = this->EarlyExaggeration;
  parameters.LearningRate = this->LearningRate;
  parameters.Seed = static_cast<std::uint64_t>(this->Seed);
  parameters.Threads = this->Threads;
  try
  {
    if (input->GetNumberOfRows() == 0)
    {
      throw DataError("The feature table is empty; feed a table with at least one row.");
    }
    const vtkSmartPointer<vtkFloatArray> features = ReadFeatures(input);
    Elements elements;
    elements.Features = features->GetPointer(0);
    elements.Count = static_cast<int>(features->GetNumberOfTuples());
    elements.Dimension = features->GetNumberOfComponents();
    elements.Instance = ReadColumn<int>(input, names::Instance);
    elements.Iteration = ReadColumn<int>(input, names::Iteration);
    const char* spacing[] = { names::Iteration, names::Timestep, names::Sigma };
    if (this->DisplacementSpacing != ITERATION)
    {
      elements.NoiseLevel = ReadColumn<double>(input, spacing[this->DisplacementSpacing]);
    }

    const EmbeddingResult result = Embed(elements, parameters,
      [this](const tdl::Progress& progress)
      {
        this->SetProgressText(std::string(progress.Stage).c_str());
        this->UpdateProgress(progress.Fraction);
        return !this->CheckAbort();
      });
    if (this->GetAbortExecute())
    {
      // The request is served: it shall not end the next run too, and the executive shall not throw
      // away what is finished.
      this->SetAbortExecute(0);
      this->SetAbortOutput(result.Position.rows() == 0);
    }
    for (const std::string& warning : result.Warnings)
    {
      vtkWarningMacro(<< warning);
    }
    if (result.Position.rows() == 0)
    {
      return 1; // aborted before there was anything to show
    }

    vtkNew<vtkPoints> points;
    points->SetNumberOfPoints(result.Position.rows());
    for (Eigen::Index i = 0; i < result.Position.rows(); ++i)
    {
      points->SetPoint(i, result.Position(i, 0), result.Position(i, 1), 0.0);
    }
    output->SetPoints(points);
    vtkPointData* pointData = output->GetPointData();
    pointData->PassData(input->GetRowData());
    if (!this->KeepFeatures)
    {
      pointData->RemoveArray(names::Features);
    }
    pointData->AddArray(MakeArray(names::TargetDisplacement, result.TargetDisplacement));
    pointData->AddArray(MakeArray(names::SemanticLoss, result.SemanticLoss));
    pointData->AddArray(MakeArray(names::DisplacementLoss, result.DisplacementLoss));
    pointData->AddArray(MakeArray(names::AlignmentLoss, result.AlignmentLoss));
    pointData->SetActiveScalars(names::PromptId); // what a new view colors by
    AddCells(output, elements);

    vtkFieldData* fields = output->GetFieldData();
    fields->PassData(input->GetFieldData());
    AddString(fields, names::Layout, this->Layout == RADIAL ? "radial" : "rectilinear");
    fields->AddArray(MakeArray(names::RingDisplacement, result.RingDisplacement));
    ExtendProvenance(fields, parameters, spacing[this->DisplacementSpacing]);
    FillHistory(losses, result.History);
  }
  catch (const std::exception& e)
  {
    output->Initialize();
    losses->Initialize();
    vtkErrorMacro(<< e.what());
    return 0;
  }
  return 1;
}
