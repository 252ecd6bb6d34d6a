// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace tdl
{
/**
 * Byte-level byte-pair encoding (Radford et al. 2019; Sennrich, Haddow, Birch 2016): the symbols of
 * a word, at first one per byte, are joined by pairs as long as the merge list has one.
 */
class BytePairs
{
public:
  /**
   * Opens a folder that holds vocab.json, the ids of the symbols, and merges.txt, the pairs in the
   * order in which they are joined.
   * @throws FileError naming the file that is missing or broken.
   */
  explicit BytePairs(const std::string& folder);

  /** The printable character that stands for each byte in the files. */
  static std::array<std::string, 256> ByteSymbols();

  /** The id of a symbol; none where the vocabulary lacks it. */
  std::optional<std::int64_t> Find(const std::string& symbol) const;

  /** Number of symbols. */
  std::size_t Size() const { return this->Vocabulary.size(); }

  /** Appends to `ids` what the symbols of a word are joined to. */
  void Join(const std::vector<std::int64_t>& word, std::vector<std::int64_t>& ids) const;

private:
  struct Merge
  {
    std::size_t Rank; ///< Pairs of lower rank are joined first.
    std::int64_t Id;  ///< Of the joined symbol.
  };

  void ReadVocabulary(const std::string& path);
  void ReadMerges(const std::string& path);

  std::unordered_map<std::string, std::int64_t> Vocabulary;
  std::unordered_map<std::uint64_t, Merge> Merges; ///< By the ids of a pair's symbols.
};
}
