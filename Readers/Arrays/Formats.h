// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Foundation/Error.h"
#include "Readers/Arrays/ArrayFile.h"

#include <cstdint>

namespace tdl
{
/** What the header of a .npy file tells. */
struct NpyHeader
{
  NumberType Type = NumberType::Float32;
  std::vector<std::uint64_t> Shape;
  MemoryArray::Order Order;
  /** Where the first number begins, in bytes. */
  std::size_t DataOffset = 0;
};

/** The file is sound, but holds texts or objects instead of numbers. */
class NoNumbersError : public FileError
{
public:
  using FileError::FileError;
};

/** @throws FileError naming the file and what is wrong with it. */
[[noreturn]] inline void FailToRead(const std::string& name, const std::string& problem)
{
  throw FileError("The array file " + name + " " + problem);
}

/** The longest header that is read, from the file's first byte on. */
inline constexpr std::size_t MaximumNpyHeader = 12 + 10000;

/**
 * Reads the header of a .npy file of NumPy (format 1.0, 2.0 or 3.0, numpy.lib.format).
 * @param name how errors call it.
 * @param begin its bytes, MaximumNpyHeader of them where it has as many.
 * @param size how many these are.
 * @param fileSize how many the whole file has.
 * @throws NoNumbersError; FileError when it is of another kind, or its size is not the one that it
 * tells.
 */
NpyHeader ParseNpyHeader(
  const std::string& name, const std::byte* begin, std::size_t size, std::uint64_t fileSize);

std::vector<SharedArray> OpenNpy(const std::string& file);
std::vector<SharedArray> OpenNpz(const std::string& file);
std::vector<SharedArray> OpenSafetensors(const std::string& file);
std::vector<SharedArray> OpenHdf(const std::string& file);
}
