// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/Manifest/Table.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Names.h"

#include <csv.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <tuple>

namespace tdl
{
namespace
{
constexpr int MaximumIterations = 1'000'000;

[[noreturn]] void Fail(const std::string& name, std::size_t row, const std::string& problem)
{
  throw FileError(name + ", row " + std::to_string(row + 1) + " " + problem);
}

// nlohmann::json checks UTF-8 when it writes a string, which spares us a decoder of our own.
bool IsUtf8(const std::string& text)
{
  try
  {
    nlohmann::json(text).dump();
    return true;
  }
  catch (const nlohmann::json::type_error&)
  {
    return false;
  }
}

/** The rows of a CSV text, the header's first. */
class RowReader
{
public:
  std::vector<std::vector<std::string>> Rows;

  RowReader(const std::string& text, const std::string& name)
  {
    csv_parser parser{};
    csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI);
    const bool sound =
      csv_parse(&parser, text.data(), text.size(), TakeCell, TakeRow, this) == text.size() &&
      csv_fini(&parser, TakeCell, TakeRow, this) == 0;
    csv_free(&parser);
    if (!sound)
    {
      Fail(name, this->Rows.size(), "is not CSV; put texts that hold quotes or commas in quotes.");
    }
    for (std::size_t row = 1; row < this->Rows.size(); ++row)
    {
      if (this->Rows[row].size() != this->Rows[0].size())
      {
        Fail(name, row,
          "has " + std::to_string(this->Rows[row].size()) + " cells but the header has " +
            std::to_string(this->Rows[0].size()) + "; give it as many.");
      }
    }
    if (this->Rows.size() < 2)
    {
      throw FileError(name + " holds no rows; write a header and one row per element.");
    }
  }

private:
  static void TakeCell(void* bytes, std::size_t count, void* reader)
  {
    auto* self = static_cast<RowReader*>(reader);
    self->Cells.emplace_back(static_cast<const char*>(bytes), count);
  }

  static void TakeRow(int, void* reader)
  {
    auto* self = static_cast<RowReader*>(reader);
    self->Rows.push_back(std::move(self->Cells));
    self->Cells.clear();
  }

  std::vector<std::string> Cells;
};

/** The columns by name, of the rows behind the header. */
class ColumnReader
{
public:
  ColumnReader(const std::vector<std::vector<std::string>>& rows, const std::string& name)
    : Rows(rows)
    , Name(name)
  {
    for (std::size_t i = 0; i < rows[0].size(); ++i)
    {
      if (!this->Columns.emplace(rows[0][i], i).second)
      {
        Fail(name, 0, "names the column '" + rows[0][i] + "' twice; rename one.");
      }
    }
  }

  /** Nothing where the column or the text is missing. */
  std::optional<std::string> Text(const char* column, std::size_t row) const
  {
    const auto found = this->Columns.find(column);
    if (found == this->Columns.end() || this->Rows[row][found->second].empty())
    {
      return {};
    }
    return this->Rows[row][found->second];
  }

  template <typename T>
  std::optional<T> Integer(const char* column, std::size_t row, T minimum, T maximum) const
  {
    const std::optional<std::string> text = this->Text(column, row);
    if (!text)
    {
      return {};
    }
    T number = 0;
    const char* end = text->data() + text->size();
    const auto [rest, error] = std::from_chars(text->data(), end, number);
    if (rest != end || error != std::errc() || number < minimum || number > maximum)
    {
      Fail(this->Name, row,
        std::string("has ") + column + " '" + *text + "', which must be a whole number from " +
          std::to_string(minimum) + " to " + std::to_string(maximum) + "; correct it.");
    }
    return number;
  }

  double Number(const char* column, std::size_t row) const
  {
    const std::optional<std::string> text = this->Text(column, row);
    double number = Unknown;
    if (text && !ParseNumber(*text, number))
    {
      Fail(this->Name, row,
        std::string("has ") + column + " '" + *text + "', which must be a number; correct it.");
    }
    return number;
  }

private:
  const std::vector<std::vector<std::string>>& Rows;
  const std::string& Name;
  std::map<std::string, std::size_t> Columns;
};

/** Builds a manifest from elements as they come. */
class Builder
{
public:
  Builder(ManifestKind kind, const std::string& name, const ColumnReader& columns)
    : Name(name)
    , Columns(columns)
  {
    this->Result.Kind = kind;
  }

