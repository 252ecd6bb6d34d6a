// SPDX-License-Identifier: BSD-3-Clause
#include "vtkEmbeddingWriter.h"

#include "Filters/Foundation/AtomicFile.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Names.h"
#include "Readers/Arrays/NpzWriter.h"
#include "Readers/Manifest/Table.h"

#include "vtkDataArray.h"
#include "vtkDoubleArray.h"
#include "vtkErrorCode.h"
#include "vtkFieldData.h"
#include "vtkInformation.h"
#include "vtkObjectFactory.h"
#include "vtkPointData.h"
#include "vtkPolyData.h"
#include "vtkStringArray.h"

#include <filesystem>
#include <ostream>
#include <set>
#include <vector>

namespace
{
std::vector<std::string> Texts(vtkPolyData* data, const char* name)
{
  std::vector<std::string> texts;
  if (auto* array = vtkStringArray::SafeDownCast(data->GetFieldData()->GetAbstractArray(name)))
  {
    for (vtkIdType i = 0; i < array->GetNumberOfValues(); ++i)
    {
      texts.push_back(array->GetValue(i));
    }
  }
  return texts;
}

/** An array's type, and its numbers as such. */
void AddArray(tdl::NpzWriter& writer, vtkDataArray* array)
{
  using tdl::NumberType;
  std::vector<std::uint64_t> shape{ static_cast<std::uint64_t>(array->GetNumberOfTuples()) };
  if (array->GetNumberOfComponents() > 1)
  {
    shape.push_back(static_cast<std::uint64_t>(array->GetNumberOfComponents()));
  }
  NumberType type = NumberType::Float64;
  const int size = array->GetDataTypeSize();
  const int kind = array->GetDataType();
  const bool isSigned = array->GetDataTypeMin() < 0;
  if (kind == VTK_FLOAT)
  {
    type = NumberType::Float32;
  }
  else if (kind != VTK_DOUBLE && size == 1)
  {
    type = isSigned ? NumberType::Int8 : NumberType::UInt8;
  }
  else if (kind != VTK_DOUBLE && size == 2)
  {
    type = isSigned ? NumberType::Int16 : NumberType::UInt16;
  }
  else if (kind != VTK_DOUBLE && size == 4)
  {
    type = isSigned ? NumberType::Int32 : NumberType::UInt32;
  }
  else if (kind != VTK_DOUBLE && size == 8)
  {
    type = isSigned ? NumberType::Int64 : NumberType::UInt64;
  }
  else if (kind != VTK_DOUBLE)
  {
    return; // bits, which no stage makes
  }
  writer.AddNumbers(array->GetName(), type, shape, array->GetVoidPointer(0));
}

void WriteNpz(const std::string& file, vtkPolyData* data)
{
  tdl::NpzWriter writer;
  std::vector<double> points;
  for (vtkIdType i = 0; i < data->GetNumberOfPoints(); ++i)
  {
    const double* point = data->GetPoint(i);
    points.insert(points.end(), point, point + 2);
  }
  writer.AddNumbers("points", tdl::NumberType::Float64, { points.size() / 2, 2 }, points.data());
  for (int i = 0; i < data->GetPointData()->GetNumberOfArrays(); ++i)
  {
    vtkDataArray* array = data->GetPointData()->GetArray(i);
    if (array && array->GetName())
    {
      AddArray(writer, array);
    }
  }
  for (const char* name : { tdl::names::Prompts, tdl::names::Groups, tdl::names::Provenance })
  {
    writer.AddTexts(name, Texts(data, name));
  }
  if (vtkDataArray* groups = data->GetFieldData()->GetArray(tdl::names::PromptGroup))
  {
    AddArray(writer, groups);
  }
  writer.Write(file);
}

/** A column of the table: its name there and where its cells come from. */
struct Column
{
  std::string Name;
  vtkDataArray* Array;
  const std::vector<std::string>* Texts; // by the array's numbers; null: the numbers themselves
};

std::string Cell(const Column& column, vtkIdType row)
{
  const vtkVariant value = column.Array->GetVariantValue(row);
  if (!column.Texts)
  {
    return value.IsFloat() || value.IsDouble() ? tdl::FormatNumber(value.ToDouble())
                                               : std::string(value.ToString());
  }
  const auto index = static_cast<std::size_t>(value.ToInt());
  return index < column.Texts->size() ? tdl::QuoteCell((*column.Texts)[index]) : "";
}

void WriteCsv(const std::string& file, vtkPolyData* data)
{
  using namespace tdl;
  vtkPointData* arrays = data->GetPointData();
  const std::vector<std::string> prompts = Texts(data, names::Prompts);
  const std::vector<std::string> groups = Texts(data, names::Groups);
  std::vector<Column> columns;
  std::set<std::string> taken;
  const auto add = [&](const char* title, const char* name, const std::vector<std::string>* texts)
  {
    vtkDataArray* array = arrays->GetArray(name);
    if (array && array->GetNumberOfComponents() == 1)
    {
      columns.push_back({ title, array, texts });
      taken.insert(name);
    }
  };
  add("instance", names::Instance, nullptr);
  add("iteration", names::Iteration, nullptr);
  add("prompt", names::PromptId, &prompts);
  add("group", names::GroupId, &groups);
  add("seed", names::Seed, nullptr);
  add("timestep", names::Timestep, nullptr);
  add("sigma", names::Sigma, nullptr);
  vtkNew<vtkDoubleArray> coordinates[2];
  for (int c = 0; c < 2; ++c)
  {
    coordinates[c]->SetNumberOfValues(data->GetNumberOfPoints());
    for (vtkIdType i = 0; i < data->GetNumberOfPoints(); ++i)
    {
      coordinates[c]->SetValue(i, data->GetPoint(i)[c]);
    }
    columns.push_back({ c == 0 ? "x" : "y", coordinates[c], nullptr });
  }
  for (int i = 0; i < arrays->GetNumberOfArrays(); ++i)
  {
    const char* name = arrays->GetArrayName(i);
    if (name && taken.count(name) == 0)
    {
      add(name, name, nullptr);
    }
  }
  WriteFileAtomically(file,
    [&](std::ostream& stream)
    {
      for (std::size_t c = 0; c < columns.size(); ++c)
      {
        stream << (c == 0 ? "" : ",") << QuoteCell(columns[c].Name);
      }
      stream << "\r\n";
      for (vtkIdType row = 0; row < data->GetNumberOfPoints(); ++row)
      {
        for (std::size_t c = 0; c < columns.size(); ++c)
        {
          stream << (c == 0 ? "" : ",") << Cell(columns[c], row);
        }
        stream << "\r\n";
      }
    });
}
}

