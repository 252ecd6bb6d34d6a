// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include "Filters/Networks/BytePairs.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tdl
{
/**
 * Turns a prompt into the token ids that GLIDE's networks take: byte-level byte-pair encoding as of
 * GPT-2 (Radford et al., "Language Models are Unsupervised Multitask Learners", 2019), of the text
 * in lower case.
 *
 * A text is split into contractions, runs of letters, numbers or other characters, each with a
 * space before it, and runs of white space. The UTF-8 bytes of each are symbols, which pairs of the
 * merge list join.
 */
class GlideTokenizer
{
public:
  /** A text of a given length in tokens. */
  struct Encoded
  {
    std::vector<std::int64_t> Ids;
    std::vector<bool> Mask; ///< False where an id is padding.
  };

  /**
   * Opens a folder that holds vocab.json and merges.txt. The last id of the vocabulary is the end
   * token, which pads.
   * @throws FileError naming the file that is missing or broken.
   */
  explicit GlideTokenizer(const std::string& folder);

  /**
   * The ids of a text's tokens, however many they are.
   * @param text UTF-8, see RequirePrompt.
   * @throws DataError when the text is not UTF-8 or too long.
   */
  std::vector<std::int64_t> Tokenize(std::string_view text) const;

  /**
   * `length` tokens: those of the text, of which those that do not fit are left out at the end, and
   * padding.
   * @throws DataError as Tokenize does.
   */
  Encoded Encode(std::string_view text, std::size_t length) const;

  /** Number of tokens known. */
  std::size_t Size() const { return this->Pairs.Size(); }

private:
  BytePairs Pairs;
  std::array<std::int64_t, 256> ByteIds{};
};
}
