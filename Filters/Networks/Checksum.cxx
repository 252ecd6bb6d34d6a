// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/Checksum.h"

#include "Filters/Foundation/Error.h"

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <system_error>

namespace tdl
{
namespace
{
// Smaller files are read again faster than they can be told to be the same.
constexpr std::uintmax_t RememberedBytes = std::uintmax_t(1) << 26;

// What tells that files did not change: paths, sizes and times; empty for small ones.
std::string Identity(const std::vector<std::string>& paths)
{
  std::string identity;
  std::uintmax_t bytes = 0;
  for (const std::string& path : paths)
  {
    std::error_code error; // reading the file will tell
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    const auto time = std::filesystem::last_write_time(path, error).time_since_epoch().count();
    identity += path + '\n' + std::to_string(size) + ' ' + std::to_string(time) + '\n';
    bytes += error ? 0 : size;
  }
  return bytes < RememberedBytes ? "" : identity;
}

std::string ReadChecksum(const std::vector<std::string>& paths)
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

std::string FileChecksum(const std::string& path)
{
  return FilesChecksum({ path });
}

std::string FilesChecksum(const std::vector<std::string>& paths)
{
  static std::mutex mutex;
  static std::map<std::string, std::string> known;
  const std::string identity = Identity(paths);
  const std::lock_guard<std::mutex> lock(mutex);
  if (identity.empty())
  {
    return ReadChecksum(paths);
  }
  std::string& checksum = known[identity];
  if (checksum.empty())
  {
    checksum = ReadChecksum(paths);
  }
  return checksum;
}
}
