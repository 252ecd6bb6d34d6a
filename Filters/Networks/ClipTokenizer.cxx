// SPDX-License-Identifier: BSD-3-Clause
#include "Filters/Networks/ClipTokenizer.h"

#include "Filters/Foundation/Configuration.h"
#include "Filters/Foundation/Error.h"
#include "Filters/Networks/Utf8.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

namespace tdl
{
namespace
{
constexpr char EndOfWord[] = "</w>";
constexpr std::size_t DefaultLength = 77;

/** The keys of the tokens that have a purpose, in the order in which transformers adds them. */
constexpr std::array NamedTokens{ "bos_token", "eos_token", "unk_token", "sep_token", "pad_token",
  "cls_token", "mask_token" };

/** Of the tokens whose text no file gives; the end token is also that of the unknown and padding.
 */
constexpr char BeginText[] = "<|startoftext|>";
constexpr char EndText[] = "<|endoftext|>";

/** Normalization form C, white space as single spaces, lower case. */
std::string Normalize(std::string_view text)
{
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* composition = icu::Normalizer2::getNFCInstance(status);
  std::string composed;
  if (U_SUCCESS(status))
  {
    icu::StringByteSink<std::string> sink(&composed);
    composition->normalizeUTF8(
      0, { text.data(), static_cast<std::int32_t>(text.size()) }, sink, nullptr, status);
  }
  if (U_FAILURE(status))
  {
    throw ResourceError(std::string("ICU cannot normalize text (")
                          .append(u_errorName(status))
                          .append("); install its data."));
  }
  std::string normalized;
  normalized.reserve(composed.size());
  bool inSpace = false;
  for (std::size_t position = 0; position < composed.size();)
  {
    const UChar32 codePoint = NextCodePoint(composed, position);
    const bool space = u_isUWhiteSpace(codePoint) != 0;
    constexpr UChar32 capitalIWithDot = 0x130;
    if (codePoint == capitalIWithDot)
    {
      normalized += "i\u0307"; // The one letter whose lower case has two code points.
    }
    else if (!space)
    {
      AppendCodePoint(normalized, u_tolower(codePoint));
    }
    else if (!inSpace)
    {
      normalized += ' ';
    }
    inSpace = space;
  }
  return normalized;
}

/** Calls onText for what is between the tokens and onToken for each; of several the longest. */
template <typename Tokens, typename OnText, typename OnToken>
void SplitAt(const Tokens& tokens, std::string_view text, OnText onText, OnToken onToken)
{
  std::size_t begin = 0;
  for (std::size_t position = 0; position < text.size();)
  {
    const auto found = std::find_if(tokens.begin(), tokens.end(),
      [&](const auto& token) { return StartsWith(text.substr(position), token.Text); });
    if (found == tokens.end())
    {
      ++position;
      continue;
    }
    onText(text.substr(begin, position - begin));
    onToken(*found);
    position += found->Text.size();
    begin = position;
  }
  onText(text.substr(begin));
}

void SkipSpace(std::string_view& text)
{
  text.remove_prefix(EndOfRun(text, 0, CharacterClass::Space));
}

/**
 * Cuts the first word off `text`, which begins with no white space, and returns it. The words are
 * those of CLIP's regular expression, whose first matching alternative counts:
 * 's|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+
 */
std::string_view TakeWord(std::string_view& text)
{
  std::size_t end = ContractionSize(text);
  if (end == 0)
  {
    const CharacterClass first = Classify(NextCodePoint(text, end));
    end = first == CharacterClass::Number ? end : EndOfRun(text, end, first);
  }
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

/** A token that is recognized in the text as it is written. */
struct AddedToken
{
  std::string Text;
  bool Normalized = false;        ///< It is sought in the normalized text.
  bool Plain = true;              ///< It was given as a text, not as an object.
  std::optional<std::int64_t> Id; ///< Where a file gives it.
};

[[noreturn]] void RefuseToken(
  const Configuration& file, const std::string& key, const nlohmann::json& value)
{
  throw FileError("'" + file.Path() + "' has " + key + " = " + value.dump() +
    ", which is not supported; choose another model.");
}

/** A token that is given as a text or as an object. */
AddedToken ReadToken(const Configuration& file, const std::string& key, const nlohmann::json& value)
{
  if (value.is_string() && !value.get<std::string>().empty())
  {
    return { value.get<std::string>(), false, true, std::nullopt };
  }
  const auto has = [&value](const char* option, auto isType)
  { return value.contains(option) && (value[option].*isType)(); };
  if (!value.is_object() || !has("content", &nlohmann::json::is_string) ||
    !has("normalized", &nlohmann::json::is_boolean) ||
    value.value("single_word", nlohmann::json(false)) != false)
  {
    RefuseToken(file, key, value);
  }
  const auto text = value["content"].get<std::string>();
  if (text.empty())
  {
    RefuseToken(file, key, value);
  }
  return { text, value["normalized"].get<bool>(), false, std::nullopt };
}

/** What a tokenizer's folder says beside vocab.json and merges.txt, with transformers' defaults. */
struct TokenizerSettings
{
  /** By key: bos_token and so on. */
  std::map<std::string, AddedToken> Named;
  /** All in the order in which they are added; of those of one text, the last counts. */
  std::vector<AddedToken> Added;
  std::size_t Length = DefaultLength;

  explicit TokenizerSettings(const std::string& folder)
    : Config(Open(folder, "tokenizer_config.json"))
    , Specials(Open(folder, "special_tokens_map.json"))
    , OldAdded(Open(folder, "added_tokens.json"))
  {
    if (this->Config)
    {
      this->ReadOptions();
      if (this->Config->Has("added_tokens_decoder"))
      {
        // The other two files are from before this list, and no longer count.
        this->Specials.reset();
        this->OldAdded.reset();
      }
    }
    this->ReadNamed();
    this->ReadListed();
    for (const char* key : NamedTokens)
    {
      const auto found = this->Named.find(key);
      if (found != this->Named.end())
      {
        this->Add(found->second);
      }
    }
    this->ReadFurther();
  }

private:
  using OptionalFile = std::optional<Configuration>;

  static OptionalFile Open(const std::string& folder, const char* name)
  {
    const std::filesystem::path path = std::filesystem::path(folder) / name;
    return std::filesystem::exists(path) ? OptionalFile(path.string()) : std::nullopt;
  }

  void ReadOptions()
  {
    const auto tokenizerClass = this->Config->Get<std::string>("tokenizer_class", "CLIPTokenizer");
    if (tokenizerClass != "CLIPTokenizer" && tokenizerClass != "CLIPTokenizerFast")
    {
      this->Config->Refuse("tokenizer_class");
    }
    this->Config->Require<std::string>("padding_side", "right");
    this->Config->Require<std::string>("truncation_side", "right");
    const auto length = this->Config->Get<double>("model_max_length", DefaultLength);
    constexpr double shortest = 3;       // the begin token, one of the text, the end token
    constexpr double unlimited = 100000; // transformers writes 1e30 where it knows no length
    if (!(length >= shortest))
    {
      this->Config->Refuse("model_max_length");
    }
    this->Length = length > unlimited ? DefaultLength : static_cast<std::size_t>(length);
  }

  void ReadNamed()
  {
    for (const char* key : NamedTokens)
    {
      for (const auto* file : { &this->Specials, &this->Config })
      {
        if (*file && (*file)->Has(key))
        {
          this->Named[key] = ReadToken(**file, key, (*file)->Get<nlohmann::json>(key, {}));
          break;
        }
      }
    }
    for (const auto& [key, text] : { std::pair("bos_token", BeginText), { "eos_token", EndText },
           { "unk_token", EndText }, { "pad_token", EndText } })
    {
      AddedToken& token = this->Named[key];
      token.Text = token.Text.empty() ? text : token.Text;
    }
  }

  /** The tokens that a file lists with their ids, in the order of these. */
  void ReadListed()
  {
    if (this->Config)
    {
      for (const auto& [id, value] :
        this->Config->Get<std::map<std::string, nlohmann::json>>("added_tokens_decoder", {}))
      {
        const std::string key = "added_tokens_decoder." + id;
        AddedToken token = ReadToken(*this->Config, key, value);
        std::int64_t number = 0;
        const auto parsed = std::from_chars(id.data(), id.data() + id.size(), number);
        if (parsed.ec != std::errc() || parsed.ptr != id.data() + id.size())
        {
          RefuseToken(*this->Config, key, value);
        }
        token.Id = number;
        this->Added.push_back(std::move(token));
      }
    }
    if (this->OldAdded)
    {
      const nlohmann::json ids = ReadJsonObject(this->OldAdded->Path());
      for (const auto& [text, id] : ids.items())
      {
        if (text.empty()) // would be found without end
        {
          RefuseToken(*this->OldAdded, "the empty text", id);
        }
        if (!id.is_number_integer())
        {
          RefuseToken(*this->OldAdded, text, id);
        }
        const bool special = std::any_of(this->Named.begin(), this->Named.end(),
          [&text = text](const auto& named) { return named.second.Text == text; });
        this->Added.push_back({ text, !special, false, id.get<std::int64_t>() });
      }
    }
    std::stable_sort(this->Added.begin(), this->Added.end(),
      [](const AddedToken& a, const AddedToken& b) { return a.Id < b.Id; });
  }

  /** Adds a token as transformers does: not where it is listed, nor twice as it is. */
  void Add(const AddedToken& token)
  {
    if (std::none_of(this->Added.begin(), this->Added.end(),
          [&token](const AddedToken& other)
          {
            return other.Text == token.Text &&
              (other.Id || (other.Normalized == token.Normalized && other.Plain == token.Plain));
          }))
    {
      this->Added.push_back(token);
    }
  }

  void ReadFurther()
  {
    for (const auto* file : { &this->Config, &this->Specials })
    {
      for (const char* key : { "additional_special_tokens", "extra_special_tokens" })
      {
        if (*file)
        {
          for (const auto& value : (*file)->Get<std::vector<nlohmann::json>>(key, {}))
          {
            this->Add(ReadToken(**file, key, value));
          }
        }
      }
    }
  }

  OptionalFile Config;
  OptionalFile Specials;
  OptionalFile OldAdded;
};

}

ClipTokenizer::ClipTokenizer(const std::string& folder)
  : Pairs(folder)
{
  TokenizerSettings settings(folder);
  std::map<std::string, bool> normalized;
  for (const AddedToken& token : settings.Added)
  {
    this->AddToken(token.Text);
    normalized[token.Text] = token.Normalized;
    if (token.Id && *token.Id != this->IdOf(token.Text))
    {
      throw FileError("In the tokenizer '" + folder + "' token '" + token.Text + "' has the id " +
        std::to_string(*token.Id) + ", but vocab.json makes it " +
        std::to_string(this->IdOf(token.Text)) + "; choose files that belong together.");
    }
  }
  for (const auto& [text, sought] : normalized)
  {
    (sought ? this->NormalizedLiterals : this->Literals)
      .push_back({ sought ? Normalize(text) : text, this->IdOf(text) });
  }
  // Of tokens that begin alike, the longest is found.
  for (auto* literals : { &this->Literals, &this->NormalizedLiterals })
  {
    std::stable_sort(literals->begin(), literals->end(),
      [](const LiteralToken& a, const LiteralToken& b) { return a.Text.size() > b.Text.size(); });
  }

  this->EncodedLength = settings.Length;
  this->Begin = this->IdOf(settings.Named["bos_token"].Text);
  this->End = this->IdOf(settings.Named["eos_token"].Text);
  this->Padding = this->IdOf(settings.Named["pad_token"].Text);
  const std::string& unknown = settings.Named["unk_token"].Text;
  const auto unknownId = this->Pairs.Find(unknown);
  if (!unknownId)
  {
    throw FileError("'" + (std::filesystem::path(folder) / "vocab.json").string() + "' lacks '" +
      unknown + "', the token of the unknown; choose files that belong together.");
  }
  const auto symbols = BytePairs::ByteSymbols();
  const auto idOfSymbol = [&](const std::string& symbol)
  { return this->Pairs.Find(symbol).value_or(*unknownId); };
  for (std::size_t byte = 0; byte < symbols.size(); ++byte)
  {
    this->ByteIds[byte] = idOfSymbol(symbols[byte]);
    this->LastByteIds[byte] = idOfSymbol(symbols[byte] + EndOfWord);
  }
}

std::int64_t ClipTokenizer::IdOf(const std::string& token) const
{
  const auto id = this->Pairs.Find(token);
  return id ? *id : this->AddedIds.at(token);
}

void ClipTokenizer::AddToken(const std::string& text)
{
  auto id = static_cast<std::int64_t>(this->Pairs.Size());
  for (const auto& added : this->AddedIds)
  {
    id = std::max(id, added.second + 1);
  }
  this->AddedIds.emplace(text, this->Pairs.Find(text).value_or(id));
}

std::vector<std::int64_t> ClipTokenizer::Tokenize(std::string_view text) const
{
  RequirePrompt(text);
  std::vector<std::int64_t> ids;
  const auto append = [&ids](const LiteralToken& token) { ids.push_back(token.Id); };
  SplitAt(
    this->Literals, text,
    [&](std::string_view part)
    {
      SplitAt(
        this->NormalizedLiterals, Normalize(part),
        [&](std::string_view normalized) { this->TokenizeNormalized(normalized, ids); }, append);
    },
    append);
  return ids;
}

std::vector<std::int64_t> ClipTokenizer::Encode(std::string_view text) const
{
  std::vector<std::int64_t> ids = this->Tokenize(text);
  ids.resize(std::min(ids.size(), this->EncodedLength - 2));
  ids.insert(ids.begin(), this->Begin);
  ids.push_back(this->End);
  ids.resize(this->EncodedLength, this->Padding);
  return ids;
}

void ClipTokenizer::TokenizeNormalized(std::string_view text, std::vector<std::int64_t>& ids) const
{
  static constexpr std::array<std::string_view, 2> literals{ BeginText, EndText };
  for (SkipSpace(text); !text.empty(); SkipSpace(text))
  {
    const auto* literal = std::find_if(literals.begin(), literals.end(),
      [text](std::string_view candidate) { return StartsWith(text, candidate); });
    if (literal == literals.end())
    {
      this->TokenizeWord(TakeWord(text), ids);
      continue;
    }
    // transformers takes it as a word, even from what is not a special token as it is written, and
    // then splits that word as a text of its own.
    for (std::string_view rest = *literal; !rest.empty();)
    {
      this->TokenizeWord(TakeWord(rest), ids);
    }
    text.remove_prefix(literal->size());
  }
}

void ClipTokenizer::TokenizeWord(std::string_view word, std::vector<std::int64_t>& ids) const
{
  std::vector<std::int64_t> symbols;
  symbols.reserve(word.size());
  for (std::size_t i = 0; i < word.size(); ++i)
  {
    const auto byte = static_cast<unsigned char>(word[i]);
    symbols.push_back((i + 1 < word.size() ? this->ByteIds : this->LastByteIds)[byte]);
  }
  this->Pairs.Join(symbols, ids);
}
}
