// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Foundation/Error.h"
#include "Readers/Manifest/Table.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

// The run that a table describes can be written as a manifest and read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const tdl::ManifestKind kind : { tdl::ManifestKind::Run, tdl::ManifestKind::Features })
  {
    tdl::ManifestTable table;
    try
    {
      table = tdl::ParseTable(text, kind, "fuzz");
    }
    catch (const tdl::FileError&)
    {
      continue;
    }
    const tdl::Manifest& description = table.Description;
    if (description.Rows.size() * table.Columns.size() > table.Cells.size())
    {
      std::abort();
    }
    const tdl::Manifest copy =
      tdl::ParseManifest(tdl::FormatManifest(description), kind, "written");
    if (copy.Instances.size() != description.Instances.size() ||
      copy.Rows.size() != description.Rows.size())
    {
      std::abort();
    }
  }
  return 0;
}
