// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/Arrays/NumberArray.h"

#include <Eigen/Core>

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>

namespace tdl
{
namespace
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
constexpr bool BigEndianMachine = true;
#else
constexpr bool BigEndianMachine = false;
#endif

template <typename Number, typename Convert>
void ConvertAll(const std::byte* numbers, std::size_t count, float* values, Convert convert)
{
  for (std::size_t i = 0; i < count; ++i)
  {
    Number number;
    std::memcpy(&number, numbers + i * sizeof(Number), sizeof(Number));
    values[i] = convert(number);
  }
}

template <typename Number>
void CastAll(const std::byte* numbers, std::size_t count, float* values)
{
  ConvertAll<Number>(
    numbers, count, values, [](Number number) { return static_cast<float>(number); });
}
}

std::uint64_t ArrayBytes(const std::vector<std::uint64_t>& shape, NumberType type)
{
  if (std::find(shape.begin(), shape.end(), 0) != shape.end())
  {
    return 0;
  }
  constexpr auto maximum = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  std::uint64_t bytes = ByteSize(type);
  for (const std::uint64_t extent : shape)
  {
    if (bytes > maximum / extent)
    {
      return std::numeric_limits<std::uint64_t>::max();
    }
    bytes *= extent;
  }
  return bytes;
}

std::string ShapeText(const std::vector<std::uint64_t>& shape)
{
  std::string text;
  for (const std::uint64_t extent : shape)
  {
    text += (text.empty() ? "" : " x ") + std::to_string(extent);
  }
  return text.empty() ? "a single number" : text;
}

void ToFloats(NumberType type, const std::byte* numbers, std::size_t count, float* values)
{
  switch (type)
  {
    case NumberType::Bool:
    case NumberType::UInt8:
      CastAll<std::uint8_t>(numbers, count, values);
      break;
    case NumberType::Int8:
      CastAll<std::int8_t>(numbers, count, values);
      break;
    case NumberType::UInt16:
      CastAll<std::uint16_t>(numbers, count, values);
      break;
    case NumberType::Int16:
      CastAll<std::int16_t>(numbers, count, values);
      break;
    case NumberType::UInt32:
      CastAll<std::uint32_t>(numbers, count, values);
      break;
    case NumberType::Int32:
      CastAll<std::int32_t>(numbers, count, values);
      break;
    case NumberType::UInt64:
      CastAll<std::uint64_t>(numbers, count, values);
      break;
    case NumberType::Int64:
      CastAll<std::int64_t>(numbers, count, values);
      break;
    case NumberType::Float16:
      ConvertAll<std::uint16_t>(numbers, count, values,
        [](std::uint16_t bits)
        { return static_cast<float>(Eigen::numext::bit_cast<Eigen::half>(bits)); });
      break;
    case NumberType::BFloat16:
      ConvertAll<std::uint16_t>(numbers, count, values,
        [](std::uint16_t bits)
        { return Eigen::numext::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U); });
      break;
    case NumberType::Float32:
      std::memcpy(values, numbers, count * sizeof(float));
      break;
    case NumberType::Float64:
      CastAll<double>(numbers, count, values);
      break;
  }
}

std::string NumberArray::Describe() const
{
  return this->Name.empty() ? "The array in " + this->File
                            : "The array '" + this->Name + "' in " + this->File;
}

std::vector<float> NumberArray::ReadAll() const
{
  std::vector<ArrayRange> box;
  for (const std::uint64_t extent : this->Shape)
  {
    box.push_back({ 0, extent });
  }
  const std::uint64_t bytes = ArrayBytes(this->Shape, this->Type);
  std::vector<std::byte> numbers(bytes);
  std::vector<float> values(bytes / ByteSize(this->Type));
  if (!values.empty())
  {
    this->Read(box, numbers.data());
    ToFloats(this->Type, numbers.data(), values.size(), values.data());
  }
  return values;
}

MemoryArray::MemoryArray(std::string file, std::string name, NumberType type,
  std::vector<std::uint64_t> shape, Order order, std::shared_ptr<const void> owner,
  const std::byte* data)
  : NumberArray(std::move(file), std::move(name), type, std::move(shape))
  , Owner(std::move(owner))
  , Data(data)
  , Swapped(order.BigEndian != BigEndianMachine && ByteSize(type) > 1)
  , Strides(this->Shape.size())
{
  std::size_t stride = ByteSize(type);
  for (std::size_t i = 0; i < this->Shape.size(); ++i)
  {
    const std::size_t dimension = order.ColumnMajor ? i : this->Shape.size() - 1 - i;
    this->Strides[dimension] = stride;
    stride *= this->Shape[dimension];
  }
}

void MemoryArray::Read(const std::vector<ArrayRange>& box, std::byte* numbers) const
{
  this->ReadLevel(box, 0, this->Data, numbers);
}

void MemoryArray::ReadLevel(const std::vector<ArrayRange>& box, std::size_t dimension,
  const std::byte* from, std::byte*& to) const
{
  const std::size_t size = ByteSize(this->Type);
  if (dimension == box.size())
  {
    std::memcpy(to, from, size);
    to += size;
    return;
  }
  const std::size_t stride = this->Strides[dimension];
  const ArrayRange& range = box[dimension];
  from += range.Begin * stride;
  if (dimension + 1 < box.size())
  {
    for (std::uint64_t i = 0; i < range.Count; ++i)
    {
      this->ReadLevel(box, dimension + 1, from + i * stride, to);
    }
    return;
  }
  if (stride == size && !this->Swapped)
  {
    std::memcpy(to, from, range.Count * size);
    to += range.Count * size;
    return;
  }
  for (std::uint64_t i = 0; i < range.Count; ++i, to += size)
  {
    const std::byte* number = from + i * stride;
    if (this->Swapped)
    {
      std::reverse_copy(number, number + size, to);
    }
    else
    {
      std::memcpy(to, number, size);
    }
  }
}
}
