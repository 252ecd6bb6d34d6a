// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/BytePairs.h"

#include "Filters/Foundation/Error.h"
#include "Filters/Networks/ModelFolder.h"
#include "Filters/Networks/Utf8.h"

#include <filesystem>
#include <fstream>
#include <limits>
#include <queue>
#include <set>
#include <tuple>

namespace tdl
{
namespace
{
std::uint64_t PairKey(std::int64_t left, std::int64_t right)
{
  constexpr unsigned bits = 32;
  return (static_cast<std::uint64_t>(left) << bits) | static_cast<std::uint64_t>(right);
}

FileError Broken(const std::string& path, const std::string& what)
{
  return FileError("'" + path + "' " + what + "; download it again.");
}
}

BytePairs::BytePairs(const std::string& folder)
{
  const std::filesystem::path path(folder);
  this->ReadVocabulary((path / "vocab.json").string());
  this->ReadMerges((path / "merges.txt").string());
}

// Latin-1's printable characters stand for themselves, the other bytes follow in order from U+0100.
std::array<std::string, 256> BytePairs::ByteSymbols()
{
  std::array<std::string, 256> symbols;
  std::int32_t substitute = 0x100;
  for (std::int32_t byte = 0; byte < 256; ++byte)
  {
    const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
    AppendCodePoint(symbols[static_cast<std::size_t>(byte)], printable ? byte : substitute++);
  }
  return symbols;
}

std::optional<std::int64_t> BytePairs::Find(const std::string& symbol) const
{
  const auto found = this->Vocabulary.find(symbol);
  return found == this->Vocabulary.end() ? std::nullopt : std::optional(found->second);
}

void BytePairs::ReadVocabulary(const std::string& path)
{
  const nlohmann::json json = ReadJsonObject(path);
  std::set<std::int64_t> ids;
  for (const auto& [token, value] : json.items())
  {
    if (!value.is_number_unsigned() ||
      value.get<std::uint64_t>() > std::numeric_limits<std::int32_t>::max())
    {
      throw Broken(path, "gives token '" + token + "' something other than a count as its id");
    }
    const auto id = value.get<std::int64_t>();
    if (!ids.insert(id).second)
    {
      throw Broken(path, "gives the id " + std::to_string(id) + " to two tokens");
    }
    this->Vocabulary.emplace(token, id);
  }
}

void BytePairs::ReadMerges(const std::string& path)
{
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
  {
    throw FileError("Cannot open '" + path + "'; check the path and its permissions.");
  }
  std::string line;
  for (std::size_t number = 1; std::getline(stream, line); ++number)
  {
    if (!line.empty() && line.back() == '\r')
    {
      line.pop_back();
    }
    if (line.rfind("#version", 0) == 0)
    {
      continue;
    }
    const std::size_t space = line.find(' ');
    if (space == std::string::npos || line.find(' ', space + 1) != std::string::npos)
    {
      throw Broken(path,
        "has something other than two symbols with a space between in line " +
          std::to_string(number));
    }
    const std::string left = line.substr(0, space);
    const std::string right = line.substr(space + 1);
    const auto leftFound = this->Vocabulary.find(left);
    const auto rightFound = this->Vocabulary.find(right);
    const auto joined = this->Vocabulary.find(left + right);
    if (leftFound == this->Vocabulary.end() || rightFound == this->Vocabulary.end() ||
      joined == this->Vocabulary.end())
    {
      throw FileError("'" + path + "' has tokens that vocab.json lacks in line " +
        std::to_string(number) + "; choose files that belong together.");
    }
    this->Merges[PairKey(leftFound->second, rightFound->second)] = { number, joined->second };
  }
  if (this->Merges.empty())
  {
    throw Broken(path, "holds no merges");
  }
}

void BytePairs::Join(const std::vector<std::int64_t>& word, std::vector<std::int64_t>& ids) const
{
  struct Symbol
  {
    std::int64_t Id;
    std::size_t Previous;
    std::size_t Next; ///< The word's length where it is the last.
    bool Joined;      ///< It is now part of one before it.
  };
  const std::size_t size = word.size();
  std::vector<Symbol> symbols(size);
  for (std::size_t i = 0; i < size; ++i)
  {
    symbols[i] = { word[i], i - 1, i + 1, false };
  }

  struct Candidate
  {
    std::size_t Rank;
    std::size_t Left; ///< Index of the pair's left symbol.
    std::uint64_t Pair;
    bool operator>(const Candidate& other) const
    {
      return std::tie(this->Rank, this->Left) > std::tie(other.Rank, other.Left);
    }
  };
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
  const auto pairAt = [&symbols](std::size_t left)
  { return PairKey(symbols[left].Id, symbols[symbols[left].Next].Id); };
  const auto consider = [&](std::size_t left)
  {
    const auto found = this->Merges.find(pairAt(left));
    if (found != this->Merges.end())
    {
      candidates.push({ found->second.Rank, left, found->first });
    }
  };
  for (std::size_t i = 0; i + 1 < size; ++i)
  {
    consider(i);
  }
  while (!candidates.empty())
  {
    const Candidate best = candidates.top();
    candidates.pop();
    Symbol& left = symbols[best.Left];
    if (left.Joined || left.Next == size || pairAt(best.Left) != best.Pair)
    {
      continue; // One of the two has been joined to another since.
    }
    left.Id = this->Merges.at(best.Pair).Id;
    symbols[left.Next].Joined = true;
    left.Next = symbols[left.Next].Next;
    if (left.Next < size)
    {
      symbols[left.Next].Previous = best.Left;
      consider(best.Left);
    }
    if (best.Left > 0)
    {
      consider(left.Previous);
    }
  }
  for (std::size_t i = 0; i < size; i = symbols[i].Next)
  {
    ids.push_back(symbols[i].Id);
  }
}
}
