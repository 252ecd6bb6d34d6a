// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tdl
{
/**
 * Reads a JSON file whose top level is an object. The numbers Infinity, -Infinity and NaN, which
 * only Python writes, become strings.
 * @throws FileError naming the file when it is missing or not such JSON.
 */
nlohmann::json ReadJsonObject(const std::string& path);

/** A configuration file's settings, read by key with the class's default for a missing or null one.
 */
class Configuration
{
public:
  /** Reads `path`. @throws FileError as ReadJsonObject does. */
  explicit Configuration(const std::string& path)
    : Source(path)
    , Settings(ReadJsonObject(path))
  {
  }

  /** @throws FileError naming file and key when the value is not of the type asked for. */
  template <typename T>
  T Get(const std::string& key, const T& fallback) const
  {
    const auto found = this->Settings.find(key);
    if (found == this->Settings.end() || found->is_null())
    {
      return fallback;
    }
    try
    {
      return found->get<T>();
    }
    catch (const nlohmann::json::exception&)
    {
      this->Refuse(key);
    }
  }

  /** A count that must be at least `minimum`. @throws FileError as Get, and when it is smaller. */
  std::int64_t GetCount(
    const std::string& key, std::int64_t fallback, std::int64_t minimum = 1) const;

  /** A number greater than zero. @throws FileError as Get, and when it is not. */
  double GetPositive(const std::string& key, double fallback) const;

  /** `size` values: a list of them, or one value for all. @throws FileError as Get. */
  template <typename T>
  std::vector<T> GetPerItem(const std::string& key, const T& fallback, std::size_t size) const
  {
    const auto found = this->Settings.find(key);
    if (found == this->Settings.end() || !found->is_array())
    {
      return std::vector<T>(size, this->Get(key, fallback));
    }
    auto values = this->Get(key, std::vector<T>());
    if (values.size() != size)
    {
      this->Refuse(key);
    }
    return values;
  }

  /** `size` counts, each at least one: a list, or one count for all. @throws FileError as GetCount.
   */
  std::vector<std::int64_t> GetCounts(
    const std::string& key, std::int64_t fallback, std::size_t size) const;

  /** Refuses every value of `key` but `supported` (a missing key means `supported`). */
  template <typename T>
  void Require(const std::string& key, const T& supported) const
  {
    if (this->Get<T>(key, supported) != supported)
    {
      this->Refuse(key);
    }
  }

  /**
   * The settings of a part of the model, an object at `key`; those of an object at `key`_dict, as
   * early versions of transformers wrote it, come before. Messages name `key`, then the part's own.
   * @throws FileError when there is no such object.
   */
  Configuration GetPart(const std::string& key) const;

  /** Whether `key` has a value other than null. */
  bool Has(const std::string& key) const;

  /** Whether `key` is there and null. */
  bool IsNull(const std::string& key) const;

  /** Gives `key` another value than the file does. */
  void Set(const std::string& key, nlohmann::json value) { this->Settings[key] = std::move(value); }

  const std::string& Path() const { return this->Source; }

  /** All settings: a JSON object. */
  const nlohmann::json& Values() const { return this->Settings; }

  /** @throws FileError that names the file, the key and its value as not supported. */
  [[noreturn]] void Refuse(const std::string& key) const;

private:
  std::string Source;
  std::string Part; ///< Keys that lead to the settings, each with a dot behind it.
  nlohmann::json Settings;
};
}
