// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/SafetensorsHeader.h"

#include "Filters/Foundation/Error.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace tdl
{
namespace
{
constexpr std::size_t LengthBytes = 8;
constexpr std::uint64_t MaximumHeaderBytes = 100'000'000;

const std::array<std::pair<const char*, NumberType>, 13> TypeNames{ { { "BOOL", NumberType::Bool },
  { "U8", NumberType::UInt8 }, { "I8", NumberType::Int8 }, { "U16", NumberType::UInt16 },
  { "I16", NumberType::Int16 }, { "U32", NumberType::UInt32 }, { "I32", NumberType::Int32 },
  { "U64", NumberType::UInt64 }, { "I64", NumberType::Int64 }, { "F16", NumberType::Float16 },
  { "BF16", NumberType::BFloat16 }, { "F32", NumberType::Float32 },
  { "F64", NumberType::Float64 } } };

const std::pair<const char*, NumberType>* FindType(const std::string& name)
{
  const auto* found = std::find_if(
    TypeNames.begin(), TypeNames.end(), [&name](const auto& pair) { return name == pair.first; });
  return found == TypeNames.end() ? nullptr : found;
}

FileError Broken(const std::string& path, const std::string& what)
{
  return FileError(
    "'" + path + "' is not a sound safetensors file: " + what + ". Download or export it again.");
}

/** Bytes of a tensor of that shape; false on overflow. */
bool TensorBytes(const std::vector<std::int64_t>& shape, std::size_t itemBytes, std::size_t& bytes)
{
  bytes = itemBytes;
  for (const std::int64_t extent : shape)
  {
    if (extent != 0 &&
      bytes > static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max()) /
          static_cast<std::size_t>(extent))
    {
      return false;
    }
    bytes *= static_cast<std::size_t>(extent);
  }
  return true;
}

std::uint64_t DecodeLength(const unsigned char* bytes)
{
  std::uint64_t length = 0;
  for (std::size_t i = LengthBytes; i-- > 0;)
  {
    length = (length << 8U) | bytes[i];
  }
  return length;
}

SafetensorsEntry ParseEntry(const std::string& path, const std::string& name,
  const nlohmann::json& json, std::size_t dataBegin)
{
  const std::string tensor = "tensor '" + name + "'";
  SafetensorsEntry entry;
  std::string typeName;
  std::array<std::uint64_t, 2> offsets{};
  try
  {
    typeName = json.at("dtype").get<std::string>();
    for (const auto& extent : json.at("shape"))
    {
      if (!extent.is_number_unsigned() ||
        extent.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max())
      {
        throw Broken(path, tensor + " has a shape that is not a list of counts");
      }
      entry.Shape.push_back(extent.get<std::int64_t>());
    }
    const auto& pair = json.at("data_offsets");
    if (pair.size() != 2 || !pair[0].is_number_unsigned() || !pair[1].is_number_unsigned())
    {
      throw Broken(path, tensor + " has data_offsets that are not two counts");
    }
    offsets = { pair[0].get<std::uint64_t>(), pair[1].get<std::uint64_t>() };
  }
  catch (const nlohmann::json::exception&)
  {
    throw Broken(path, tensor + " lacks a dtype, a shape or data_offsets");
  }
  const auto* type = FindType(typeName);
  if (type == nullptr)
  {
    throw FileError("'" + path + "' stores " + tensor + " as " + typeName +
      ", which is not supported; convert it to F32, F16 or BF16.");
  }
  entry.Type = type->second;
  std::size_t bytes = 0;
  if (!TensorBytes(entry.Shape, ByteSize(entry.Type), bytes) || offsets[1] < offsets[0] ||
    offsets[1] - offsets[0] != bytes)
  {
    throw Broken(path, tensor + " has data_offsets that do not fit its shape");
  }
  entry.Begin = dataBegin + static_cast<std::size_t>(offsets[0]);
  entry.End = dataBegin + static_cast<std::size_t>(offsets[1]);
  return entry;
}

/** Duplicate keys are legal JSON but not legal here, and a parsed object hides them. */
nlohmann::json ParseHeader(const std::string& path, const char* begin, const char* end)
{
  std::vector<std::string> keys;
  const auto noteKeys = [&keys, &path](
                          int depth, nlohmann::json::parse_event_t event, nlohmann::json& value)
  {
    if (depth == 1 && event == nlohmann::json::parse_event_t::key)
    {
      keys.push_back(value.get<std::string>());
    }
    // A tensor's entry nests no deeper than its shape; a hostile header could exhaust the stack.
    if (depth > 4)
    {
      throw Broken(path, "its header is nested too deeply");
    }
    return true;
  };
  nlohmann::json header;
  try
  {
    header = nlohmann::json::parse(begin, end, noteKeys);
  }
  catch (const nlohmann::json::exception&)
  {
    throw Broken(path, "its header is not JSON");
  }
  if (!header.is_object())
  {
    throw Broken(path, "its header is not a JSON object");
  }
  std::sort(keys.begin(), keys.end());
  const auto duplicate = std::adjacent_find(keys.begin(), keys.end());
  if (duplicate != keys.end())
  {
    throw Broken(path, "it names tensor '" + *duplicate + "' twice");
  }
  return header;
}
}

const char* SafetensorsName(NumberType type)
{
  return std::find_if(
    TypeNames.begin(), TypeNames.end(), [type](const auto& pair) { return type == pair.second; })
    ->first;
}

std::map<std::string, SafetensorsEntry> ParseSafetensorsHeader(
  const std::string& path, const unsigned char* data, std::size_t size)
{
  if (size < LengthBytes)
  {
    throw Broken(path, "it has only " + std::to_string(size) + " bytes");
  }
  const std::uint64_t headerBytes = DecodeLength(data);
  if (headerBytes > MaximumHeaderBytes || headerBytes > size - LengthBytes)
  {
    throw Broken(path,
      "its header claims " + std::to_string(headerBytes) + " bytes, the whole file has " +
        std::to_string(size));
  }
  const std::size_t dataBegin = LengthBytes + static_cast<std::size_t>(headerBytes);
  const char* text = reinterpret_cast<const char*>(data);
  const nlohmann::json header = ParseHeader(path, text + LengthBytes, text + dataBegin);

  std::map<std::string, SafetensorsEntry> tensors;
  std::vector<std::pair<std::size_t, std::size_t>> ranges;
  for (const auto& [name, json] : header.items())
  {
    if (name != "__metadata__")
    {
      const SafetensorsEntry entry = ParseEntry(path, name, json, dataBegin);
      ranges.emplace_back(entry.Begin, entry.End);
      tensors.emplace(name, entry);
    }
  }
  std::sort(ranges.begin(), ranges.end());
  std::size_t covered = dataBegin;
  for (const auto& [begin, end] : ranges)
  {
    if (begin != covered)
    {
      throw Broken(path, "its tensors overlap or leave holes");
    }
    covered = end;
  }
  if (covered != size)
  {
    throw Broken(path,
      "its tensors end at byte " + std::to_string(covered) + ", the file at byte " +
        std::to_string(size) + (covered > size ? " (truncated)" : ""));
  }
  return tensors;
}
}
