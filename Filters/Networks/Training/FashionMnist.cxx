// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/Training/FashionMnist.h"

#include "Filters/Foundation/Error.h"

#include <ATen/ATen.h>
#include <zlib.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace tdl
{
namespace
{
/** Reads an IDX file of unsigned bytes with `dimensions` dimensions. */
at::Tensor ReadIdx(const std::string& path, std::size_t dimensions)
{
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file)
  {
    throw FileError("Cannot open '" + path +
      "'; install the package dataset-fashion-mnist or name its folder with --data.");
  }
  const FileError broken("'" + path + "' is not an IDX file of bytes; install it again.");
  const auto readNumber = [&file, &broken]
  {
    std::array<unsigned char, 4> bytes{};
    if (gzread(file.get(), bytes.data(), bytes.size()) != static_cast<int>(bytes.size()))
    {
      throw broken;
    }
    return (std::int64_t{ bytes[0] } << 24) | (std::int64_t{ bytes[1] } << 16) |
      (std::int64_t{ bytes[2] } << 8) | std::int64_t{ bytes[3] };
  };
  constexpr std::int64_t ByteType = 0x08;
  if (readNumber() != ((ByteType << 8) | static_cast<std::int64_t>(dimensions)))
  {
    throw broken;
  }
  std::vector<std::int64_t> shape(dimensions);
  std::int64_t size = 1;
  for (std::int64_t& extent : shape)
  {
    extent = readNumber();
    size *= extent;
    if (size <= 0 || size > 100'000'000)
    {
      throw broken;
    }
  }
  at::Tensor values = at::empty(shape, at::kByte);
  if (gzread(file.get(), values.data_ptr(), static_cast<unsigned>(size)) != size)
  {
    throw broken;
  }
  return values;
}
}

FashionMnist FashionMnist::Read(const std::string& folder, const std::string& split)
{
  FashionMnist data;
  data.Images = ReadIdx(folder + "/" + split + "-images-idx3-ubyte.gz", 3).unsqueeze(1);
  data.Labels = ReadIdx(folder + "/" + split + "-labels-idx1-ubyte.gz", 1).to(at::kLong);
  if (data.Images.size(0) != data.Labels.size(0))
  {
    throw FileError(
      "'" + folder + "' has a different number of images and labels; install it again.");
  }
  return data;
}
}
