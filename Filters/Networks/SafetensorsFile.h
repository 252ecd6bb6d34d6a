// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace tdl
{
class MappedFile;

/**
 * A safetensors file, memory-mapped: named tensors whose bytes are read only when they are used.
 *
 * The header is checked, see ParseSafetensorsHeader, before any tensor is handed out.
 */
class SafetensorsFile
{
public:
  struct Entry
  {
    at::ScalarType Type;
    std::vector<std::int64_t> Shape;
    std::size_t Begin; ///< Byte offset of the first value, from the start of the file.
    std::size_t End;   ///< Byte offset behind the last value.
  };

  /** @throws FileError naming the file and what is wrong with it. */
  explicit SafetensorsFile(const std::string& path);

  const std::string& Path() const { return this->FilePath; }

  /** All tensors by name. */
  const std::map<std::string, Entry>& Entries() const { return this->Tensors; }

  /**
   * The tensor `name` on the CPU, in the file's type. It shares the mapped bytes where they are
   * aligned and stays valid after this object is gone; do not write to it.
   * @throws FileError when the file holds no tensor of that name.
   */
  at::Tensor Get(const std::string& name) const;

private:
  std::string FilePath;
  std::shared_ptr<const MappedFile> Bytes;
  std::map<std::string, Entry> Tensors;
};

/**
 * Writes tensors as a safetensors file; an existing file is replaced only by a complete one.
 * @throws FileError when the file cannot be written or a tensor's type has no place in the format.
 */
void WriteSafetensors(const std::string& path, const std::map<std::string, at::Tensor>& tensors);
}
