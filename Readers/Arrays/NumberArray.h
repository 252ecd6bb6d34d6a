// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Foundation/NumberType.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tdl
{
/** Indices along one dimension of an array. */
struct ArrayRange
{
  std::uint64_t Begin = 0;
  std::uint64_t Count = 0;
};

/** An array in a file, whose numbers are read when they are asked for. */
class NumberArray
{
public:
  NumberArray(std::string file, std::string name, NumberType type, std::vector<std::uint64_t> shape)
    : File(std::move(file))
    , Name(std::move(name))
    , Type(type)
    , Shape(std::move(shape))
  {
  }
  virtual ~NumberArray() = default;
  NumberArray(const NumberArray&) = delete;
  NumberArray& operator=(const NumberArray&) = delete;

  /** Bytes of memory that the first Read takes for itself and keeps: none where the file is mapped.
   */
  virtual std::uint64_t GetMemory() const { return 0; }

  /**
   * Reads a box of the array. Several threads may read at once.
   * @param box one range per dimension, inside the array.
   * @param numbers receives as many numbers of the array's type as the box holds, in the machine's
   * byte order, the last dimension varying fastest.
   * @throws FileError when the file is damaged.
   */
  virtual void Read(const std::vector<ArrayRange>& box, std::byte* numbers) const = 0;

  /** The whole array as floats. @throws FileError as Read. */
  std::vector<float> ReadAll() const;

  /** How errors call the array: its file and, where that holds several, its name. */
  std::string Describe() const;

  const std::string File;
  /** Empty in a file of one array that has no name. */
  const std::string Name;
  const NumberType Type;
  /** None of its products overflows: the bytes of the array fit into 63 bits. */
  const std::vector<std::uint64_t> Shape;
};

/** An array whose bytes lie in memory, such as in a mapped file. */
class MemoryArray : public NumberArray
{
public:
  /** How the numbers lie. */
  struct Order
  {
    bool BigEndian = false;
    /** Whether the first dimension varies fastest (Fortran's order). */
    bool ColumnMajor = false;
  };

  /** @param owner keeps the bytes, which the array's shape and type fit. */
  MemoryArray(std::string file, std::string name, NumberType type, std::vector<std::uint64_t> shape,
    Order order, std::shared_ptr<const void> owner, const std::byte* data);

  void Read(const std::vector<ArrayRange>& box, std::byte* numbers) const override;

private:
  void ReadLevel(const std::vector<ArrayRange>& box, std::size_t dimension, const std::byte* from,
    std::byte*& to) const;

  std::shared_ptr<const void> Owner;
  const std::byte* Data;
  bool Swapped;
  std::vector<std::size_t> Strides; // in bytes
};

/** The bytes of an array of that shape; 2^64 - 1 where they do not fit into 63 bits. */
std::uint64_t ArrayBytes(const std::vector<std::uint64_t>& shape, NumberType type);

/** "2 x 3 x 4". */
std::string ShapeText(const std::vector<std::uint64_t>& shape);

/** Numbers in the machine's byte order, of any alignment, as floats. */
void ToFloats(NumberType type, const std::byte* numbers, std::size_t count, float* values);
}
