// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Networks/BytePairs.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tdl
{
/**
 * Turns a prompt into the token ids that CLIP's text encoders take: transformers' CLIPTokenizer
 * (Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021;
 * byte-level byte-pair encoding: Radford et al. 2019, Sennrich, Haddow, Birch 2016).
 *
 * A text is split at the special tokens; what is between them is brought into normalization form C
 * and to lower case, and split into contractions, runs of letters, single digits and runs of other
 * characters. The UTF-8 bytes of each such word are symbols, which pairs of the merge list join.
 */
class ClipTokenizer
{
public:
  /**
   * Opens a folder that holds vocab.json and merges.txt, and optionally tokenizer_config.json,
   * special_tokens_map.json and added_tokens.json.
   * @throws FileError naming the file that is missing or broken, or the key of a setting that is
   * not supported.
   */
  explicit ClipTokenizer(const std::string& folder);

  /**
   * The ids of a text's tokens, however many they are.
   * @param text UTF-8, see RequirePrompt.
   * @throws DataError when the text is not UTF-8 or too long.
   */
  std::vector<std::int64_t> Tokenize(std::string_view text) const;

  /**
   * What the text encoder takes, Length() ids: the begin token, the text's tokens, of which those
   * that do not fit are left out at the end, the end token, and padding.
   * @throws DataError as Tokenize does.
   */
  std::vector<std::int64_t> Encode(std::string_view text) const;

  /** Number of ids that Encode returns; two of them are the begin and the end token. */
  std::size_t Length() const { return this->EncodedLength; }

  std::int64_t BeginId() const { return this->Begin; }
  std::int64_t EndId() const { return this->End; }
  std::int64_t PaddingId() const { return this->Padding; }

private:
  /** A token that is recognized in the text as it is written. */
  struct LiteralToken
  {
    std::string Text;
    std::int64_t Id;
  };

  void AddToken(const std::string& text);
  std::int64_t IdOf(const std::string& token) const;
  void TokenizeNormalized(std::string_view text, std::vector<std::int64_t>& ids) const;
  void TokenizeWord(std::string_view word, std::vector<std::int64_t>& ids) const;

  BytePairs Pairs;
  std::unordered_map<std::string, std::int64_t> AddedIds; ///< Of literal tokens, by their text.
  std::vector<LiteralToken> Literals;                     ///< Sought in the text as it was given.
  std::vector<LiteralToken> NormalizedLiterals;           ///< Sought in the normalized text.
  std::array<std::int64_t, 256> ByteIds{};                ///< Of a byte within a word.
  std::array<std::int64_t, 256> LastByteIds{};            ///< Of the last byte of a word.
  std::int64_t Begin = 0;
  std::int64_t End = 0;
  std::int64_t Padding = 0;
  std::size_t EncodedLength = 0;
};
}
