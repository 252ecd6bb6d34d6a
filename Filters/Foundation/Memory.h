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

/**
 * Demands that so much memory is available.
 * @param what begins the error, with a verb: "What is to be read needs".
 * @param remedy ends it: "choose fewer instances".
 * @throws ResourceError where it is not.
 */
void RequireMemory(const std::string& what, std::uint64_t bytes, const std::string& remedy);

/** A number of bytes for people: "1.5 MB", "12.34 GB". */
std::string FormatBytes(std::uint64_t bytes);
}
