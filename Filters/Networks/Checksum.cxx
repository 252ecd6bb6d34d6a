// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/Checksum.h"

#include "Filters/Foundation/Error.h"

#include <openssl/evp.h>

#include <array>
#include <fstream>
#include <memory>

namespace tdl
{
std::string FileChecksum(const std::string& path)
{
  return FilesChecksum({ path });
}

std::string FilesChecksum(const std::vector<std::string>& paths)
{
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest(
    EVP_MD_CTX_new(), EVP_MD_CTX_free);
  EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr);

  for (const std::string& path : paths)
  {
    std::ifstream stream(path, std::ios::binary);
    std::array<char, 1 << 16> block;
    do
    {
      stream.read(block.data(), block.size());
      EVP_DigestUpdate(digest.get(), block.data(), static_cast<std::size_t>(stream.gcount()));
    } while (stream);
    if (!stream.eof())
    {
      throw FileError("Cannot read '" + path + "'; check the path and its permissions.");
    }
  }

  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes;
  unsigned int size = 0;
  EVP_DigestFinal_ex(digest.get(), bytes.data(), &size);
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < size; ++i)
  {
    text += { digits[bytes[i] >> 4], digits[bytes[i] & 15] };
  }
  return text;
}
}
