// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/Features/Core/NpyFile.h"

#include "Filters/Foundation/Error.h"

#include <Eigen/Core>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <set>
#include <string>
#include <string_view>

namespace tdl
{
namespace
{
constexpr std::string_view Magic("\x93NUMPY", 6);
// Of a plain array it is 118 bytes; NumPy itself refuses to evaluate more than 10,000.
constexpr std::uint32_t MaximumHeaderLength = 10000;

[[noreturn]] void Fail(const std::filesystem::path& file, const std::string& problem)
{
  throw FileError("The feature file " + file.string() + " " + problem);
}

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
std::uint64_t LittleEndian(const unsigned char* bytes, std::size_t count)
{
  std::uint64_t number = 0;
  for (std::size_t i = count; i > 0; --i)
  {
    number = number << 8 | bytes[i - 1];
  }
  return number;
}

/** Reads the text of the header and leaves the stream where the numbers begin. */
std::string ReadHeaderText(std::istream& stream, const std::filesystem::path& file)
{
  unsigned char start[8] = {};
  stream.read(reinterpret_cast<char*>(start), sizeof(start));
  if (!stream || std::memcmp(start, Magic.data(), Magic.size()) != 0)
  {
    Fail(file, "is no .npy file; write it with numpy.save.");
  }
  const int version = start[6];
  if (version < 1 || version > 3 || start[7] != 0)
  {
    Fail(file,
      "has version " + std::to_string(version) + "." + std::to_string(start[7]) +
        " of the .npy format, which this reader does not know; write it with version 1.0 to 3.0.");
  }
  unsigned char bytes[4] = {};
  const std::size_t lengthSize = version == 1 ? 2 : 4;
  stream.read(reinterpret_cast<char*>(bytes), static_cast<std::streamsize>(lengthSize));
  const std::uint64_t length = LittleEndian(bytes, lengthSize);
  if (length > MaximumHeaderLength)
  {
    Fail(file,
      "has a header of " + std::to_string(length) +
        " bytes, far more than a plain array needs; write it again with numpy.save.");
  }
  std::string text(length, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(length));
  if (!stream)
  {
    Fail(file, "ends within its header; copy or write it again.");
  }
  return text;
}

template <typename Bits>
Bits LoadBits(const char* bytes, bool bigEndian)
{
  Bits bits = 0;
  for (std::size_t i = 0; i < sizeof(Bits); ++i)
  {
    const std::size_t place = bigEndian ? sizeof(Bits) - 1 - i : i;
    bits |= static_cast<Bits>(static_cast<Bits>(static_cast<unsigned char>(bytes[i])) << 8 * place);
  }
  return bits;
}

float LoadFloat(const char* bytes, const NpyHeader& header)
{
  switch (header.ItemSize)
  {
    case 2:
      return static_cast<float>(
        Eigen::numext::bit_cast<Eigen::half>(LoadBits<std::uint16_t>(bytes, header.BigEndian)));
    case 4:
      return Eigen::numext::bit_cast<float>(LoadBits<std::uint32_t>(bytes, header.BigEndian));
    default:
      return static_cast<float>(
        Eigen::numext::bit_cast<double>(LoadBits<std::uint64_t>(bytes, header.BigEndian)));
  }
}
}

NpyHeader ReadNpyHeader(const std::filesystem::path& file)
{
  std::ifstream stream(file, std::ios::binary);
  if (!stream || !std::filesystem::is_regular_file(file))
  {
    Fail(file, "is missing or cannot be read; put it there or correct the manifest.");
  }
  const std::string text = ReadHeaderText(stream, file);
  HeaderParser parser(text);
  if (!parser.Parse())
  {
    Fail(file, "has a damaged header; write it again with numpy.save.");
  }

  NpyHeader header;
  header.DataOffset = static_cast<std::uint64_t>(stream.tellg());
  header.ColumnMajor = parser.FortranOrder;
  const std::string type(parser.Type);
  if (type.size() != 3 || (type[0] != '<' && type[0] != '>') || type[1] != 'f' ||
    (type[2] != '2' && type[2] != '4' && type[2] != '8'))
  {
    Fail(
      file, "holds numbers of type '" + type + "'; save features.astype(numpy.float32) instead.");
  }
  header.BigEndian = type[0] == '>';
  header.ItemSize = static_cast<std::size_t>(type[2] - '0');

  const std::vector<std::uint64_t>& shape = parser.Shape;
  if (shape.size() != 2)
  {
    Fail(file,
      "has " + std::to_string(shape.size()) +
        " dimensions; save features.reshape(-1, components), one row per element.");
  }
  if (shape[0] == 0 || shape[1] == 0)
  {
    Fail(file, "is empty; save one row of features per element.");
  }
  // By division: a product of what a header promises could overflow.
  const std::uint64_t bytes = std::filesystem::file_size(file) - header.DataOffset;
  const std::uint64_t held = bytes / header.ItemSize;
  if (bytes % header.ItemSize != 0 || held % shape[0] != 0 || held / shape[0] != shape[1])
  {
    Fail(file,
      "holds " + std::to_string(bytes) + " bytes of numbers but its header promises " +
        std::to_string(shape[0]) + " x " + std::to_string(shape[1]) + " of type " + type +
        "; copy or write it again.");
  }
  header.Rows = shape[0];
  header.Columns = shape[1];
  return header;
}

void ReadNpyRows(const std::filesystem::path& file, const NpyHeader& header,
  const std::vector<std::size_t>& target, float* values)
{
  std::ifstream stream(file, std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(header.DataOffset));
  // A line is what lies together in the file: a row, or a column.
  const std::size_t lines = header.ColumnMajor ? header.Columns : header.Rows;
  const std::size_t length = header.ColumnMajor ? header.Rows : header.Columns;
  std::vector<char> bytes(length * header.ItemSize);
  for (std::size_t line = 0; line < lines && stream; ++line)
  {
    stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    for (std::size_t i = 0; i < length; ++i)
    {
      const std::size_t row = target[header.ColumnMajor ? i : line];
      if (row != SkipRow)
      {
        const std::size_t column = header.ColumnMajor ? line : i;
        values[row * header.Columns + column] =
          LoadFloat(bytes.data() + i * header.ItemSize, header);
      }
    }
  }
  if (!stream)
  {
    Fail(file, "cannot be read to its end; copy or write it again.");
  }
}
}
