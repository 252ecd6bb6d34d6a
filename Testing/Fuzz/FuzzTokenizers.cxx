// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Filters/Foundation/Testing/TemporaryFolder.h"
#include "Filters/Networks/ClipTokenizer.h"
#include "Filters/Networks/GlideTokenizer.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

// Bytes of value 0 separate the files of a tokenizer and a prompt.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
  static const tdl::TemporaryFolder temporary("tdl-fuzz");
  const std::filesystem::path& folder = temporary.Path;
  std::string rest(reinterpret_cast<const char*>(data), size);
  const auto next = [&rest]
  {
    const std::size_t end = rest.find('\0');
    const std::string part = rest.substr(0, end);
    rest.erase(0, end == std::string::npos ? rest.size() : end + 1);
    return part;
  };
  for (const char* name : { "vocab.json", "merges.txt", "tokenizer_config.json",
         "special_tokens_map.json", "added_tokens.json" })
  {
    const std::string part = next();
    std::filesystem::remove(folder / name);
    if (!part.empty())
    {
      std::ofstream(folder / name, std::ios::binary) << part;
    }
  }
  try
  {
    const tdl::ClipTokenizer tokenizer(folder.string());
    tokenizer.Encode(rest);
  }
  catch (const tdl::Error&)
  {
  }
  try
  {
    const tdl::GlideTokenizer tokenizer(folder.string());
    tokenizer.Encode(rest, 16);
  }
  catch (const tdl::Error&)
  {
  }
  return 0;
}
