// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <functional>
#include <iosfwd>
#include <string>

namespace tdl
{
/**
 * Writes a whole file or none: `write` fills a temporary file beside `path`, which takes its name
 * only once everything has been written. A failure leaves an existing file as it was.
 * @throws FileError naming `path` when it cannot be written; what `write` throws passes through.
 */
void WriteFileAtomically(const std::string& path, const std::function<void(std::ostream&)>& write);
}
