// SPDX-License-Identifier: BSD-3-Clause
#include "vtkEvolutionaryEmbedding.h"

#include "Filters/EvolutionaryEmbedding/Core/EvolutionaryEmbedding.h"
#include "Filters/EvolutionaryEmbedding/Core/FrozenEmbedding.h"
#include "Filters/EvolutionaryEmbedding/GatherRows.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/FilterMonitor.h"
#include "Filters/Foundation/Names.h"
#include "Filters/Foundation/Provenance.h"

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
#include "vtkStreamingDemandDrivenPipeline.h"
#include "vtkStringArray.h"
#include "vtkTable.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace
{
/** What arrays are read from, in words. */
struct Origin
{
  const char* Subject;
  const char* Remedy;
};

constexpr Origin Table{ "The table", "connect a Feature Encoder or a Feature Reader." };
constexpr Origin Frozen{ "The frozen embedding",
  "connect an Evolutionary Embedding whose Keep Features is on." };

vtkDataArray* FindArray(vtkFieldData* data, const char* name, const Origin& origin)
{
  vtkDataArray* array = data->GetArray(name);
  if (!array)
  {
    throw tdl::DataError(
      std::string(origin.Subject) + " has no array of numbers '" + name + "'; " + origin.Remedy);
  }
  return array;
}

template <typename Value>
std::vector<Value> ReadArray(vtkFieldData* data, const char* name, const Origin& origin)
{
  vtkDataArray* array = FindArray(data, name, origin);
  std::vector<Value> values(array->GetNumberOfTuples());
  for (std::size_t row = 0; row < values.size(); ++row)
  {
    values[row] = static_cast<Value>(array->GetComponent(static_cast<vtkIdType>(row), 0));
  }
  return values;
}

/** Elements that borrow the features from an array. */
struct BorrowedElements
{
  /** As contiguous floats, which the encoder's are already. */
  vtkSmartPointer<vtkFloatArray> Features;
  tdl::Elements Elements;

  BorrowedElements(vtkFieldData* data, const Origin& origin)
  {
    vtkDataArray* array = FindArray(data, tdl::names::Features, origin);
    this->Features = vtkFloatArray::SafeDownCast(array);
    if (!this->Features)
    {
      this->Features = vtkSmartPointer<vtkFloatArray>::New();
      this->Features->DeepCopy(array);
    }
    this->Elements.Features = this->Features->GetPointer(0);
    this->Elements.Count = static_cast<int>(this->Features->GetNumberOfTuples());
    this->Elements.Dimension = this->Features->GetNumberOfComponents();
    this->Elements.Instance = ReadArray<int>(data, tdl::names::Instance, origin);
    this->Elements.Iteration = ReadArray<int>(data, tdl::names::Iteration, origin);
  }
};

tdl::FrozenEmbedding ReadFrozen(vtkPolyData* data, const BorrowedElements& elements)
{
  tdl::FrozenEmbedding frozen;
  frozen.Elements = elements.Elements;
  frozen.RingDisplacement =
    ReadArray<double>(data->GetFieldData(), tdl::names::RingDisplacement, Frozen);
  auto* layout =
    vtkStringArray::SafeDownCast(data->GetFieldData()->GetAbstractArray(tdl::names::Layout));
  const std::string name =
    layout && layout->GetNumberOfValues() > 0 ? layout->GetValue(0) : std::string();
  if (name != "radial" && name != "rectilinear")
  {
    throw tdl::DataError("The frozen embedding's Layout is '" + name +
      "', neither radial nor rectilinear; " + Frozen.Remedy);
  }
  frozen.Layout = name == "radial" ? tdl::Layout::Radial : tdl::Layout::Rectilinear;
  frozen.Position.resize(data->GetNumberOfPoints(), 2);
  for (vtkIdType i = 0; i < data->GetNumberOfPoints(); ++i)
  {
    const double* point = data->GetPoint(i);
    frozen.Position.row(i) << point[0], point[1];
  }
  return frozen;
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
void TellProvenance(vtkFieldData* fields, const tdl::EmbeddingParameters& parameters,
  const std::string& spacing, const tdl::EmbeddingResult& result, bool frozen)
{
  const bool within = parameters.Scope == tdl::NeighborhoodScope::WithinIteration;
  const nlohmann::json part = {
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
    { "steps_done", result.Step },
    { "continued", result.Continued },
    { "into_frozen_embedding", frozen },
    { "neighbor_recall", result.NeighborRecall },
  };
  tdl::ExtendProvenance(fields, "features", "embedding", part);
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

class vtkEvolutionaryEmbedding::Cache
{
public:
  std::unique_ptr<tdl::EvolutionaryEmbedding> Embedding;
  /** The table it is of: held, so that no other has its address. */
  vtkSmartPointer<vtkFloatArray> Features;
  vtkMTimeType InputTime = 0;
  /** When the filter had been changed last before the points were optimized. */
  vtkMTimeType RunTime = 0;

  bool IsOf(const vtkFloatArray* features, vtkMTimeType inputTime) const
  {
    return this->Embedding && this->Features == features && this->InputTime == inputTime;
  }
};

vtkEvolutionaryEmbedding::vtkEvolutionaryEmbedding()
  : Kept(std::make_unique<Cache>())
{
  this->SetNumberOfInputPorts(2);
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
  this->Snapshots = defaults.Snapshots;
  this->Threads = defaults.Threads;
}

vtkEvolutionaryEmbedding::~vtkEvolutionaryEmbedding() = default;

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
  os << indent << "Snapshots: " << this->Snapshots << "\n";
  os << indent << "KeepFeatures: " << this->KeepFeatures << "\n";
}

void vtkEvolutionaryEmbedding::Continue()
{
  if (this->Kept->Embedding && this->Kept->Embedding->IsDone())
  {
    this->MoreSteps += this->OptimizationSteps;
  }
  this->Modified();
}

void vtkEvolutionaryEmbedding::StartOver()
{
  this->MoreSteps = 0;
  this->Kept = std::make_unique<Cache>();
  this->Modified();
}

int vtkEvolutionaryEmbedding::FillInputPortInformation(int port, vtkInformation* info)
{
  info->Set(vtkAlgorithm::INPUT_REQUIRED_DATA_TYPE(), port == 0 ? "vtkTable" : "vtkPolyData");
  if (port == 1)
  {
    info->Set(vtkAlgorithm::INPUT_IS_OPTIONAL(), 1);
  }
  return 1;
}

int vtkEvolutionaryEmbedding::FillOutputPortInformation(int port, vtkInformation* info)
{
  info->Set(vtkDataObject::DATA_TYPE_NAME(), port == 0 ? "vtkPolyData" : "vtkTable");
  return 1;
}

int vtkEvolutionaryEmbedding::RequestInformation(
  vtkInformation*, vtkInformationVector**, vtkInformationVector* outputs)
{
  vtkInformation* info = outputs->GetInformationObject(0);
  info->Remove(vtkStreamingDemandDrivenPipeline::TIME_STEPS());
  info->Remove(vtkStreamingDemandDrivenPipeline::TIME_RANGE());
  if (this->Snapshots > 0)
  {
    // There are no more states than steps.
    const int steps = std::max(0, this->OptimizationSteps + this->MoreSteps);
    const int snapshots = std::min(this->Snapshots, steps);
    std::vector<double> times{ 0.0 };
    for (int i = 1; i <= snapshots; ++i)
    {
      times.push_back(std::ceil(static_cast<double>(steps) * i / snapshots));
    }
    const double range[] = { times.front(), times.back() };
    info->Set(
      vtkStreamingDemandDrivenPipeline::TIME_STEPS(), times.data(), static_cast<int>(times.size()));
    info->Set(vtkStreamingDemandDrivenPipeline::TIME_RANGE(), range, 2);
  }
  return 1;
}

tdl::EmbeddingParameters vtkEvolutionaryEmbedding::GetParameters() const
{
  tdl::EmbeddingParameters parameters;
  parameters.Layout = static_cast<tdl::Layout>(this->Layout);
  parameters.Scope = static_cast<tdl::NeighborhoodScope>(this->NeighborhoodScope);
  parameters.Metric = static_cast<tdl::Metric>(this->Metric);
  parameters.Perplexity = this->Perplexity;
  parameters.DisplacementWeight = this->DisplacementWeight;
  parameters.AlignmentWeight = this->AlignmentWeight;
  parameters.Steps = this->OptimizationSteps + this->MoreSteps;
  parameters.EarlyExaggeration = this->EarlyExaggeration;
  parameters.LearningRate = this->LearningRate;
  parameters.Seed = static_cast<std::uint64_t>(this->Seed);
  parameters.Snapshots = this->Snapshots;
  parameters.Threads = this->Threads;
  return parameters;
}

int vtkEvolutionaryEmbedding::RequestData(
  vtkInformation*, vtkInformationVector** inputs, vtkInformationVector* outputs)
{
  using namespace tdl;
  auto* output = vtkPolyData::GetData(outputs, 0);
  auto* losses = vtkTable::GetData(outputs, 1);
  vtkTable* own = vtkTable::GetData(inputs[0]);
  auto* frozenData = vtkPolyData::GetData(inputs[1]);
  const vtkSmartPointer<vtkTable> input = GatherRows(own);
  if (!input)
  {
    return 1; // the first process embeds the elements of all
  }
  EmbeddingParameters parameters = this->GetParameters();
  const Monitor monitor = tdl::MonitorOf(this);
  try
  {
    if (input->GetNumberOfRows() == 0)
    {
      throw DataError("The feature table is empty; feed a table with at least one row.");
    }
    BorrowedElements borrowed(input->GetRowData(), Table);
    const char* spacing[] = { names::Iteration, names::Timestep, names::Sigma };
    if (this->DisplacementSpacing != ITERATION)
    {
      borrowed.Elements.NoiseLevel =
        ReadArray<double>(input->GetRowData(), spacing[this->DisplacementSpacing], Table);
    }

    EmbeddingResult result;
    if (frozenData)
    {
      const BorrowedElements frozenElements(frozenData->GetPointData(), Frozen);
      const FrozenEmbedding frozen = ReadFrozen(frozenData, frozenElements);
      parameters.Layout = frozen.Layout;
      result = EmbedInto(frozen, borrowed.Elements, parameters, monitor);
    }
    else
    {
      // When points kept from the way are asked for, nothing is computed anew.
      Cache& kept = *this->Kept;
      vtkInformation* info = outputs->GetInformationObject(0);
      double step = std::numeric_limits<double>::infinity();
      if (this->Snapshots > 0 && info->Has(vtkStreamingDemandDrivenPipeline::UPDATE_TIME_STEP()))
      {
        step = info->Get(vtkStreamingDemandDrivenPipeline::UPDATE_TIME_STEP());
        output->GetInformation()->Set(vtkDataObject::DATA_TIME_STEP(), step);
      }
      try
      {
        if (!kept.IsOf(borrowed.Features, own->GetMTime()) || !kept.Embedding->Serves(parameters))
        {
          this->MoreSteps = 0;
          parameters.Steps = this->OptimizationSteps;
          kept = Cache(); // before the next one takes memory
          kept.Embedding =
            std::make_unique<EvolutionaryEmbedding>(borrowed.Elements, parameters, monitor);
          kept.Features = borrowed.Features;
          kept.InputTime = own->GetMTime();
        }
        if (kept.RunTime != this->GetMTime())
        {
          kept.Embedding->Update(borrowed.Elements, parameters, monitor);
          kept.RunTime = this->GetMTime();
          kept.Embedding->Run(monitor);
        }
        result = kept.Embedding->GetResult(step);
      }
      catch (const Stopped&)
      {
        // Without points there is nothing to show; affinities that are there stay.
      }
      catch (...)
      {
        kept = Cache();
        throw;
      }
    }
    tdl::ServeAbort(this, result.Position.rows() == 0);
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
    AddCells(output, borrowed.Elements);

    vtkFieldData* fields = output->GetFieldData();
    fields->PassData(input->GetFieldData());
    AddString(
      fields, names::Layout, parameters.Layout == tdl::Layout::Radial ? "radial" : "rectilinear");
    fields->AddArray(MakeArray(names::RingDisplacement, result.RingDisplacement));
    TellProvenance(fields, parameters, spacing[this->DisplacementSpacing], result, frozenData);
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