  void Add(std::size_t row)
  {
    const int prompt = this->FindPrompt(row);
    const auto seed = this->Columns.Integer<std::int64_t>(
      "seed", row, -1, std::numeric_limits<std::int64_t>::max());
    ManifestInstance& instance = this->FindInstance(row, prompt, seed.value_or(-1));
    int& next = this->NextIteration[instance.Instance];
    const int iteration =
      this->Columns.Integer<int>("iteration", row, 0, MaximumIterations - 1).value_or(next);
    next = iteration + 1;
    // Of features there is one row per element.
    const std::string array = this->Result.Kind == ManifestKind::Run
      ? this->Columns.Text("array", row).value_or(names::Image)
      : names::Image;
    if (array != names::Image && array != names::PredictedImage && array != names::PredictedNoise)
    {
      Fail(this->Name, row,
        "has array '" + array + "', which must be Image, PredictedImage or PredictedNoise.");
    }
    const std::optional<std::string> file = this->Columns.Text("file", row);
    if (!this->Files
           .emplace(std::make_tuple(instance.Instance, iteration, array), file.value_or(""))
           .second)
    {
      Fail(this->Name, row,
        "repeats instance " + std::to_string(instance.Instance) + ", iteration " +
          std::to_string(iteration) + "; remove one of the two.");
    }
    if (array == names::Image)
    {
      this->Result.Rows.push_back({ instance.Instance, iteration });
    }
    this->Timesteps[{ instance.Instance, iteration }] = { this->Columns.Number("timestep", row),
      this->Columns.Number("sigma", row) };
    this->Iterations = std::max(this->Iterations, iteration + 1);
    if (this->Result.Kind == ManifestKind::Run)
    {
      const std::string place = this->Name + ", row " + std::to_string(row + 1) + ", file";
      this->HasFiles = this->HasFiles || file;
      if (this->HasFiles)
      {
        RequireInside(file.value_or(""), place);
        if (!IsUtf8(*file))
        {
          Fail(this->Name, row, "is not UTF-8; save the file in that encoding.");
        }
      }
    }
  }

  Manifest Finish(std::size_t rows)
  {
    const std::size_t grid =
      this->Result.Instances.size() * static_cast<std::size_t>(this->Iterations);
    if (grid > 64 * rows + 100000)
    {
      throw FileError(this->Name + " has " + std::to_string(rows) + " rows for " +
        std::to_string(this->Result.Instances.size()) + " instances of " +
        std::to_string(this->Iterations) +
        " iterations; number the captured iterations from 0 on without gaps.");
    }
    this->AddTimesteps();
    std::sort(this->Result.Instances.begin(), this->Result.Instances.end(),
      [](const ManifestInstance& a, const ManifestInstance& b) { return a.Instance < b.Instance; });
    if (this->HasFiles)
    {
      this->AddFiles();
    }
    return std::move(this->Result);
  }

private:
  int FindPrompt(std::size_t row)
  {
    const std::string text = this->Columns.Text("prompt", row).value_or("Unknown prompt");
    const std::string group = this->Columns.Text("group", row).value_or("");
    if (!IsUtf8(text) || !IsUtf8(group))
    {
      Fail(this->Name, row, "is not UTF-8; save the file in that encoding.");
    }
    const auto [place, isNew] =
      this->Prompts.emplace(text, static_cast<int>(this->Result.Prompts.size()));
    if (isNew)
    {
      this->Result.Prompts.push_back(text);
      this->Result.PromptGroup.push_back(this->Result.AddGroup(group));
    }
    else if (this->Result.PromptGroup[static_cast<std::size_t>(place->second)] !=
      this->Result.AddGroup(group))
    {
      Fail(this->Name, row, "gives the prompt '" + text + "' a second group; correct it.");
    }
    return place->second;
  }

  ManifestInstance& FindInstance(std::size_t row, int prompt, std::int64_t seed)
  {
    const auto number =
      this->Columns.Integer<int>("instance", row, 0, std::numeric_limits<int>::max() - 1);
    const auto count = static_cast<int>(this->Result.Instances.size());
    const int index = number
      ? this->ByNumber.emplace(*number, count).first->second
      : this->BySeed.emplace(std::make_pair(prompt, seed), count).first->second;
    if (index == count)
    {
      ManifestInstance instance;
      instance.Instance = number.value_or(count);
      instance.Prompt = prompt;
      instance.Seed = seed;
      instance.Place = count;
      this->Result.Instances.push_back(instance);
    }
    ManifestInstance& instance = this->Result.Instances[static_cast<std::size_t>(index)];
    if (instance.Prompt != prompt || instance.Seed != seed)
    {
      Fail(this->Name, row,
        "gives instance " + std::to_string(instance.Instance) +
          " a second prompt or seed; correct it.");
    }
    if (!this->ByNumber.empty() && !this->BySeed.empty())
    {
      Fail(this->Name, row, "lacks an instance where others have one; number all or none.");
    }
    return instance;
  }

