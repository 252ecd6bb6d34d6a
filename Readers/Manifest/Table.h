// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Readers/Manifest/Manifest.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tdl
{
/** A CSV file: one row per element, with what it says of the element and other columns. */
struct ManifestTable
{
  /** With Rows: the elements of the table's rows. */
  Manifest Description;
  /** The columns that do not belong to the manifest. */
  std::vector<std::string> Columns;
  /** The texts of these, row by row. */
  std::vector<std::string> Cells;
};

/** Whether a file's name ends in .csv. */
bool IsTable(const std::filesystem::path& file);

/**
 * The manifest in a CSV text (RFC 4180): a header, then a row per element. The columns `instance`,
 * `iteration` (whole numbers), `prompt`, `group` (texts), `seed` (a whole number), `timestep` and
 * `sigma` (numbers), in any order, each of which may be missing; of a run `file` and `array` as
 * well. Without `instance` the rows of one prompt and seed are an instance, without `iteration`
 * they are its iterations in their order.
 * @param name how errors call the text, usually its file name.
 * @throws FileError naming the row when the text is not such a table or contradicts itself.
 */
ManifestTable ParseTable(const std::string& text, ManifestKind kind, const std::string& name);

/** A text as a cell of a table. */
std::string QuoteCell(const std::string& text);

/** A number as a cell of a table, with as many digits as it needs; empty for NaN. */
std::string FormatNumber(double number);

/** The number in a text; false where it is something else. */
bool ParseNumber(std::string_view text, double& number);
}
