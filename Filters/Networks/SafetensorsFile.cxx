// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/SafetensorsFile.h"

#include "Filters/Foundation/AtomicFile.h"
#include "Filters/Foundation/Error.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <ostream>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tdl
{
namespace
{
constexpr std::size_t LengthBytes = 8;
constexpr std::uint64_t MaximumHeaderBytes = 100'000'000;

// The types that both the format and LibTorch know.
const std::array<std::pair<const char*, at::ScalarType>, 9> TypeNames{ { { "BOOL", at::kBool },
  { "U8", at::kByte }, { "I8", at::kChar }, { "I16", at::kShort }, { "I32", at::kInt },
  { "I64", at::kLong }, { "F16", at::kHalf }, { "BF16", at::kBFloat16 }, { "F32", at::kFloat } } };

const std::pair<const char*, at::ScalarType>* FindType(const std::string& name)
{
  const auto* found = std::find_if(
    TypeNames.begin(), TypeNames.end(), [&name](const auto& pair) { return name == pair.first; });
  return found == TypeNames.end() ? nullptr : found;
}

const char* NameOfType(at::ScalarType type)
{
  const auto* found = std::find_if(
    TypeNames.begin(), TypeNames.end(), [type](const auto& pair) { return type == pair.second; });
  return found == TypeNames.end() ? nullptr : found->first;
}

FileError Broken(const std::string& path, const std::string& what)
{
  return FileError(
    "'" + path + "' is not a sound safetensors file: " + what + ". Download or export it again.");
}

/** Bytes of a tensor of that shape; false on overflow. */
bool ByteSize(const std::vector<std::int64_t>& shape, std::size_t itemBytes, std::size_t& bytes)
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

SafetensorsFile::Entry ParseEntry(const std::string& path, const std::string& name,
  const nlohmann::json& json, std::size_t dataBegin)
{
  const std::string tensor = "tensor '" + name + "'";
  SafetensorsFile::Entry entry;
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
  if (!ByteSize(entry.Shape, c10::elementSize(entry.Type), bytes) || offsets[1] < offsets[0] ||
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

/** A read-only mapping of a whole file. */
class SafetensorsFile::Mapping
{
public:
  explicit Mapping(const std::string& path)
  {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
    {
      throw FileError("Cannot open '" + path + "': " + std::strerror(errno) +
        "; check the path and its permissions.");
    }
    struct stat status = {};
    if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))
    {
      ::close(descriptor);
      throw FileError("'" + path + "' is not a regular file; choose a .safetensors file.");
    }
    this->Size = static_cast<std::size_t>(status.st_size);
    if (this->Size > 0)
    {
      // Private and writable: LibTorch has no read-only tensors, and nothing reaches the file.
      void* address =
        ::mmap(nullptr, this->Size, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0);
      this->Data = address == MAP_FAILED ? nullptr : static_cast<unsigned char*>(address);
    }
    ::close(descriptor);
    if (this->Size > 0 && this->Data == nullptr)
    {
      throw FileError("Cannot map '" + path + "' into memory: " + std::strerror(errno) + ".");
    }
  }

  ~Mapping()
  {
    if (this->Data != nullptr)
    {
      ::munmap(this->Data, this->Size);
    }
  }

  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  unsigned char* Data = nullptr;
  std::size_t Size = 0;
};

SafetensorsFile::SafetensorsFile(const std::string& path)
  : FilePath(path)
  , Bytes(std::make_shared<const Mapping>(path))
{
  const std::size_t size = this->Bytes->Size;
  if (size < LengthBytes)
  {
    throw Broken(path, "it has only " + std::to_string(size) + " bytes");
  }
  const std::uint64_t headerBytes = DecodeLength(this->Bytes->Data);
  if (headerBytes > MaximumHeaderBytes || headerBytes > size - LengthBytes)
  {
    throw Broken(path,
      "its header claims " + std::to_string(headerBytes) + " bytes, the whole file has " +
        std::to_string(size));
  }
  const std::size_t dataBegin = LengthBytes + static_cast<std::size_t>(headerBytes);
  const char* text = reinterpret_cast<const char*>(this->Bytes->Data);
  const nlohmann::json header = ParseHeader(path, text + LengthBytes, text + dataBegin);

  std::vector<std::pair<std::size_t, std::size_t>> ranges;
  for (const auto& [name, json] : header.items())
  {
    if (name != "__metadata__")
    {
      const Entry entry = ParseEntry(path, name, json, dataBegin);
      ranges.emplace_back(entry.Begin, entry.End);
      this->Tensors.emplace(name, entry);
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
}

at::Tensor SafetensorsFile::Get(const std::string& name) const
{
  const auto found = this->Tensors.find(name);
  if (found == this->Tensors.end())
  {
    throw FileError("'" + this->FilePath + "' holds no tensor '" + name +
      "'; choose the weights that belong to this model.");
  }
  const Entry& entry = found->second;
  unsigned char* data = this->Bytes->Data + entry.Begin;
  const auto options = at::TensorOptions().dtype(entry.Type);
  // The format does not promise alignment.
  if (reinterpret_cast<std::uintptr_t>(data) % c10::elementSize(entry.Type) != 0)
  {
    at::Tensor copy = at::empty(entry.Shape, options);
    std::memcpy(copy.data_ptr(), data, entry.End - entry.Begin);
    return copy;
  }
  return at::from_blob(
    data, entry.Shape, [mapping = this->Bytes](void*) {}, options);
}

void WriteSafetensors(const std::string& path, const std::map<std::string, at::Tensor>& tensors)
{
  nlohmann::json header = nlohmann::json::object();
  std::vector<at::Tensor> ordered;
  std::size_t offset = 0;
  for (const auto& [name, tensor] : tensors)
  {
    const char* typeName = NameOfType(tensor.scalar_type());
    if (typeName == nullptr)
    {
      throw FileError(std::string("Tensor '")
                        .append(name)
                        .append("' has a type that '")
                        .append(path)
                        .append("' cannot store; convert it to float first."));
    }
    ordered.push_back(tensor.detach().to(at::kCPU).contiguous());
    const std::size_t end = offset + ordered.back().nbytes();
    header[name] = { { "dtype", typeName }, { "shape", tensor.sizes().vec() },
      { "data_offsets", { offset, end } } };
    offset = end;
  }
  std::string text = header.dump();
  text.append((LengthBytes - text.size() % LengthBytes) % LengthBytes, ' ');

  WriteFileAtomically(path,
    [&text, &ordered](std::ostream& stream)
    {
      std::array<char, LengthBytes> length{};
      for (std::size_t i = 0; i < LengthBytes; ++i)
      {
        length[i] = static_cast<char>((text.size() >> (8U * i)) & 0xFFU);
      }
      stream.write(length.data(), LengthBytes);
      stream.write(text.data(), static_cast<std::streamsize>(text.size()));
      for (const at::Tensor& tensor : ordered)
      {
        stream.write(static_cast<const char*>(tensor.data_ptr()),
          static_cast<std::streamsize>(tensor.nbytes()));
      }
    });
}
}
