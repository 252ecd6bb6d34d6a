// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Readers/Arrays/Formats.h"

#include <zip.h>

#include <algorithm>
#include <mutex>
#include <string_view>

namespace tdl
{
namespace
{
// What DEFLATE compresses by at most, and what it may add to nothing.
constexpr std::uint64_t MaximumRatio = 1032;
constexpr std::uint64_t MaximumFrame = 1032;

/** An open zip file, which one thread may use at a time. */
struct Archive
{
  explicit Archive(const std::string& file)
  {
    int code = 0;
    this->Zip = zip_open(file.c_str(), ZIP_RDONLY, &code);
    if (this->Zip == nullptr)
    {
      zip_error_t error;
      zip_error_init_with_code(&error, code);
      const std::string reason = zip_error_strerror(&error);
      zip_error_fini(&error);
      FailToRead(file, "is no sound .npz file (" + reason + "); copy it or write it again.");
    }
  }
  ~Archive() { zip_discard(this->Zip); }
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  zip_t* Zip = nullptr;
  std::mutex Mutex;
};

/** Reads an entry of an archive from its beginning. */
class EntryReader
{
public:
  EntryReader(const std::string& name, zip_t* zip, zip_uint64_t index)
    : Name(name)
    , File(zip_fopen_index(zip, index, 0))
  {
    if (this->File == nullptr)
    {
      FailToRead(
        name, std::string("cannot be inflated (") + zip_strerror(zip) + "); write it again.");
    }
  }
  ~EntryReader() { zip_fclose(this->File); }
  EntryReader(const EntryReader&) = delete;
  EntryReader& operator=(const EntryReader&) = delete;

  /** Reads as many bytes as there are, at most `size`. */
  std::size_t Read(std::byte* bytes, std::size_t size)
  {
    std::size_t done = 0;
    while (done < size)
    {
      const zip_int64_t count = zip_fread(this->File, bytes + done, size - done);
      if (count < 0)
      {
        FailToRead(this->Name,
          std::string("is damaged (") + zip_file_strerror(this->File) +
            "); copy or write it again.");
      }
      if (count == 0)
      {
        break;
      }
      done += static_cast<std::size_t>(count);
    }
    return done;
  }

private:
  const std::string& Name;
  zip_file_t* File;
};

/** An array in an archive, which is inflated when it is first read. */
class NpzArray : public NumberArray
{
public:
  NpzArray(std::string file, std::string name, const NpyHeader& header,
    std::shared_ptr<Archive> archive, zip_uint64_t index)
    : NumberArray(std::move(file), std::move(name), header.Type, header.Shape)
    , Header(header)
    , Zip(std::move(archive))
    , Index(index)
  {
  }

  std::uint64_t GetMemory() const override { return ArrayBytes(this->Shape, this->Type); }

  void Read(const std::vector<ArrayRange>& box, std::byte* numbers) const override
  {
    this->Inflate();
    this->Inflated->Read(box, numbers);
  }

private:
  void Inflate() const
  {
    const std::lock_guard<std::mutex> lock(this->Zip->Mutex);
    if (this->Inflated)
    {
      return;
    }
    const std::string name = this->File + " > " + this->Name;
    EntryReader reader(name, this->Zip->Zip, this->Index);
    std::vector<std::byte> header(this->Header.DataOffset);
    const auto data = std::make_shared<std::vector<std::byte>>(this->GetMemory());
    // One byte more, so that the end is met and with it the entry's checksum.
    std::byte end{};
    if (reader.Read(header.data(), header.size()) < header.size() ||
      reader.Read(data->data(), data->size()) < data->size() || reader.Read(&end, 1) != 0)
    {
      FailToRead(name, "is not as long as it says; copy or write it again.");
    }
    this->Inflated = std::make_unique<MemoryArray>(
      this->File, this->Name, this->Type, this->Shape, this->Header.Order, data, data->data());
  }

  NpyHeader Header;
  std::shared_ptr<Archive> Zip;
  zip_uint64_t Index;
  mutable std::unique_ptr<MemoryArray> Inflated;
};

/** The size of an entry when it is inflated, after checks that it can be true. */
std::uint64_t InflatedSize(const std::string& name, const zip_stat_t& entry)
{
  constexpr zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  const bool stored = entry.comp_method == ZIP_CM_STORE;
  if ((entry.valid & needed) != needed || (!stored && entry.comp_method != ZIP_CM_DEFLATE))
  {
    FailToRead(name, "is compressed in a way that NumPy does not use; write it with numpy.savez.");
  }
  const std::uint64_t most = stored ? entry.comp_size
    : entry.comp_size > ~std::uint64_t(0) / MaximumRatio - MaximumFrame
    ? ~std::uint64_t(0)
    : entry.comp_size * MaximumRatio + MaximumFrame;
  if (entry.size > most)
  {
    FailToRead(name,
      "claims to inflate from " + std::to_string(entry.comp_size) + " to " +
        std::to_string(entry.size) + " bytes, which cannot be; copy or write it again.");
  }
  return entry.size;
}
}

std::vector<SharedArray> OpenNpz(const std::string& file)
{
  const auto archive = std::make_shared<Archive>(file);
  std::vector<SharedArray> arrays;
  const zip_int64_t count = zip_get_num_entries(archive->Zip, 0);
  for (zip_int64_t i = 0; i < count; ++i)
  {
    const auto index = static_cast<zip_uint64_t>(i);
    zip_stat_t entry;
    if (zip_stat_index(archive->Zip, index, 0, &entry) != 0 || entry.name == nullptr)
    {
      FailToRead(file, "has an entry that cannot be read; copy or write it again.");
    }
    constexpr std::string_view extension = ".npy";
    std::string name = entry.name;
    const std::string full = std::string(file).append(" > ").append(name);
    if (name.size() <= extension.size() ||
      name.compare(name.size() - extension.size(), extension.size(), extension) != 0)
    {
      FailToRead(full, "is no array; write the file with numpy.savez.");
    }
    name.resize(name.size() - extension.size());
    if (std::any_of(arrays.begin(), arrays.end(),
          [&name](const SharedArray& array) { return array->Name == name; }))
    {
      FailToRead(full, "is there twice; write the file again.");
    }
    const std::uint64_t size = InflatedSize(full, entry);
    std::vector<std::byte> start(std::min<std::uint64_t>(size, MaximumNpyHeader));
    start.resize(EntryReader(full, archive->Zip, index).Read(start.data(), start.size()));
    try
    {
      const NpyHeader header = ParseNpyHeader(full, start.data(), start.size(), size);
      arrays.push_back(std::make_shared<NpzArray>(file, name, header, archive, index));
    }
    catch (const NoNumbersError&)
    {
      // Passed over, as texts beside the numbers are usual.
    }
  }
  return arrays;
}
}
