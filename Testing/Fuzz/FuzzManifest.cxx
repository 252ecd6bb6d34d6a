// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Readers/Manifest/Manifest.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

// What is read is written as what reads the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const tdl::ManifestKind kind : { tdl::ManifestKind::Run, tdl::ManifestKind::Features })
  {
    std::string once;
    try
    {
      once = tdl::FormatManifest(tdl::ParseManifest(text, kind, "fuzz"));
    }
    catch (const tdl::Error&)
    {
      continue;
    }
    if (tdl::FormatManifest(tdl::ParseManifest(once, kind, "once")).size() != once.size())
    {
      std::abort();
    }
  }
  return 0;
}
