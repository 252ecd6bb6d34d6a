// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Readers/Arrays/Formats.h"

#include <hdf5.h>

#include <mutex>

namespace tdl
{
namespace
{
// The library is not built for several threads.
std::mutex mutex;

/** Keeps the library from printing what is thrown here. */
class Quiet
{
public:
  Quiet()
  {
    H5Eget_auto2(H5E_DEFAULT, &this->Function, &this->Data);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~Quiet() { H5Eset_auto2(H5E_DEFAULT, this->Function, this->Data); }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;

private:
  H5E_auto2_t Function = nullptr;
  void* Data = nullptr;
};

/** An identifier of the library, closed in the end. */
class Handle
{
public:
  Handle(hid_t id, herr_t (*close)(hid_t))
    : Id(id)
    , Close(close)
  {
  }
  ~Handle()
  {
    if (this->Id >= 0)
    {
      this->Close(this->Id);
    }
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  operator hid_t() const { return this->Id; }

private:
  hid_t Id;
  herr_t (*Close)(hid_t);
};

/** An open file; the last array that uses it closes it. */
struct OpenedFile
{
  explicit OpenedFile(const std::string& path)
    : Id(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT))
  {
    if (this->Id < 0)
    {
      FailToRead(path, "is no sound HDF5 file; copy it or write it again.");
    }
  }
  ~OpenedFile()
  {
    const std::lock_guard<std::mutex> lock(mutex);
    H5Fclose(this->Id);
  }
  OpenedFile(const OpenedFile&) = delete;
  OpenedFile& operator=(const OpenedFile&) = delete;

  hid_t Id;
};

/** The type as which the library gives a data set's numbers; false where it has no numbers. */
bool FindType(hid_t dataset, NumberType& type)
{
  const Handle stored(H5Dget_type(dataset), H5Tclose);
  H5T_class_t kind = H5Tget_class(stored);
  if (kind == H5T_ENUM && H5Tget_size(stored) == 1)
  {
    type = NumberType::Bool; // as h5py writes it
    return true;
  }
  const std::size_t size = H5Tget_size(stored);
  if (kind == H5T_FLOAT)
  {
    type = size > sizeof(float) ? NumberType::Float64 : NumberType::Float32;
    return size <= sizeof(double);
  }
  if (kind != H5T_INTEGER)
  {
    return false;
  }
  const bool isSigned = H5Tget_sign(stored) == H5T_SGN_2;
  switch (size)
  {
    case 1:
      type = isSigned ? NumberType::Int8 : NumberType::UInt8;
      return true;
    case 2:
      type = isSigned ? NumberType::Int16 : NumberType::UInt16;
      return true;
    case 4:
      type = isSigned ? NumberType::Int32 : NumberType::UInt32;
      return true;
    case 8:
      type = isSigned ? NumberType::Int64 : NumberType::UInt64;
      return true;
    default:
      return false;
  }
}

hid_t NativeType(NumberType type)
{
  switch (type)
  {
    case NumberType::UInt8:
      return H5T_NATIVE_UINT8;
    case NumberType::Int8:
      return H5T_NATIVE_INT8;
    case NumberType::UInt16:
      return H5T_NATIVE_UINT16;
    case NumberType::Int16:
      return H5T_NATIVE_INT16;
    case NumberType::UInt32:
      return H5T_NATIVE_UINT32;
    case NumberType::Int32:
      return H5T_NATIVE_INT32;
    case NumberType::UInt64:
      return H5T_NATIVE_UINT64;
    case NumberType::Int64:
      return H5T_NATIVE_INT64;
    case NumberType::Float64:
      return H5T_NATIVE_DOUBLE;
    default:
      return H5T_NATIVE_FLOAT;
  }
}

/** A data set, of which the chunks that are asked for are read. */
class HdfArray : public NumberArray
{
public:
  HdfArray(std::string path, std::string name, NumberType type, std::vector<std::uint64_t> shape,
    std::shared_ptr<const OpenedFile> file)
    : NumberArray(std::move(path), std::move(name), type, std::move(shape))
    , Opened(std::move(file))
  {
  }

  void Read(const std::vector<ArrayRange>& box, std::byte* numbers) const override
  {
    const std::lock_guard<std::mutex> lock(mutex);
    const Quiet quiet;
    const Handle dataset(H5Dopen2(this->Opened->Id, this->Name.c_str(), H5P_DEFAULT), H5Dclose);
    const Handle stored(H5Dget_type(dataset), H5Tclose);
    const Handle space(H5Dget_space(dataset), H5Sclose);
    std::vector<hsize_t> begin, count;
    for (const ArrayRange& range : box)
    {
      begin.push_back(range.Begin);
      count.push_back(range.Count);
    }
    const Handle memory(
      H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr), H5Sclose);
    if (H5Sselect_hyperslab(space, H5S_SELECT_SET, begin.data(), nullptr, count.data(), nullptr) <
        0 ||
      H5Dread(dataset, this->Type == NumberType::Bool ? hid_t(stored) : NativeType(this->Type),
        memory, space, H5P_DEFAULT, numbers) < 0)
    {
      FailToRead(
        this->File + " > " + this->Name, "is damaged or incomplete; copy or write it again.");
    }
  }

private:
  std::shared_ptr<const OpenedFile> Opened;
};

struct Visit
{
  std::string Path;
  std::shared_ptr<const OpenedFile> Opened;
  std::vector<SharedArray> Arrays;
};

/** Whether the numbers lie in the file itself, not in others that it names. */
bool IsSelfContained(hid_t dataset)
{
  const Handle properties(H5Dget_create_plist(dataset), H5Pclose);
  return H5Pget_layout(properties) != H5D_VIRTUAL && H5Pget_external_count(properties) <= 0;
}

herr_t Add(hid_t root, const char* name, const H5O_info_t* info, void* context)
{
  auto& visit = *static_cast<Visit*>(context);
  if (info->type != H5O_TYPE_DATASET)
  {
    return 0;
  }
  const Handle dataset(H5Dopen2(root, name, H5P_DEFAULT), H5Dclose);
  const Handle space(H5Dget_space(dataset), H5Sclose);
  const int dimensions = H5Sget_simple_extent_ndims(space);
  NumberType type = NumberType::Float32;
  if (dimensions < 1 || !FindType(dataset, type) || !IsSelfContained(dataset))
  {
    return 0;
  }
  std::vector<hsize_t> extents(static_cast<std::size_t>(dimensions));
  H5Sget_simple_extent_dims(space, extents.data(), nullptr);
  const std::vector<std::uint64_t> shape(extents.begin(), extents.end());
  if (ArrayBytes(shape, type) != ~std::uint64_t(0))
  {
    visit.Arrays.push_back(std::make_shared<HdfArray>(visit.Path, name, type, shape, visit.Opened));
  }
  return 0;
}
}

std::vector<SharedArray> OpenHdf(const std::string& file)
{
  const auto opened = [&file]
  {
    const std::lock_guard<std::mutex> lock(mutex);
    const Quiet quiet;
    return std::make_shared<const OpenedFile>(file);
  }();
  Visit visit{ file, opened, {} };
  const std::lock_guard<std::mutex> lock(mutex);
  const Quiet quiet;
  if (H5Ovisit2(opened->Id, H5_INDEX_NAME, H5_ITER_INC, Add, &visit, H5O_INFO_BASIC) < 0)
  {
    FailToRead(file, "is damaged or incomplete; copy or write it again.");
  }
  return std::move(visit.Arrays);
}
}
