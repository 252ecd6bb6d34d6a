// SPDX-License-Identifier: BSD-3-Clause
#include "vtkDivergence.h"

#include "Filters/Divergence/Columns.h"
#include "Filters/Divergence/Core/Branches.h"
#include "Filters/Divergence/Core/Divergence.h"
#include "Filters/Divergence/FeatureTable.h"
#include "Filters/EvolutionaryEmbedding/GatherRows.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/FilterMonitor.h"
#include "Filters/Foundation/Names.h"
#include "Filters/Foundation/Provenance.h"

#include "vtkCellArray.h"
#include "vtkCellData.h"
#include "vtkDoubleArray.h"
#include "vtkFieldData.h"
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

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace
{
/** What is compared, and what it is called. */
struct Labels
{
  /** "prompt" or "group". */
  std::string Kind;
  /** [L] Ids, as in the table; unique names. */
  std::vector<int> Id;
  std::vector<std::string> Name;
  /** [L] Id of the only prompt, or -1. */
  std::vector<int> Prompt;
  /** [L] Id of the only group, or -1. */
  std::vector<int> Group;

  std::string PairName(int first, int second) const
  {
    return this->Name[first] + " - " + this->Name[second];
  }

  std::string Join(const std::vector<int>& ranks) const
  {
    std::string all;
    for (int rank : ranks)
    {
      all += (all.empty() ? "" : ", ") + this->Name[rank];
    }
    return all;
  }
};

/** For each label the id that all its rows have in a column, or -1. */
std::vector<int> OnlyIds(
  vtkTable* table, const char* name, const std::vector<int>& labelOfRow, std::size_t labels)
{
  std::vector<std::set<int>> found(labels);
  if (auto* column = vtkDataArray::SafeDownCast(table->GetColumnByName(name)))
  {
    const auto ids = tdl::Read<int>(column);
    for (std::size_t row = 0; row < ids.size(); ++row)
    {
      found[labelOfRow[row]].insert(ids[row]);
    }
  }
  std::vector<int> only;
  only.reserve(labels);
  for (const std::set<int>& ids : found)
  {
    only.push_back(ids.size() == 1 ? *ids.begin() : -1);
  }
  return only;
}

Labels NameLabels(
  vtkTable* table, const std::vector<int>& labelOfRow, const std::vector<int>& ids, bool groups)
{
  Labels labels;
  labels.Kind = groups ? "group" : "prompt";
  labels.Id = ids;
  labels.Name = tdl::NameIds(
    table->GetFieldData(), groups ? tdl::names::Groups : tdl::names::Prompts, labels.Kind, ids);
  labels.Prompt = OnlyIds(table, tdl::names::PromptId, labelOfRow, ids.size());
  labels.Group = OnlyIds(table, tdl::names::GroupId, labelOfRow, ids.size());
  return labels;
}

void FillSeparations(vtkTable* table, const tdl::DivergenceResult& result, const Labels& labels)
{
  tdl::Columns columns(table->GetRowData());
  for (const tdl::Separation& separation : result.Separations)
  {
    columns.Add("Pair", labels.PairName(separation.First, separation.Second));
    columns.Add("First", labels.Name[separation.First]);
    columns.Add("Second", labels.Name[separation.Second]);
    columns.Add("FirstId", labels.Id[separation.First]);
    columns.Add("SecondId", labels.Id[separation.Second]);
    columns.Add(tdl::names::Iteration, separation.Iteration);
    columns.Add("Low", separation.Low);
    columns.Add("High", separation.High);
    columns.Add("Separated", separation.Iteration < result.Never ? 1 : 0);
    columns.Add("MeanSeparability", separation.MeanSeparability);
  }
}

/** The iterations that were reached. */
void FillSeparability(vtkTable* table, const tdl::DivergenceResult& result, const Labels& labels)
{
  const auto rows = static_cast<int>(result.Iterations.size());
  const auto count = static_cast<int>(labels.Id.size());
  if (result.FirstReached == rows)
  {
    return;
  }
  vtkNew<vtkIntArray> iterations;
  iterations->SetName(tdl::names::Iteration);
  for (int row = result.FirstReached; row < rows; ++row)
  {
    iterations->InsertNextValue(result.Iterations[row]);
  }
  table->AddColumn(iterations);
  for (int first = 0; first < count; ++first)
  {
    for (int second = first + 1; second < count; ++second)
    {
      vtkNew<vtkDoubleArray> values;
      values->SetName(labels.PairName(first, second).c_str());
      for (int row = result.FirstReached; row < rows; ++row)
      {
        values->InsertNextValue(result.Separability(row, tdl::PairIndex(first, second, count)));
      }
      table->AddColumn(values);
    }
  }
}

void FillDecisions(
  vtkTable* table, const tdl::DivergenceResult& result, const Labels& labels, bool groups)
{
  tdl::Columns columns(table->GetRowData());
  for (const tdl::Decision& decision : result.Decisions)
  {
    const bool open = decision.Neighborhood < 0;
    columns.Add(tdl::names::Instance, decision.Instance);
    columns.Add(groups ? tdl::names::GroupId : tdl::names::PromptId, labels.Id[decision.Label]);
    columns.Add(groups ? "Group" : "Prompt", labels.Name[decision.Label]);
    columns.Add("NeighborhoodId", open ? -1 : labels.Id[decision.Neighborhood]);
    columns.Add("Neighborhood", open ? std::string() : labels.Name[decision.Neighborhood]);
    columns.Add(tdl::names::Iteration, decision.Iteration);
    columns.Add("IsOwn", decision.Neighborhood == decision.Label ? 1 : 0);
  }
}

int CountInstances(const tdl::MergeNode& node, const tdl::DivergenceResult& result)
{
  int count = 0;
  for (int label : node.Members)
  {
    count += result.Instances[label];
  }
  return count;
}

void FillTree(vtkTable* table, const tdl::DivergenceResult& result, const Labels& labels)
{
  tdl::Columns columns(table->GetRowData());
  for (std::size_t n = 0; n < result.Tree.size(); ++n)
  {
    const tdl::MergeNode& node = result.Tree[n];
    columns.Add("Node", static_cast<int>(n));
    columns.Add("Left", node.Left);
    columns.Add("Right", node.Right);
    columns.Add("Parent", node.Parent);
    columns.Add(tdl::names::Iteration, node.Height);
    columns.Add("Low", node.Low);
    columns.Add("High", node.High);
    columns.Add("Support", node.Support);
    columns.Add("Size", static_cast<int>(node.Members.size()));
    columns.Add("Instances", CountInstances(node, result));
    columns.Add("Members", labels.Join(node.Members));
  }
}

/** The embedding's points, with the labels of their instances. */
tdl::LabeledEmbedding ReadEmbedding(vtkPolyData* input, const std::map<int, int>& labelOfInstance)
{
  using namespace tdl;
  constexpr char remedy[] = "connect an Evolutionary Embedding.";
  LabeledEmbedding embedding;
  const auto instances = Read<int>(FindArray(input->GetPointData(), names::Instance, remedy));
  embedding.Iteration = Read<int>(FindArray(input->GetPointData(), names::Iteration, remedy));
  embedding.RingDisplacement =
    Read<double>(FindArray(input->GetFieldData(), names::RingDisplacement, remedy));
  auto* layout =
    vtkStringArray::SafeDownCast(input->GetFieldData()->GetAbstractArray(names::Layout));
  if (!layout || layout->GetNumberOfValues() == 0)
  {
    throw DataError(std::string("There is no field data '") + names::Layout + "'; " + remedy);
  }
  embedding.Layout = layout->GetValue(0) == "rectilinear" ? Layout::Rectilinear : Layout::Radial;
  embedding.Position.resize(input->GetNumberOfPoints(), 2);
  bool known = false;
  for (vtkIdType i = 0; i < input->GetNumberOfPoints(); ++i)
  {
    double point[3];
    input->GetPoint(i, point);
    embedding.Position.row(i) << point[0], point[1];
    if (!embedding.Position.row(i).allFinite())
    {
      throw DataError("Point " + std::to_string(i) + " of the embedding is not finite.");
    }
    const int iteration = embedding.Iteration[i];
    if (iteration < 0 || iteration >= static_cast<int>(embedding.RingDisplacement.size()))
    {
      throw DataError("Point " + std::to_string(i) + " of the embedding is of iteration " +
        std::to_string(iteration) + ", which has no ring; " + remedy);
    }
    const auto found = labelOfInstance.find(instances[i]);
    embedding.Label.push_back(found == labelOfInstance.end() ? -1 : found->second);
    known = known || found != labelOfInstance.end();
  }
  if (!known)
  {
    throw DataError("The embedding has no instance of the feature table; connect the embedding "
                    "that was made of it.");
  }
  return embedding;
}

void FillBranches(vtkPolyData* output, vtkPolyData* input, const tdl::DivergenceResult& result,
  const Labels& labels)
{
  std::map<int, int> labelOfInstance;
  for (const tdl::Decision& decision : result.Decisions)
  {
    labelOfInstance[decision.Instance] = decision.Label;
  }
  const auto branches = tdl::TraceBranches(result.Tree, ReadEmbedding(input, labelOfInstance));

  constexpr double inFront = 0.25; // of the spacing of the rings, which is one
  vtkNew<vtkPoints> points;
  vtkNew<vtkCellArray> lines;
  tdl::Columns ofPoints(output->GetPointData());
  tdl::Columns ofCells(output->GetCellData());
  for (const tdl::BranchLine& branch : branches)
  {
    const tdl::MergeNode& node = result.Tree[branch.Node];
    const int leaf = node.Members.size() == 1 ? node.Members.front() : -1;
    const auto addIds = [&](tdl::Columns& columns)
    {
      columns.Add("Node", branch.Node);
      columns.Add(tdl::names::PromptId, leaf < 0 ? -1 : labels.Prompt[leaf]);
      columns.Add(tdl::names::GroupId, leaf < 0 ? -1 : labels.Group[leaf]);
      columns.Add("Size", static_cast<int>(node.Members.size()));
      columns.Add("Instances", CountInstances(node, result));
    };
    lines->InsertNextCell(static_cast<int>(branch.Iteration.size()));
    addIds(ofCells);
    ofCells.Add("Support", node.Support);
    for (std::size_t i = 0; i < branch.Iteration.size(); ++i)
    {
      const auto row = static_cast<Eigen::Index>(i);
      lines->InsertCellPoint(
        points->InsertNextPoint(branch.Position(row, 0), branch.Position(row, 1), inFront));
      addIds(ofPoints);
      ofPoints.Add(tdl::names::Iteration, branch.Iteration[i]);
    }
  }
  output->SetPoints(points);
  output->SetLines(lines);
  output->GetPointData()->SetActiveScalars(tdl::names::PromptId);

  vtkNew<vtkStringArray> members;
  members->SetName("Members");
  for (const tdl::MergeNode& node : result.Tree)
  {
    members->InsertNextValue(labels.Join(node.Members));
  }
  output->GetFieldData()->AddArray(members);
}

/** What travels on: all but the thumbnails, whose rows are not here; and how it was measured. */
void FillFields(vtkFieldData* output, vtkFieldData* input, bool groups,
  const tdl::DivergenceParameters& parameters)
{
  output->PassData(input);
  output->RemoveArray(tdl::names::Thumbnails);
  output->RemoveArray(tdl::names::ThumbnailSize);
  const nlohmann::json part = {
    { "compare", groups ? "groups" : "prompts" },
    { "neighbors", parameters.Neighbors },
    { "threshold", parameters.Threshold },
    { "resamples", parameters.Resamples },
    { "confidence", parameters.Confidence },
    { "seed", parameters.Seed },
  };
  tdl::ExtendProvenance(output, "features", "divergence", part);
}
}

