// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/MappedFile.h"
#include "Readers/Arrays/Formats.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>
#include <set>
#include <string_view>

namespace tdl
{
namespace
{
constexpr std::string_view Magic("\x93NUMPY", 6);
// Of a plain array it is 118 bytes; NumPy itself refuses to evaluate more than 10,000.
constexpr std::uint64_t MaximumHeaderLength = 10000;
constexpr std::size_t MaximumDimensions = 32; // as NumPy's

/**
 * Parses the header's text, a Python dictionary such as
 * {'descr': '<f4', 'fortran_order': False, 'shape': (60, 128), }
 * Every function returns false where the text is something else.
 */
class HeaderParser
{
public:
  explicit HeaderParser(std::string_view text)
    : Rest(text)
  {
  }

  bool Parse()
  {
    return this->Skip("{") && this->List("}", [this] { return this->Entry(); }) && this->AtEnd() &&
      this->Keys.size() == 3;
  }

  std::string_view Type;
  bool FortranOrder = false;
  std::vector<std::uint64_t> Shape;

private:
  void SkipSpace()
  {
    const auto begin = this->Rest.find_first_not_of(" \n");
    this->Rest.remove_prefix(std::min(begin, this->Rest.size()));
  }

  bool AtEnd()
  {
    this->SkipSpace();
    return this->Rest.empty();
  }

  bool Skip(std::string_view token)
  {
    this->SkipSpace();
    const bool found = this->Rest.substr(0, token.size()) == token;
    this->Rest.remove_prefix(found ? token.size() : 0);
    return found;
  }

  /** Items and commas between them up to the closing token; a comma may follow the last item. */
  template <typename Item>
  bool List(std::string_view close, Item&& item)
  {
    while (!this->Skip(close))
    {
      if (!item())
      {
        return false;
      }
      if (!this->Skip(","))
      {
        return this->Skip(close);
      }
    }
    return true;
  }

  bool Entry()
  {
    std::string_view key;
    if (!this->Text(key) || !this->Skip(":") || !this->Keys.insert(key).second)
    {
      return false;
    }
    if (key == "descr")
    {
      return this->Text(this->Type);
    }
    if (key == "fortran_order")
    {
      this->FortranOrder = this->Skip("True");
      return this->FortranOrder || this->Skip("False");
    }
    return key == "shape" && this->Skip("(") && this->List(")", [this] { return this->Size(); });
  }

  bool Text(std::string_view& text)
  {
    if (!this->Skip("'"))
    {
      return false;
    }
    const auto end = this->Rest.find('\'');
    if (end == std::string_view::npos)
    {
      return false;
    }
    text = this->Rest.substr(0, end);
    this->Rest.remove_prefix(end + 1);
    return true;
  }

  bool Size()
  {
    this->SkipSpace();
    const char* begin = this->Rest.data();
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(begin, begin + this->Rest.size(), size);
    this->Rest.remove_prefix(static_cast<std::size_t>(end - begin));
    this->Shape.push_back(size);
    return error == std::errc();
  }

  std::string_view Rest;
  std::set<std::string_view> Keys;
};

/** `count` bytes as a little-endian number. */
std::uint64_t LittleEndian(const std::byte* bytes, std::size_t count)
{
  std::uint64_t number = 0;
  for (std::size_t i = count; i > 0; --i)
  {
    number = number << 8U | std::to_integer<std::uint64_t>(bytes[i - 1]);
  }
  return number;
}

/** The header's text, which begins at `offset` and ends where the numbers begin. */
std::string_view FindHeaderText(
  const std::string& name, const std::byte* begin, std::size_t size, std::size_t& offset)
{
  if (size < 8 || std::memcmp(begin, Magic.data(), Magic.size()) != 0)
  {
    FailToRead(name, "is no .npy file; write it with numpy.save.");
  }
  const int version = std::to_integer<int>(begin[6]);
  const int minor = std::to_integer<int>(begin[7]);
  if (version < 1 || version > 3 || minor != 0)
  {
    FailToRead(name,
      "has version " + std::to_string(version) + "." + std::to_string(minor) +
        " of the .npy format, which this reader does not know; write it with version 1.0 to 3.0.");
  }
  const std::size_t lengthSize = version == 1 ? 2 : 4;
  offset = 8 + lengthSize;
  const std::uint64_t length = size < offset ? 0 : LittleEndian(begin + 8, lengthSize);
  if (length > MaximumHeaderLength)
  {
    FailToRead(name,
      "has a header of " + std::to_string(length) +
        " bytes, far more than a plain array needs; write it again with numpy.save.");
  }
  if (size < offset + length)
  {
    FailToRead(name, "ends within its header; copy or write it again.");
  }
  return { reinterpret_cast<const char*>(begin) + offset, length };
}

NumberType FindType(const std::string& name, std::string_view text, bool& bigEndian)
{
  static const std::map<std::string_view, NumberType> types{ { "b1", NumberType::Bool },
    { "u1", NumberType::UInt8 }, { "i1", NumberType::Int8 }, { "u2", NumberType::UInt16 },
    { "i2", NumberType::Int16 }, { "u4", NumberType::UInt32 }, { "i4", NumberType::Int32 },
    { "u8", NumberType::UInt64 }, { "i8", NumberType::Int64 }, { "f2", NumberType::Float16 },
    { "f4", NumberType::Float32 }, { "f8", NumberType::Float64 } };
  const auto found = types.find(text.substr(std::min<std::size_t>(1, text.size())));
  const char order = text.empty() ? ' ' : text.front();
  // A bar says that there is no order.
  if (found == types.end() ||
    (order != '<' && order != '>' && !(order == '|' && ByteSize(found->second) == 1)))
  {
    throw NoNumbersError("The array file " + name + " holds items of type '" + std::string(text) +
      "'; save array.astype(numpy.float32) instead.");
  }
  bigEndian = order == '>';
  return found->second;
}
}

NpyHeader ParseNpyHeader(
  const std::string& name, const std::byte* begin, std::size_t size, std::uint64_t fileSize)
{
  NpyHeader header;
  const std::string_view text = FindHeaderText(name, begin, size, header.DataOffset);
  header.DataOffset += text.size();
  HeaderParser parser(text);
  if (!parser.Parse())
  {
    FailToRead(name, "has a damaged header; write it again with numpy.save.");
  }
  header.Type = FindType(name, parser.Type, header.Order.BigEndian);
  header.Order.ColumnMajor = parser.FortranOrder;
  header.Shape = parser.Shape;
  if (header.Shape.size() > MaximumDimensions)
  {
    FailToRead(
      name, "has more than " + std::to_string(MaximumDimensions) + " dimensions; reshape it.");
  }
  const std::uint64_t bytes = fileSize - header.DataOffset;
  if (ArrayBytes(header.Shape, header.Type) != bytes)
  {
    FailToRead(name,
      "holds " + std::to_string(bytes) + " bytes of numbers but its header promises " +
        ShapeText(header.Shape) + " of type " + std::string(parser.Type) +
        "; copy or write it again.");
  }
  return header;
}

std::vector<SharedArray> OpenNpy(const std::string& file)
{
  const auto mapping = std::make_shared<const MappedFile>(file, MappedFile::Access::Read);
  const auto* data = reinterpret_cast<const std::byte*>(mapping->Data);
  const NpyHeader header = ParseNpyHeader(file, data, mapping->Size, mapping->Size);
  return { std::make_shared<MemoryArray>(
    file, "", header.Type, header.Shape, header.Order, mapping, data + header.DataOffset) };
}
}
