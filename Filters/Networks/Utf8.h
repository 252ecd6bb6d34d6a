// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/** What tokenizers ask of UTF-8 text. */
namespace tdl
{
/** A longer text is no prompt; in bytes. */
constexpr std::size_t MaximumPromptBytes = 1'000'000;

/** @throws DataError when a prompt is not UTF-8 or longer than MaximumPromptBytes. */
void RequirePrompt(std::string_view text);

/** Appends a code point's bytes. */
void AppendCodePoint(std::string& text, std::int32_t codePoint);

/** The code point at `position`, which moves behind it; negative where the bytes are not UTF-8. */
std::int32_t NextCodePoint(std::string_view text, std::size_t& position);

enum class CharacterClass
{
  Space,
  Letter,
  Number,
  Other
};

CharacterClass Classify(std::int32_t codePoint);

/** Where the characters of the wanted class, from the byte `begin` on, end. */
std::size_t EndOfRun(std::string_view text, std::size_t begin, CharacterClass wanted);

bool StartsWith(std::string_view text, std::string_view beginning);

/**
 * Bytes of the English contraction ('s, 't, 're, 've, 'm, 'll, 'd) that the text begins with; 0
 * where it begins with none.
 */
std::size_t ContractionSize(std::string_view text);
}