vtkStandardNewMacro(vtkDivergence);

vtkDivergence::vtkDivergence()
{
  this->SetNumberOfInputPorts(2);
  this->SetNumberOfOutputPorts(5);
  const tdl::DivergenceParameters defaults;
  this->Neighbors = defaults.Neighbors;
  this->Threshold = defaults.Threshold;
  this->Resamples = defaults.Resamples;
  this->Confidence = defaults.Confidence;
  this->Seed = static_cast<int>(defaults.Seed);
  this->Threads = defaults.Threads;
}

void vtkDivergence::PrintSelf(ostream& os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "Compare: " << this->Compare << "\n";
  os << indent << "Neighbors: " << this->Neighbors << "\n";
  os << indent << "Threshold: " << this->Threshold << "\n";
  os << indent << "Resamples: " << this->Resamples << "\n";
  os << indent << "Confidence: " << this->Confidence << "\n";
  os << indent << "Seed: " << this->Seed << "\n";
  os << indent << "Threads: " << this->Threads << "\n";
}

int vtkDivergence::FillInputPortInformation(int port, vtkInformation* info)
{
  info->Set(vtkAlgorithm::INPUT_REQUIRED_DATA_TYPE(), port == 0 ? "vtkTable" : "vtkPolyData");
  if (port == 1)
  {
    info->Set(vtkAlgorithm::INPUT_IS_OPTIONAL(), 1);
  }
  return 1;
}

