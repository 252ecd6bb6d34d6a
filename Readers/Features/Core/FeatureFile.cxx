// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/Features/Core/FeatureFile.h"

#include "Filters/Foundation/Error.h"
#include "Readers/Manifest/Table.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>

namespace tdl
{
namespace
{
namespace fs = std::filesystem;

std::string ReadText(const fs::path& file)
{
  std::ifstream stream(file, std::ios::binary);
  std::error_code ignored;
  if (!stream || !fs::is_regular_file(file, ignored))
  {
    throw FileError("The feature file " + file.string() +
      " is missing or cannot be read; put it there or correct its name.");
  }
  return { std::istreambuf_iterator<char>(stream), {} };
}
}

FeatureFile::FeatureFile(const FeatureSource& source)
{
  if (source.File.extension() == ".parquet")
  {
    throw FileError("The feature file " + source.File.string() +
      " is Parquet, which is not read; save it with pandas.read_parquet(...).to_csv(...), or its "
      "matrix with numpy.save.");
  }
  if (IsTable(source.File))
  {
    this->OpenTable(source.File);
    return;
  }
  if (IsArrayFile(source.File))
  {
    const fs::path manifest = source.ManifestFile.empty()
      ? FindManifest(source.File, ManifestKind::Features)
      : source.ManifestFile;
    if (!manifest.empty())
    {
      this->About = ReadManifest(manifest, ManifestKind::Features);
    }
    this->OpenArray({ source.File.string(), source.ArrayName, "" });
    return;
  }
  this->About = ReadManifest(source.File, ManifestKind::Features);
  const ManifestArray& where = this->About.Features;
  if (where.File.empty())
  {
    throw FileError(source.File.string() + " lacks \"features\"; add it.");
  }
  const fs::path file = source.File.parent_path() / where.File;
  if (IsTable(file))
  {
    const Manifest manifest = std::move(this->About);
    this->OpenTable(file);
    if (manifest.Rows.size() != this->About.Rows.size())
    {
      throw FileError("The feature file " + file.string() + " has " +
        std::to_string(this->About.Rows.size()) + " rows but its manifest describes " +
        std::to_string(manifest.Rows.size()) + "; list the elements of all rows as \"rows\".");
    }
    this->About = manifest;
    return;
  }
  this->OpenArray({ file.string(), where.Name, "" });
}

void FeatureFile::OpenTable(const fs::path& file)
{
  const ManifestTable table = ParseTable(ReadText(file), ManifestKind::Features, file.string());
  this->About = table.Description;
  this->Dimension = static_cast<int>(table.Columns.size());
  if (table.Columns.empty())
  {
    throw FileError("The feature file " + file.string() +
      " has no columns of features; add one for each component.");
  }
  this->Table.reserve(table.Cells.size());
  for (const std::string& cell : table.Cells)
  {
    double number = 0.0;
    if (!ParseNumber(cell, number))
    {
      const std::size_t index = this->Table.size();
      throw FileError("The feature file " + file.string() + " has '" + cell + "' in column '" +
        table.Columns[index % table.Columns.size()] + "', row " +
        std::to_string(index / table.Columns.size() + 2) +
        ", which is no number; correct it or remove the column.");
    }
    this->Table.push_back(static_cast<float>(number));
  }
  this->HowRead = std::to_string(this->Dimension) + " columns of a table";
}

void FeatureFile::OpenArray(const ManifestArray& where)
{
  this->Array = FindArray(
    OpenArrays(where.File), where.Name, { "features", "Features", "embeddings", "arr_0" });
  const std::vector<std::uint64_t>& shape = this->Array->Shape;
  const bool isDescribed = !this->About.Instances.empty();
  if (shape.size() != 2 && shape.size() != 3)
  {
    throw FileError("The features in " + where.File + " have " + std::to_string(shape.size()) +
      " dimensions; save features.reshape(-1, components), one row per element.");
  }
  const std::uint64_t components = shape.back();
  const std::uint64_t rows = shape.size() == 2 ? shape[0] : shape[0] * shape[1];
  const std::string text = ShapeText(shape);
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<int>::max());
  if (rows == 0 || components == 0 || components > most || shape[0] > most || shape[1] > most)
  {
    throw FileError("The features in " + where.File + " have the shape " + text +
      "; save one row of features per element.");
  }
  if (!isDescribed)
  {
    if (shape.size() == 2)
    {
      throw FileError("The features in " + where.File +
        " have no manifest that tells what the rows are; set the Manifest File, or save them as "
        "instances x iterations x components.");
    }
    this->LooksLikeImages =
      tdl::LooksLikeImages(*this->Array) || !FindManifest(where.File, ManifestKind::Run).empty();
    this->About = MakeManifest(ManifestKind::Features, static_cast<int>(shape[0]),
      static_cast<int>(shape[1]), "Unknown prompt");
  }
  const std::uint64_t instances = this->About.Instances.size();
  const std::uint64_t iterations = this->About.Timestep.size();
  this->IterationsFirst =
    shape.size() == 3 && shape[0] == iterations && shape[1] == instances && instances != iterations;
  if (rows != this->About.Rows.size() ||
    (shape.size() == 3 && !this->IterationsFirst &&
      (shape[0] != instances || shape[1] != iterations)))
  {
    throw FileError("The feature file " + where.File + " has " + std::to_string(rows) + " rows (" +
      text + ") but its manifest describes " + std::to_string(this->About.Rows.size()) +
      "; list the elements of all rows as \"rows\".");
  }
  this->Dimension = static_cast<int>(components);
  this->HowRead = text +
    (shape.size() == 2    ? " numbers, a row per element"
        : IterationsFirst ? " numbers, iterations x instances x components"
                          : " numbers, instances x iterations x components");
}

std::uint64_t FeatureFile::Memory(std::size_t rows) const
{
  return sizeof(float) * rows * static_cast<std::uint64_t>(this->Dimension) +
    (this->Array ? this->Array->GetMemory() : 0);
}

void FeatureFile::Read(const std::vector<std::size_t>& rows, float* values) const
{
  const auto components = static_cast<std::size_t>(this->Dimension);
  if (!this->Array)
  {
    for (const std::size_t row : rows)
    {
      values = std::copy_n(
        this->Table.begin() + static_cast<std::ptrdiff_t>(row * components), components, values);
    }
    return;
  }
  std::map<int, std::uint64_t> places;
  for (const ManifestInstance& instance : this->About.Instances)
  {
    places[instance.Instance] = static_cast<std::uint64_t>(instance.Place);
  }
  std::vector<std::byte> numbers(components * ByteSize(this->Array->Type));
  for (const std::size_t row : rows)
  {
    std::vector<ArrayRange> box{ { row, 1 } };
    if (this->Array->Shape.size() == 3)
    {
      const ManifestElement& element = this->About.Rows[row];
      const ArrayRange instance{ places.at(element.Instance), 1 };
      const ArrayRange iteration{ static_cast<std::uint64_t>(element.Iteration), 1 };
      box = this->IterationsFirst ? std::vector<ArrayRange>{ iteration, instance }
                                  : std::vector<ArrayRange>{ instance, iteration };
    }
    box.push_back({ 0, components });
    this->Array->Read(box, numbers.data());
    ToFloats(this->Array->Type, numbers.data(), components, values);
    values += components;
  }
}
}
