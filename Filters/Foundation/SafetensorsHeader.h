// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Foundation/NumberType.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tdl
{
/** One tensor of a safetensors file. */
struct SafetensorsEntry
{
  NumberType Type = NumberType::Float32;
  std::vector<std::int64_t> Shape;
  /** Byte offset of the first number, from the start of the file. */
  std::size_t Begin = 0;
  /** Byte offset behind the last number. */
  std::size_t End = 0;
};

/** The format's name of a type. */
const char* SafetensorsName(NumberType type);

/**
 * Reads the header of a safetensors file and checks it as the format demands: length, JSON, offsets
 * without holes or overlap that cover the file exactly, sizes that match shapes.
 * Format: https://github.com/huggingface/safetensors, "Format" section of its README.
 * @param path how errors call the file.
 * @param data the bytes of the whole file.
 * @return all tensors by name.
 * @throws FileError naming the file and what is wrong with it.
 */
std::map<std::string, SafetensorsEntry> ParseSafetensorsHeader(
  const std::string& path, const unsigned char* data, std::size_t size);
}
