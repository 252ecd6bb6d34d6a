// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/GlideTokenizer.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Networks/Utf8.h"

#include <unicode/bytestream.h>
#include <unicode/casemap.h>

#include <algorithm>
#include <optional>

namespace tdl
{
namespace
{
/** In no language in particular: as Python's str.lower. */
std::string LowerCase(std::string_view text)
{
  UErrorCode status = U_ZERO_ERROR;
  std::string lower;
  icu::StringByteSink<std::string> sink(&lower);
  icu::CaseMap::utf8ToLower(
    "", 0, { text.data(), static_cast<std::int32_t>(text.size()) }, sink, nullptr, status);
  if (U_FAILURE(status))
  {
    throw ResourceError(std::string("ICU cannot bring text to lower case (")
                          .append(u_errorName(status))
                          .append("); install its data."));
  }
  return lower;
}

/**
 * Bytes of the first word of a text, which is not empty. The words are those of GPT-2's regular
 * expression, whose first matching alternative counts:
 * 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 */
std::size_t WordSize(std::string_view text)
{
  const std::size_t contraction = ContractionSize(text);
  if (contraction > 0)
  {
    return contraction;
  }
  const std::size_t begin = text.front() == ' ' && text.size() > 1 ? 1 : 0;
  std::size_t next = begin;
  const CharacterClass kind = Classify(NextCodePoint(text, next));
  if (kind != CharacterClass::Space)
  {
    return EndOfRun(text, begin, kind);
  }
  // White space, less its last character where a word follows, which may take that.
  const std::size_t end = EndOfRun(text, 0, CharacterClass::Space);
  std::size_t last = 0;
  for (std::size_t position = 0; position < end;)
  {
    last = position;
    NextCodePoint(text, position);
  }
  return end < text.size() && last > 0 ? last : end;
}
}

GlideTokenizer::GlideTokenizer(const std::string& folder)
  : Pairs(folder)
{
  const auto symbols = BytePairs::ByteSymbols();
  for (std::size_t byte = 0; byte < symbols.size(); ++byte)
  {
    const auto id = this->Pairs.Find(symbols[byte]);
    if (!id)
    {
      throw FileError("The vocab.json of the tokenizer '" + folder + "' lacks '" + symbols[byte] +
        "', which stands for a byte; choose the one that belongs to GLIDE.");
    }
    this->ByteIds[byte] = *id;
  }
}

std::vector<std::int64_t> GlideTokenizer::Tokenize(std::string_view text) const
{
  RequirePrompt(text);
  const std::string lower = LowerCase(text);
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> symbols;
  for (std::string_view rest = lower; !rest.empty();)
  {
    const std::string_view word = rest.substr(0, WordSize(rest));
    rest.remove_prefix(word.size());
    symbols.clear();
    std::transform(word.begin(), word.end(), std::back_inserter(symbols),
      [this](char byte) { return this->ByteIds[static_cast<unsigned char>(byte)]; });
    this->Pairs.Join(symbols, ids);
  }
  return ids;
}

GlideTokenizer::Encoded GlideTokenizer::Encode(std::string_view text, std::size_t length) const
{
  Encoded encoded;
  encoded.Ids = this->Tokenize(text);
  encoded.Mask.assign(std::min(encoded.Ids.size(), length), true);
  encoded.Mask.resize(length, false);
  encoded.Ids.resize(length, static_cast<std::int64_t>(this->Size()) - 1);
  return encoded;
}
}