vtkStandardNewMacro(vtkEmbeddingWriter);

vtkEmbeddingWriter::vtkEmbeddingWriter() = default;

vtkEmbeddingWriter::~vtkEmbeddingWriter()
{
  this->SetFileName(nullptr);
}

void vtkEmbeddingWriter::PrintSelf(ostream& os, vtkIndent indent)
{
  this->Superclass::PrintSelf(os, indent);
  os << indent << "FileName: " << (this->FileName ? this->FileName : "(none)") << "\n";
}

int vtkEmbeddingWriter::FillInputPortInformation(int, vtkInformation* info)
{
  info->Set(vtkAlgorithm::INPUT_REQUIRED_DATA_TYPE(), "vtkPolyData");
  return 1;
}

void vtkEmbeddingWriter::WriteData()
{
  if (!this->FileName || !*this->FileName)
  {
    vtkErrorMacro("Choose the file to write as File Name.");
    this->SetErrorCode(vtkErrorCode::NoFileNameError);
    return;
  }
  try
  {
    auto* data = vtkPolyData::SafeDownCast(this->GetInput());
    for (const char* name : { tdl::names::Instance, tdl::names::Iteration })
    {
      if (!data->GetPointData()->GetArray(name))
      {
        throw tdl::DataError(std::string("The points lack the array ") + name +
          "; write the output of an Evolutionary Embedding.");
      }
    }
    if (tdl::IsTable(this->FileName))
    {
      WriteCsv(this->FileName, data);
    }
    else if (std::filesystem::path(this->FileName).extension() == ".npz")
    {
      WriteNpz(this->FileName, data);
    }
    else
    {
      throw tdl::FileError("The name " + std::string(this->FileName) +
        " does not tell how to write the embedding; end it in .npz or .csv.");
    }
  }
  catch (const std::exception& e)
  {
    vtkErrorMacro(<< e.what());
    this->SetErrorCode(vtkErrorCode::CannotOpenFileError);
  }
}
