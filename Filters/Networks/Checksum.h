// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

namespace tdl
{
/**
 * SHA-256 of a file's bytes, as 64 hexadecimal digits: which weights a result came from.
 * @throws FileError when the file cannot be read.
 */
std::string FileChecksum(const std::string& path);

/**
 * The same of the bytes of several files, one after the other. Large files are read only once while
 * their sizes and times stay the same.
 * @throws FileError as FileChecksum.
 */
std::string FilesChecksum(const std::vector<std::string>& paths);
}
