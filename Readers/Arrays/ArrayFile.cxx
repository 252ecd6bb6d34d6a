// SPDX-License-Identifier: BSD-3-Clause
#include "Readers/Arrays/ArrayFile.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/MappedFile.h"
#include "Filters/Foundation/SafetensorsHeader.h"
#include "Readers/Arrays/Formats.h"

#include <algorithm>
#include <cctype>
#include <map>

namespace tdl
{
namespace
{
using Opener = std::vector<SharedArray> (*)(const std::string&);

const std::map<std::string, Opener>& Openers()
{
  static const std::map<std::string, Opener> openers{ { ".npy", OpenNpy }, { ".npz", OpenNpz },
    { ".safetensors", OpenSafetensors }, { ".h5", OpenHdf }, { ".hdf5", OpenHdf } };
  return openers;
}

Opener FindOpener(const std::filesystem::path& file)
{
  std::string extension = file.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
    [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto found = Openers().find(extension);
  return found == Openers().end() ? nullptr : found->second;
}
}

bool IsArrayFile(const std::filesystem::path& file)
{
  return FindOpener(file) != nullptr;
}

std::vector<SharedArray> OpenArrays(const std::filesystem::path& file)
{
  const Opener open = FindOpener(file);
  if (open == nullptr)
  {
    throw FileError("The file " + file.string() +
      " is no array file; its name must end in .npy, .npz, .safetensors, .h5 or .hdf5.");
  }
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored))
  {
    throw FileError("The array file " + file.string() +
      " is missing or cannot be read; put it there or correct its name.");
  }
  std::vector<SharedArray> arrays = open(file.string());
  if (arrays.empty())
  {
    throw FileError(
      "The array file " + file.string() + " holds no array of numbers; choose another.");
  }
  std::sort(arrays.begin(), arrays.end(),
    [](const SharedArray& a, const SharedArray& b) { return a->Name < b->Name; });
  return arrays;
}

SharedArray FindArray(const std::vector<SharedArray>& arrays, const std::string& name,
  const std::vector<std::string>& usual)
{
  const auto find = [&arrays](const std::string& wanted)
  {
    const auto found = std::find_if(arrays.begin(), arrays.end(),
      [&wanted](const SharedArray& array) { return array->Name == wanted; });
    return found == arrays.end() ? SharedArray() : *found;
  };
  if (name.empty() && arrays.size() == 1)
  {
    return arrays.front();
  }
  for (const std::string& candidate : name.empty() ? usual : std::vector<std::string>{ name })
  {
    if (SharedArray array = find(candidate))
    {
      return array;
    }
  }
  std::string names;
  for (const SharedArray& array : arrays)
  {
    names += (names.empty() ? "" : ", ") + array->Name;
  }
  throw FileError("The array file " + arrays.front()->File +
    (name.empty() ? " holds several arrays" : " holds no array '" + name + "'") +
    "; choose as Array Name one of: " + names + ".");
}

bool LooksLikeImages(const NumberArray& array)
{
  return array.Shape.size() == 3 && (ByteSize(array.Type) == 1 || array.Shape[1] == array.Shape[2]);
}

SharedArray OpenMatrix(const std::filesystem::path& file)
{
  SharedArray array = FindArray(OpenArrays(file), "", {});
  if (array->Shape.size() != 2)
  {
    throw FileError(array->Describe() + " has " + std::to_string(array->Shape.size()) +
      " dimensions; save array.reshape(-1, components), one row per element.");
  }
  return array;
}

std::vector<SharedArray> OpenSafetensors(const std::string& file)
{
  const auto mapping = std::make_shared<const MappedFile>(file, MappedFile::Access::Read);
  std::vector<SharedArray> arrays;
  for (const auto& [name, entry] : ParseSafetensorsHeader(file, mapping->Data, mapping->Size))
  {
    const std::vector<std::uint64_t> shape(entry.Shape.begin(), entry.Shape.end());
    arrays.push_back(
      std::make_shared<MemoryArray>(file, name, entry.Type, shape, MemoryArray::Order(), mapping,
        reinterpret_cast<const std::byte*>(mapping->Data) + entry.Begin));
  }
  return arrays;
}
}
