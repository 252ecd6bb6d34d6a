// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/Utf8.h"

#include "Filters/Foundation/Error.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>

namespace tdl
{
void RequirePrompt(std::string_view text)
{
  if (text.size() > MaximumPromptBytes)
  {
    throw DataError("A prompt of " + std::to_string(text.size()) + " bytes is too long; at most " +
      std::to_string(MaximumPromptBytes) + " are possible.");
  }
  for (std::size_t position = 0; position < text.size();)
  {
    const std::size_t begin = position;
    if (NextCodePoint(text, position) < 0)
    {
      throw DataError("The prompt is not UTF-8 at byte " + std::to_string(begin) +
        "; enter it anew or save its file as UTF-8.");
    }
  }
}

void AppendCodePoint(std::string& text, std::int32_t codePoint)
{
  std::array<char, U8_MAX_LENGTH> bytes{};
  std::int32_t count = 0;
  U8_APPEND_UNSAFE(bytes.data(), count, codePoint);
  text.append(bytes.data(), static_cast<std::size_t>(count));
}

std::int32_t NextCodePoint(std::string_view text, std::size_t& position)
{
  UChar32 codePoint = 0;
  U8_NEXT(text.data(), position, text.size(), codePoint);
  return codePoint;
}

CharacterClass Classify(std::int32_t codePoint)
{
  const std::uint32_t category = U_GET_GC_MASK(codePoint);
  if ((category & U_GC_L_MASK) != 0)
  {
    return CharacterClass::Letter;
  }
  if ((category & U_GC_N_MASK) != 0)
  {
    return CharacterClass::Number;
  }
  return u_isUWhiteSpace(codePoint) != 0 ? CharacterClass::Space : CharacterClass::Other;
}

std::size_t EndOfRun(std::string_view text, std::size_t begin, CharacterClass wanted)
{
  std::size_t end = begin;
  while (end < text.size())
  {
    std::size_t next = end;
    if (Classify(NextCodePoint(text, next)) != wanted)
    {
      break;
    }
    end = next;
  }
  return end;
}

bool StartsWith(std::string_view text, std::string_view beginning)
{
  return text.compare(0, beginning.size(), beginning) == 0;
}

std::size_t ContractionSize(std::string_view text)
{
  static constexpr std::array<std::string_view, 7> contractions{ "'s", "'t", "'re", "'ve", "'m",
    "'ll", "'d" };
  const auto* contraction = std::find_if(contractions.begin(), contractions.end(),
    [text](std::string_view candidate) { return StartsWith(text, candidate); });
  return contraction == contractions.end() ? 0 : contraction->size();
}
}
