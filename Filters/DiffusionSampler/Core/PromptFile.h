// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace tdl
{
/** A prompt and the name of the group it belongs to (empty: none). */
struct Prompt
{
  std::string Text;
  std::string Group;
};

/**
 * Reads prompts from a UTF-8 text. A `[group]` line opens a group, every other line is one prompt
 * of the group opened last, and `#` at the beginning of a line makes it a comment. Prompts before
 * the first heading belong to no group. Space around lines and names, empty lines, a byte order
 * mark and CRLF line ends are ignored.
 *
 * @param text the content of a prompt file.
 * @param name how errors call the text, usually its file name.
 * @throws FileError when a line is not UTF-8, a heading is malformed or a prompt appears twice.
 */
std::vector<Prompt> ParsePrompts(std::string_view text, const std::string& name);

/**
 * Reads a prompt file, see ParsePrompts.
 * @throws FileError as ParsePrompts, and when the file cannot be read or holds no prompt.
 */
std::vector<Prompt> ReadPromptFile(const std::filesystem::path& file);
}
