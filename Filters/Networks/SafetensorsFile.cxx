// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/SafetensorsFile.h"

#include "Filters/Foundation/AtomicFile.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/MappedFile.h"
#include "Filters/Foundation/SafetensorsHeader.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <ostream>
#include <utility>

namespace tdl
{
namespace
{
constexpr std::size_t LengthBytes = 8;

// The types that both the format and LibTorch know.
constexpr std::array<std::pair<NumberType, at::ScalarType>, 10> Types{
  { { NumberType::Bool, at::kBool }, { NumberType::UInt8, at::kByte },
    { NumberType::Int8, at::kChar }, { NumberType::Int16, at::kShort },
    { NumberType::Int32, at::kInt }, { NumberType::Int64, at::kLong },
    { NumberType::Float16, at::kHalf }, { NumberType::BFloat16, at::kBFloat16 },
    { NumberType::Float32, at::kFloat }, { NumberType::Float64, at::kDouble } }
};

const char* NameOfType(at::ScalarType type)
{
  const auto* found = std::find_if(
    Types.begin(), Types.end(), [type](const auto& pair) { return type == pair.second; });
  return found == Types.end() ? nullptr : SafetensorsName(found->first);
}

FileError Unsupported(const std::string& path, const std::string& tensor, NumberType type)
{
  return FileError("'" + path + "' stores tensor '" + tensor + "' as " + SafetensorsName(type) +
    ", which is not supported; convert it to F32, F16 or BF16.");
}
}

SafetensorsFile::SafetensorsFile(const std::string& path)
  : FilePath(path)
  , Bytes(std::make_shared<const MappedFile>(path, MappedFile::Access::Write))
{
  for (const auto& [name, entry] :
    ParseSafetensorsHeader(path, this->Bytes->Data, this->Bytes->Size))
  {
    const auto* type = std::find_if(Types.begin(), Types.end(),
      [&type = entry.Type](const auto& pair) { return type == pair.first; });
    if (type == Types.end())
    {
      throw Unsupported(path, name, entry.Type);
    }
    this->Tensors.emplace(name, Entry{ type->second, entry.Shape, entry.Begin, entry.End });
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
