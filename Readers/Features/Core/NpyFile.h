// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace tdl
{
/** Where the numbers of a two-dimensional .npy file lie and how to read them. */
struct NpyHeader
{
  std::size_t Rows = 0;
  std::size_t Columns = 0;
  /** Bytes of one IEEE number: 2, 4 or 8. */
  std::size_t ItemSize = 0;
  bool BigEndian = false;
  /** Whether a column, not a row, lies together (Fortran's order). */
  bool ColumnMajor = false;
  /** Where the first number begins, in bytes. */
  std::uint64_t DataOffset = 0;
};

/**
 * Reads the header of a .npy file of NumPy (format 1.0, 2.0 or 3.0, numpy.lib.format): a matrix of
 * float16, float32 or float64.
 * @throws FileError when the file is missing, is of another kind, or when its size is not the one
 * that its header tells.
 */
NpyHeader ReadNpyHeader(const std::filesystem::path& file);

/** For ReadNpyRows: this row is not wanted. */
inline constexpr std::size_t SkipRow = static_cast<std::size_t>(-1);

/**
 * Reads rows of a .npy file as float32, in memory of one row or column beyond the result.
 * @param header what ReadNpyHeader returned for the file.
 * @param target for each of the header's rows its row in `values`, or SkipRow.
 * @param values a C-ordered matrix of the header's number of columns.
 * @throws FileError when the file cannot be read to its end.
 */
void ReadNpyRows(const std::filesystem::path& file, const NpyHeader& header,
  const std::vector<std::size_t>& target, float* values);
}
