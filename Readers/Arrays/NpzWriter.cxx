// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/Arrays/NpzWriter.h"

#include "Filters/Foundation/AtomicFile.h"
#include "Filters/Foundation/Error.h"
#include "Readers/Arrays/NumberArray.h"

#include <zip.h>

#include <algorithm>
#include <array>
#include <memory>
#include <ostream>

namespace tdl
{
namespace
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
constexpr char Order = '>';
#else
constexpr char Order = '<';
#endif

std::string TypeName(NumberType type)
{
  const std::string size = std::to_string(ByteSize(type));
  switch (type)
  {
    case NumberType::Bool:
      return "|b1";
    case NumberType::UInt8:
      return "|u1";
    case NumberType::Int8:
      return "|i1";
    case NumberType::UInt16:
    case NumberType::UInt32:
    case NumberType::UInt64:
      return Order + ("u" + size);
    case NumberType::Int16:
    case NumberType::Int32:
    case NumberType::Int64:
      return Order + ("i" + size);
    default:
      return Order + ("f" + size);
  }
}

/** A zip file in memory. */
class MemoryArchive
{
public:
  MemoryArchive()
    : Source(zip_source_buffer_create(nullptr, 0, 0, nullptr), zip_source_free)
  {
    zip_source_keep(this->Source.get()); // zip_close gives up one of the two owners
    this->Zip = zip_open_from_source(this->Source.get(), ZIP_TRUNCATE, nullptr);
  }
  ~MemoryArchive()
  {
    if (this->Zip != nullptr)
    {
      zip_discard(this->Zip);
    }
  }
  MemoryArchive(const MemoryArchive&) = delete;
  MemoryArchive& operator=(const MemoryArchive&) = delete;

  bool Add(const std::string& name, const std::string& bytes)
  {
    zip_source_t* content = zip_source_buffer(this->Zip, bytes.data(), bytes.size(), 0);
    return content != nullptr && zip_file_add(this->Zip, name.c_str(), content, 0) >= 0;
  }

  /** The bytes of the file; false where there was no memory for them. */
  bool Close(std::string& bytes)
  {
    const bool closed = zip_close(this->Zip) == 0;
    this->Zip = closed ? nullptr : this->Zip;
    zip_stat_t status;
    if (!closed || zip_source_stat(this->Source.get(), &status) != 0 ||
      zip_source_open(this->Source.get()) != 0)
    {
      return false;
    }
    bytes.resize(status.size);
    const zip_int64_t count = zip_source_read(this->Source.get(), bytes.data(), bytes.size());
    zip_source_close(this->Source.get());
    return count == static_cast<zip_int64_t>(bytes.size());
  }

private:
  std::unique_ptr<zip_source_t, void (*)(zip_source_t*)> Source;
  zip_t* Zip = nullptr;
};
}

void NpzWriter::Add(const std::string& name, const std::string& type,
  const std::vector<std::uint64_t>& shape, const std::string& bytes)
{
  std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (";
  for (const std::uint64_t extent : shape)
  {
    header += std::to_string(extent) + ", ";
  }
  header += "), }";
  // NumPy wants the numbers to begin at a multiple of 64.
  constexpr std::size_t alignment = 64;
  constexpr std::size_t before = 10;
  header.append(alignment - (before + header.size() + 1) % alignment, ' ');
  header += '\n';
  std::string entry("\x93NUMPY\x01\x00", 8);
  entry += static_cast<char>(header.size() % 256);
  entry += static_cast<char>(header.size() / 256);
  this->Entries.push_back({ name + ".npy", entry + header + bytes });
}

void NpzWriter::AddNumbers(const std::string& name, NumberType type,
  const std::vector<std::uint64_t>& shape, const void* numbers)
{
  this->Add(name, TypeName(type), shape,
    std::string(static_cast<const char*>(numbers), ArrayBytes(shape, type)));
}

void NpzWriter::AddTexts(const std::string& name, const std::vector<std::string>& texts)
{
  std::size_t longest = 1;
  for (const std::string& text : texts)
  {
    longest = std::max(longest, text.size());
  }
  std::string bytes;
  for (const std::string& text : texts)
  {
    bytes += text;
    bytes.append(longest - text.size(), '\0');
  }
  this->Add(name, "|S" + std::to_string(longest), { texts.size() }, bytes);
}

void NpzWriter::Write(const std::string& path) const
{
  MemoryArchive archive;
  std::string bytes;
  if (!std::all_of(this->Entries.begin(), this->Entries.end(),
        [&archive](const Entry& entry) { return archive.Add(entry.Name, entry.Bytes); }) ||
    !archive.Close(bytes))
  {
    throw FileError("The file " + path + " cannot be written; close what takes memory.");
  }
  WriteFileAtomically(path, [&bytes](std::ostream& stream) { stream << bytes; });
}
}
