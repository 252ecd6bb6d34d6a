// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>

namespace tdl
{
/** The types of numbers that array files hold. */
enum class NumberType
{
  Bool,
  UInt8,
  Int8,
  UInt16,
  Int16,
  UInt32,
  Int32,
  UInt64,
  Int64,
  Float16,
  BFloat16,
  Float32,
  Float64
};

/** Bytes of one number. */
constexpr std::size_t ByteSize(NumberType type)
{
  switch (type)
  {
    case NumberType::Bool:
    case NumberType::UInt8:
    case NumberType::Int8:
      return 1;
    case NumberType::UInt16:
    case NumberType::Int16:
    case NumberType::Float16:
    case NumberType::BFloat16:
      return 2;
    case NumberType::UInt32:
    case NumberType::Int32:
    case NumberType::Float32:
      return 4;
    case NumberType::UInt64:
    case NumberType::Int64:
    case NumberType::Float64:
      return 8;
  }
  return 0;
}

constexpr bool IsFloat(NumberType type)
{
  return type == NumberType::Float16 || type == NumberType::BFloat16 ||
    type == NumberType::Float32 || type == NumberType::Float64;
}
}