  void AddFiles()
  {
    std::set<std::string> arrays;
    for (const auto& [element, file] : this->Files)
    {
      arrays.insert(std::get<2>(element));
    }
    auto instance = this->Result.Instances.begin();
    for (const auto& [element, file] : this->Files)
    {
      while (instance->Instance != std::get<0>(element))
      {
        ++instance; // both are in order of their numbers
      }
      for (const std::string& array : arrays)
      {
        instance->Images[array].resize(static_cast<std::size_t>(this->Iterations));
      }
      instance->Images[std::get<2>(element)][static_cast<std::size_t>(std::get<1>(element))] = file;
    }
  }

  /** The run's own where all instances agree, else each instance's. */
  void AddTimesteps()
  {
    const auto iterations = static_cast<std::size_t>(this->Iterations);
    this->Result.Timestep.assign(iterations, Unknown);
    this->Result.Sigma = this->Result.Timestep;
    const auto differ = [](double a, double b) { return a == a && b == b && a != b; };
    bool agree = true;
    for (const auto& [element, values] : this->Timesteps)
    {
      double& timestep = this->Result.Timestep[static_cast<std::size_t>(element.second)];
      double& sigma = this->Result.Sigma[static_cast<std::size_t>(element.second)];
      agree = agree && !differ(timestep, values.first) && !differ(sigma, values.second);
      timestep = timestep == timestep ? timestep : values.first;
      sigma = sigma == sigma ? sigma : values.second;
    }
    for (ManifestInstance& instance : this->Result.Instances)
    {
      if (!agree)
      {
        instance.Timestep.assign(iterations, Unknown);
        instance.Sigma = instance.Timestep;
        for (auto value = this->Timesteps.lower_bound({ instance.Instance, 0 });
             value != this->Timesteps.end() && value->first.first == instance.Instance; ++value)
        {
          const auto k = static_cast<std::size_t>(value->first.second);
          std::tie(instance.Timestep[k], instance.Sigma[k]) = value->second;
        }
      }
    }
  }

  const std::string& Name;
  const ColumnReader& Columns;
  Manifest Result;
  int Iterations = 0;
  bool HasFiles = false;
  std::map<std::string, int> Prompts;
  std::map<int, int> ByNumber;
  std::map<std::pair<int, std::int64_t>, int> BySeed;
  std::map<int, int> NextIteration;
  std::map<std::tuple<int, int, std::string>, std::string> Files; // by instance, iteration, array
  std::map<std::pair<int, int>, std::pair<double, double>> Timesteps;
};
}

bool IsTable(const std::filesystem::path& file)
{
  std::string extension = file.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
    [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension == ".csv";
}

std::string QuoteCell(const std::string& text)
{
  std::string cell(2 * text.size() + 2, '\0');
  cell.resize(csv_write(cell.data(), cell.size(), text.data(), text.size()));
  return cell;
}

std::string FormatNumber(double number)
{
  if (number != number)
  {
    return {};
  }
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  return { digits.data(), end };
}

bool ParseNumber(std::string_view text, double& number)
{
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  return rest == end && error == std::errc();
}

ManifestTable ParseTable(const std::string& text, ManifestKind kind, const std::string& name)
{
  constexpr std::string_view byteOrderMark = "\xEF\xBB\xBF";
  const bool marked = text.compare(0, byteOrderMark.size(), byteOrderMark) == 0;
  const RowReader reader(marked ? text.substr(byteOrderMark.size()) : text, name);
  const ColumnReader columns(reader.Rows, name);
  Builder builder(kind, name, columns);
  for (std::size_t row = 1; row < reader.Rows.size(); ++row)
  {
    builder.Add(row);
  }

  ManifestTable table;
  table.Description = builder.Finish(reader.Rows.size() - 1);
  static const std::set<std::string> own{ "instance", "iteration", "prompt", "group", "seed",
    "timestep", "sigma", "file", "array" };
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < reader.Rows[0].size(); ++i)
  {
    if (own.count(reader.Rows[0][i]) == 0)
    {
      others.push_back(i);
      table.Columns.push_back(reader.Rows[0][i]);
    }
  }
  table.Cells.reserve(others.size() * (reader.Rows.size() - 1));
  for (std::size_t row = 1; row < reader.Rows.size(); ++row)
  {
    for (const std::size_t i : others)
    {
      table.Cells.push_back(reader.Rows[row][i]);
    }
  }
  return table;
}
}
