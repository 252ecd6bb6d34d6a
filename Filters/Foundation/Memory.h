// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <string>

namespace tdl
{
/**
 * Bytes this process may still take: what the machine has left, or what its control group leaves
 * where that is less (containers, batch systems).
 */
std::uint64_t AvailableMemory();

/** A number of bytes for people: "1.5 MB", "12.34 GB". */
std::string FormatBytes(std::uint64_t bytes);
}
