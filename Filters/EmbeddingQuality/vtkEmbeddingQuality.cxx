// SPDX-License-Identifier: BSD-3-Clause
#include "vtkEmbeddingQuality.h"

#include "Filters/EmbeddingQuality/Core/EmbeddingQuality.h"
#include "Filters/EvolutionaryEmbedding/GatherRows.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/FilterMonitor.h"
#include "Filters/Foundation/Names.h"

#include "vtkDoubleArray.h"
#include "vtkFieldData.h"
#include "vtkFloatArray.h"
#include "vtkIdList.h"
#include "vtkInformation.h"
#include "vtkInformationVector.h"
#include "vtkIntArray.h"
#include "vtkMultiProcessController.h"
#include "vtkNew.h"
#include "vtkObjectFactory.h"
#include "vtkPointData.h"
#include "vtkPolyData.h"
#include "vtkSmartPointer.h"
#include "vtkStringArray.h"
#include "vtkTable.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace
{
vtkDataArray* FindArray(vtkFieldData* data, const char* name, const char* remedy)
{
  vtkDataArray* array = data->GetArray(name);
  if (!array || array->GetNumberOfTuples() == 0)
  {
    throw tdl::DataError(std::string("There is no array '") + name + "'; " + remedy);
  }
  return array;
}

/** An array that has a tuple per row. */
vtkDataArray* FindColumn(vtkFieldData* data, const char* name, vtkIdType rows, const char* remedy)
{
  vtkDataArray* array = FindArray(data, name, remedy);
  if (array->GetNumberOfTuples() != rows)
  {
    throw tdl::DataError(std::string("The array '") + name + "' has " +
      std::to_string(array->GetNumberOfTuples()) + " rows instead of " + std::to_string(rows) +
      "; " + remedy);
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

/** Row of the table for each point of the embedding. */
vtkSmartPointer<vtkIdList> FindRows(vtkTable* table, const tdl::Elements& elements)
{
  constexpr char remedy[] = "connect the feature table that the embedding was made of.";
  vtkFieldData* columns = table->GetRowData();
  const auto instances = Read<int>(FindArray(columns, tdl::names::Instance, remedy));
  const auto count = static_cast<vtkIdType>(instances.size());
  const auto iterations = Read<int>(FindColumn(columns, tdl::names::Iteration, count, remedy));
  std::map<std::pair<int, int>, vtkIdType> rowOf;
  for (vtkIdType row = 0; row < count; ++row)
  {
    rowOf[{ instances[row], iterations[row] }] = row;
  }
  auto rows = vtkSmartPointer<vtkIdList>::New();
  for (int e = 0; e < elements.Count; ++e)
  {
    const auto found = rowOf.find({ elements.Instance[e], elements.Iteration[e] });
    if (found == rowOf.end())
    {
      throw tdl::DataError("The feature table has no row for iteration " +
        std::to_string(elements.Iteration[e]) + " of instance " +
        std::to_string(elements.Instance[e]) + "; " + remedy);
    }
    rows->InsertNextId(found->second);
  }
  return rows;
}

/**
 * The features of the embedding's points, from its own array or from the table; the array itself
 * where it has them as they are needed.
 */
vtkSmartPointer<vtkFloatArray> ReadFeatures(
  vtkPolyData* embedding, vtkTable* table, const tdl::Elements& elements)
{
  constexpr char remedy[] = "connect the feature table as second input, or turn on Keep Features "
                            "of the Evolutionary Embedding.";
  vtkSmartPointer<vtkIdList> rows;
  vtkDataArray* array = nullptr;
  if (table)
  {
    rows = FindRows(table, elements);
    array = FindColumn(table->GetRowData(), tdl::names::Features, table->GetNumberOfRows(), remedy);
  }
  else
  {
    rows = vtkSmartPointer<vtkIdList>::New();
    rows->SetNumberOfIds(elements.Count);
    std::iota(rows->begin(), rows->end(), 0);
    array = FindColumn(embedding->GetPointData(), tdl::names::Features, elements.Count, remedy);
  }
  vtkSmartPointer<vtkFloatArray> features = vtkFloatArray::SafeDownCast(array);
  const bool isInOrder =
    array->GetNumberOfTuples() == elements.Count && std::is_sorted(rows->begin(), rows->end());
  if (!features || !isInOrder)
  {
    features = vtkSmartPointer<vtkFloatArray>::New();
    features->SetNumberOfComponents(array->GetNumberOfComponents());
    features->SetNumberOfTuples(elements.Count);
    array->GetTuples(rows, features);
  }
  return features;
}

/** Everything but the features. */
tdl::MeasuredEmbedding ReadEmbedding(vtkPolyData* input)
{
  using namespace tdl;
  constexpr char remedy[] = "connect an Evolutionary Embedding.";
  vtkPointData* pointData = input->GetPointData();
  const vtkIdType count = input->GetNumberOfPoints();
  MeasuredEmbedding embedding;
  embedding.Elements.Count = static_cast<int>(count);
  embedding.Elements.Instance = Read<int>(FindColumn(pointData, names::Instance, count, remedy));
  embedding.Elements.Iteration = Read<int>(FindColumn(pointData, names::Iteration, count, remedy));
  embedding.TargetDisplacement =
    Read<double>(FindColumn(pointData, names::TargetDisplacement, count, remedy));
  if (pointData->HasArray(names::PromptId))
  {
    embedding.Prompt = Read<int>(FindColumn(pointData, names::PromptId, count, remedy));
  }
  embedding.Position.resize(input->GetNumberOfPoints(), 2);
  for (vtkIdType i = 0; i < input->GetNumberOfPoints(); ++i)
  {
    double point[3];
    input->GetPoint(i, point);
    embedding.Position.row(i) << point[0], point[1];
  }

  vtkFieldData* fields = input->GetFieldData();
  auto* layout = vtkStringArray::SafeDownCast(fields->GetAbstractArray(names::Layout));
  if (!layout || layout->GetNumberOfValues() == 0)
  {
    throw DataError(std::string("There is no field data '") + names::Layout + "'; " + remedy);
  }
  embedding.Layout = layout->GetValue(0) == "rectilinear" ? Layout::Rectilinear : Layout::Radial;
  const auto rings = Read<double>(FindArray(fields, names::RingDisplacement, remedy));
  if (rings.size() > 1)
  {
    embedding.RingSpacing = (rings.back() - rings.front()) / (rings.size() - 1.0);
  }
  return embedding;
}

/** Whether this is one of several processes that has no part of the embedding. */
bool IsHelper(vtkPolyData* input)
{
  vtkMultiProcessController* controller = vtkMultiProcessController::GetGlobalController();
  return controller && controller->GetLocalProcessId() > 0 &&
    (!input || input->GetNumberOfPoints() == 0);
}

void AddValues(vtkFieldData* data, const char* name, const Eigen::ArrayXd& values)
{
  vtkNew<vtkDoubleArray> array;
  array->SetName(name);
  array->SetNumberOfValues(values.size());
  for (Eigen::Index i = 0; i < values.size(); ++i)
  {
    array->SetValue(i, values[i]);
  }
  data->AddArray(array);
}

/** Mean of the embedding's semantic loss over the points that `chosen` accepts; NaN without one. */
template <typename Chosen>
double Divergence(vtkPolyData* embedding, Chosen chosen)
{
  vtkDataArray* losses = embedding->GetPointData()->GetArray(tdl::names::SemanticLoss);
  const vtkIdType points =
    losses ? std::min(losses->GetNumberOfTuples(), embedding->GetNumberOfPoints()) : 0;
  double sum = 0.0;
  int count = 0;
  for (vtkIdType i = 0; i < points; ++i)
  {
    if (chosen(i))
    {
      sum += losses->GetComponent(i, 0);
      ++count;
    }
  }
  return count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
}

void FillOverall(vtkTable* table, const tdl::QualityResult& quality, double divergence)
{
  vtkNew<vtkStringArray> names;
  names->SetName("Measure");
  vtkNew<vtkDoubleArray> values;
  values->SetName("Value");
  vtkNew<vtkIntArray> elements;
  elements->SetName("Elements");
  const auto add = [&](const char* name, double value, int count)
  {
    names->InsertNextValue(name);
    values->InsertNextValue(value);
    elements->InsertNextValue(count);
  };
  const tdl::QualityMeasures& overall = quality.Overall;
  add("Within-iteration recall", overall.Recall, overall.Elements);
  add("Within-iteration trustworthiness", overall.Trustworthiness, overall.Elements);
  add("Within-iteration continuity", overall.Continuity, overall.Elements);
  add("Prompt neighborhood hit", overall.PromptHit, overall.Elements);
  add("Recall", quality.RecallOverAll, quality.SampleSize);
  add("Trustworthiness", quality.TrustworthinessOverAll, quality.SampleSize);
  add("Continuity", quality.ContinuityOverAll, quality.SampleSize);
  add("Displacement error", overall.DisplacementError, overall.Elements);
  add("Alignment error", overall.AlignmentError, overall.Elements);
  add("Divergence", divergence, overall.Elements);
  table->AddColumn(names);
  table->AddColumn(values);
  table->AddColumn(elements);
}

void FillIterations(vtkTable* table, const tdl::QualityResult& quality, vtkPolyData* embedding)
{
  const auto rows = static_cast<Eigen::Index>(quality.Iterations.size());
  vtkDataArray* iterationOf = embedding->GetPointData()->GetArray(tdl::names::Iteration);
  vtkNew<vtkIntArray> iterations;
  iterations->SetName(tdl::names::Iteration);
  vtkNew<vtkIntArray> elements;
  elements->SetName("Elements");
  Eigen::ArrayXd divergences(rows);
  for (Eigen::Index row = 0; row < rows; ++row)
  {
    const int iteration = quality.Iterations[row].Iteration;
    iterations->InsertNextValue(iteration);
    elements->InsertNextValue(quality.Iterations[row].Measures.Elements);
    divergences[row] = Divergence(embedding,
      [&](vtkIdType i) { return static_cast<int>(iterationOf->GetComponent(i, 0)) == iteration; });
  }
  table->AddColumn(iterations);
  table->AddColumn(elements);

  using Measures = tdl::QualityMeasures;
  const std::pair<const char*, double Measures::*> columns[] = { { "Recall", &Measures::Recall },
    { "Trustworthiness", &Measures::Trustworthiness }, { "Continuity", &Measures::Continuity },
    { "PromptNeighborhoodHit", &Measures::PromptHit },
    { "DisplacementError", &Measures::DisplacementError },
    { "AlignmentError", &Measures::AlignmentError } };
  for (const auto& [name, member] : columns)
  {
    Eigen::ArrayXd values(rows);
    for (Eigen::Index row = 0; row < rows; ++row)
    {
      values[row] = quality.Iterations[row].Measures.*member;
    }
    AddValues(table->GetRowData(), name, values);
  }
  AddValues(table->GetRowData(), "Divergence", divergences);
}
}

vtkStandardNewMacro(vtkEmbeddingQuality);

vtkEmbeddingQuality::vtkEmbeddingQuality()
{
  this->SetNumberOfInputPorts(2);
  this->SetNumberOfOutputPorts(3);
  const tdl::QualityParameters defaults;
  this->Neighbors = defaults.Neighbors;
  this->SampleSize = defaults.SampleSize;
  this->Threads = defaults.Threads;
}

void vtkEmbeddingQuality::PrintSelf(ostream& os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "Neighbors: " << this->Neighbors << "\n";
  os << indent << "SampleSize: " << this->SampleSize << "\n";
  os << indent << "Threads: " << this->Threads << "\n";
}

int vtkEmbeddingQuality::FillInputPortInformation(int port, vtkInformation* info)
{
  info->Set(vtkAlgorithm::INPUT_REQUIRED_DATA_TYPE(), port == 0 ? "vtkPolyData" : "vtkTable");
  if (port == 1)
  {
    info->Set(vtkAlgorithm::INPUT_IS_OPTIONAL(), 1);
  }
  return 1;
}

int vtkEmbeddingQuality::FillOutputPortInformation(int port, vtkInformation* info)
{
  info->Set(vtkDataObject::DATA_TYPE_NAME(), port == 2 ? "vtkPolyData" : "vtkTable");
  return 1;
}

int vtkEmbeddingQuality::RequestData(
  vtkInformation*, vtkInformationVector** inputs, vtkInformationVector* outputs)
{
  auto* input = vtkPolyData::GetData(inputs[0]);
  auto* overall = vtkTable::GetData(outputs, 0);
  auto* iterations = vtkTable::GetData(outputs, 1);
  auto* elements = vtkPolyData::GetData(outputs, 2);
  auto* local = vtkTable::GetData(inputs[1]);
  const vtkSmartPointer<vtkTable> table = local ? tdl::GatherRows(local) : nullptr;
  if (IsHelper(input))
  {
    return 1; // the first process has the embedding
  }
  tdl::QualityParameters parameters;
  parameters.Neighbors = this->Neighbors;
  parameters.SampleSize = this->SampleSize;
  parameters.Threads = this->Threads;
  try
  {
    if (!input || input->GetNumberOfPoints() == 0)
    {
      throw tdl::DataError("The embedding is empty; connect one that has points.");
    }
    tdl::MeasuredEmbedding embedding = ReadEmbedding(input);
    const vtkSmartPointer<vtkFloatArray> features = ReadFeatures(input, table, embedding.Elements);
    embedding.Elements.Features = features->GetPointer(0);
    embedding.Elements.Dimension = features->GetNumberOfComponents();
    const tdl::QualityResult quality =
      tdl::MeasureQuality(embedding, parameters, tdl::MonitorOf(this));

    tdl::ServeAbort(this, false);

    FillOverall(overall, quality, Divergence(input, [](vtkIdType) { return true; }));
    FillIterations(iterations, quality, input);
    elements->ShallowCopy(input);
    vtkPointData* pointData = elements->GetPointData();
    AddValues(pointData, "Recall", quality.Recall);
    AddValues(pointData, "Trustworthiness", quality.Trustworthiness);
    AddValues(pointData, "Continuity", quality.Continuity);
    AddValues(pointData, "PromptNeighborhoodHit", quality.PromptHit);
    AddValues(pointData, "DisplacementError", quality.DisplacementError);
    AddValues(pointData, "AlignmentError", quality.AlignmentError);
  }
  catch (const std::exception& e)
  {
    overall->Initialize();
    iterations->Initialize();
    elements->Initialize();
    vtkErrorMacro(<< e.what());
    return 0;
  }
  return 1;
}