int vtkDivergence::FillOutputPortInformation(int port, vtkInformation* info)
{
  info->Set(vtkDataObject::DATA_TYPE_NAME(), port == 4 ? "vtkPolyData" : "vtkTable");
  return 1;
}

int vtkDivergence::RequestData(
  vtkInformation*, vtkInformationVector** inputs, vtkInformationVector* outputs)
{
  using namespace tdl;
  const vtkSmartPointer<vtkTable> input = GatherRows(vtkTable::GetData(inputs[0]));
  if (!input)
  {
    return 1; // the first process measures the elements of all
  }
  auto* embedding = vtkPolyData::GetData(inputs[1]);
  auto* branches = vtkPolyData::GetData(outputs, 4);
  const bool groups = this->Compare == GROUPS;
  DivergenceParameters parameters;
  parameters.Neighbors = this->Neighbors;
  parameters.Threshold = this->Threshold;
  parameters.Resamples = this->Resamples;
  parameters.Confidence = this->Confidence;
  parameters.Seed = static_cast<std::uint64_t>(this->Seed);
  parameters.Threads = this->Threads;
  try
  {
    const TableElements table(input);
    vtkFieldData* rows = input->GetRowData();
    LabeledElements elements;
    elements.Kind = groups ? "group" : "prompt";
    elements.Elements = table.Elements;
    elements.Label = Read<int>(FindArray(rows, groups ? names::GroupId : names::PromptId,
      groups ? "compare prompts instead." : "compare groups instead."));
    elements.Prompt = elements.Label;
    if (vtkDataArray* seeds = rows->GetArray(names::Seed))
    {
      elements.Seed = ReadSeeds(seeds);
    }
    if (vtkDataArray* prompts = rows->GetArray(names::PromptId))
    {
      elements.Prompt = Read<int>(prompts);
    }

    const DivergenceResult result = MeasureDivergence(elements, parameters, tdl::MonitorOf(this));
    tdl::ServeAbort(this, false);

    std::map<int, int> rankOf;
    for (std::size_t rank = 0; rank < result.Labels.size(); ++rank)
    {
      rankOf[result.Labels[rank]] = static_cast<int>(rank);
    }
    std::vector<int> labelOfRow;
    for (int label : elements.Label)
    {
      labelOfRow.push_back(rankOf[label]);
    }
    const Labels labels = NameLabels(input, labelOfRow, result.Labels, groups);
    FillSeparations(vtkTable::GetData(outputs, 0), result, labels);
    FillSeparability(vtkTable::GetData(outputs, 1), result, labels);
    FillDecisions(vtkTable::GetData(outputs, 2), result, labels, groups);
    FillTree(vtkTable::GetData(outputs, 3), result, labels);
    for (int port = 0; port < 4; ++port)
    {
      FillFields(vtkTable::GetData(outputs, port)->GetFieldData(), input->GetFieldData(), groups,
        parameters);
    }
    if (embedding && embedding->GetNumberOfPoints() > 0 && !result.Stopped)
    {
      FillFields(branches->GetFieldData(), embedding->GetFieldData(), groups, parameters);
      FillBranches(branches, embedding, result, labels);
    }
  }
  catch (const std::exception& e)
  {
    for (int port = 0; port < 5; ++port)
    {
      vtkDataObject::GetData(outputs, port)->Initialize();
    }
    vtkErrorMacro(<< e.what());
    return 0;
  }
  return 1;
}
