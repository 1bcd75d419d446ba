#include "shared/json/reader.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "shared/base/text.h"
#include "shared/json/nearest.h"

namespace shared::json {
namespace {

// The years 1 to 9999: what every date format we write can express.
constexpr double kEarliestEpochSecond = -62135596800.0;
constexpr double kLatestEpochSecond = 253402300799.0;
// 2^63 as a double; the first value an int64 cannot hold.
constexpr double kInt64Bound = 9223372036854775808.0;
// A wrong word is quoted in errors up to this many bytes.
constexpr std::size_t kQuotedBytes = 80;

std::optional<std::int64_t> as_integer(const nlohmann::json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
    return static_cast<std::int64_t>(number);
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  const double number = value.get<double>();
  if (std::trunc(number) != number || number >= kInt64Bound || number < -kInt64Bound) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

std::string element_path(const std::string& path, std::size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

}  // namespace

void ErrorSink::report(std::string_view path, std::string_view what) {
  if (error_) return;
  std::string text(path);
  if (!text.empty()) text += ": ";
  text += what;
  error_.emplace(code_, std::move(text), blame_);
}

void ErrorSink::report(Error error) {
  if (!error_) error_.emplace(std::move(error));
}

const Error& ErrorSink::error() const {
  BERTH_CHECK(error_.has_value(), "error() of a decode without one");
  return *error_;
}

Result<void> ErrorSink::result() const { return error_ ? Result<void>(*error_) : Result<void>(); }

Reader::Reader(const nlohmann::json& value, ErrorSink& sink, std::string path)
    : object_(value.is_object() ? &value : nullptr), sink_(&sink), path_(std::move(path)) {
  if (object_ == nullptr) mismatch(path_.empty() ? "document" : path_, "an object", value);
}

std::string Reader::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

void Reader::fail(std::string_view name, std::string_view what) const { sink_->report(path_of(name), what); }

void Reader::require(std::string_view name) const {
  if (sink_->ok()) fail(name, "is required");
}

void Reader::mismatch(std::string_view path, std::string_view expected, const nlohmann::json& got) const {
  sink_->report(path, "expected " + std::string(expected) + ", got " + got.type_name());
}

const nlohmann::json* Reader::value(std::string_view name) const {
  if (object_ == nullptr || !sink_->ok()) return nullptr;
  const auto found = object_->find(name);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

bool Reader::has(std::string_view name) const { return value(name) != nullptr; }

std::vector<std::string> Reader::names() const {
  std::vector<std::string> names;
  if (object_ == nullptr) return names;
  for (const auto& [name, member] : object_->items()) {
    if (!member.is_null()) names.push_back(name);
  }
  return names;
}

std::optional<std::string> Reader::string(std::string_view name) const {
  const nlohmann::json* member = value(name);
  if (member == nullptr) return std::nullopt;
  if (member->is_string()) return member->get<std::string>();
  mismatch(path_of(name), "a string", *member);
  return std::nullopt;
}

std::string Reader::string_or(std::string_view name, std::string_view otherwise) const {
  auto got = string(name);
  return got ? std::move(*got) : std::string(otherwise);
}

std::string Reader::required_string(std::string_view name) const {
  auto got = string(name);
  if (!got) require(name);
  return got ? std::move(*got) : std::string();
}

std::optional<std::int64_t> Reader::integer_in(std::string_view name, std::int64_t min,
                                               std::int64_t max) const {
  const nlohmann::json* member = value(name);
  if (member == nullptr) return std::nullopt;
  if (!member->is_number()) {
    mismatch(path_of(name), "a number", *member);
    return std::nullopt;
  }
  const auto number = as_integer(*member);
  if (!number) {
    fail(name, "expected a whole number, got " + member->dump());
  } else if (*number < min || *number > max) {
    fail(name, "must be between " + std::to_string(min) + " and " + std::to_string(max) + ", got " +
                   std::to_string(*number));
  } else {
    return number;
  }
  return std::nullopt;
}

std::optional<double> Reader::number(std::string_view name) const {
  const nlohmann::json* member = value(name);
  if (member == nullptr) return std::nullopt;
  if (member->is_number()) return member->get<double>();
  mismatch(path_of(name), "a number", *member);
  return std::nullopt;
}

std::optional<bool> Reader::boolean(std::string_view name) const {
  const nlohmann::json* member = value(name);
  if (member == nullptr) return std::nullopt;
  if (member->is_boolean()) return member->get<bool>();
  mismatch(path_of(name), "a boolean", *member);
  return std::nullopt;
}

std::optional<WallTime> Reader::time(std::string_view name) const {
  const auto seconds = number(name);
  if (!seconds) return std::nullopt;
  if (*seconds < kEarliestEpochSecond || *seconds > kLatestEpochSecond) {
    fail(name, "is not a time in seconds since 1970");
    return std::nullopt;
  }
  return from_epoch_millis(std::llround(*seconds * 1000.0));
}

std::optional<std::size_t> Reader::word(std::string_view name,
                                        std::span<const std::string_view> words) const {
  const auto got = string(name);
  if (!got) return std::nullopt;
  std::string list;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (*got == words[i]) return i;
    list += (i == 0 ? "" : ", ") + std::string(words[i]);
  }
  fail(name, "expected one of " + list + ", got '" + shortened(*got, kQuotedBytes) + "'");
  return std::nullopt;
}

std::optional<std::vector<std::string>> Reader::strings(std::string_view name) const {
  const nlohmann::json* member = value(name);
  if (member == nullptr) return std::nullopt;
  const std::string path = path_of(name);
  if (!member->is_array()) {
    mismatch(path, "an array of strings", *member);
    return std::nullopt;
  }
  std::vector<std::string> list;
  list.reserve(member->size());
  for (std::size_t i = 0; i < member->size(); ++i) {
    const nlohmann::json& element = (*member)[i];
    if (!element.is_string()) {
      mismatch(element_path(path, i), "a string", element);
      return std::nullopt;
    }
    list.push_back(element.get<std::string>());
  }
  return list;
}

std::vector<std::string> Reader::strings_or_empty(std::string_view name) const {
  auto got = strings(name);
  return got ? std::move(*got) : std::vector<std::string>();
}

std::optional<std::vector<std::int64_t>> Reader::integers(std::string_view name) const {
  const nlohmann::json* member = value(name);
  if (member == nullptr) return std::nullopt;
  const std::string path = path_of(name);
  if (!member->is_array()) {
    mismatch(path, "an array of numbers", *member);
    return std::nullopt;
  }
  std::vector<std::int64_t> list;
  for (std::size_t i = 0; i < member->size(); ++i) {
    const nlohmann::json& element = (*member)[i];
    const auto number = element.is_number() ? as_integer(element) : std::nullopt;
    if (!number) {
      mismatch(element_path(path, i), "a whole number", element);
      return std::nullopt;
    }
    list.push_back(*number);
  }
  return list;
}

std::optional<std::map<std::string, std::string>> Reader::string_map(std::string_view name) const {
  const nlohmann::json* member = value(name);
  if (member == nullptr) return std::nullopt;
  if (!member->is_object()) {
    mismatch(path_of(name), "an object of strings", *member);
    return std::nullopt;
  }
  std::map<std::string, std::string> map;
  for (const auto& [key, element] : member->items()) {
    if (element.is_null()) continue;
    if (!element.is_string()) {
      mismatch(path_of(name) + "." + key, "a string", element);
      return std::nullopt;
    }
    map.emplace(key, element.get<std::string>());
  }
  return map;
}

std::map<std::string, std::string> Reader::string_map_or_empty(std::string_view name) const {
  auto got = string_map(name);
  return got ? std::move(*got) : std::map<std::string, std::string>();
}

std::optional<Reader> Reader::child(std::string_view name) const {
  const nlohmann::json* member = value(name);
  if (member == nullptr) return std::nullopt;
  return Reader(*member, *sink_, path_of(name));
}

std::optional<Reader> Reader::required_child(std::string_view name) const {
  auto got = child(name);
  if (!got) require(name);
  return got;
}

std::vector<Reader> Reader::children(std::string_view name) const {
  std::vector<Reader> list;
  const nlohmann::json* member = value(name);
  if (member == nullptr) return list;
  const std::string path = path_of(name);
  if (!member->is_array()) {
    mismatch(path, "an array of objects", *member);
    return list;
  }
  list.reserve(member->size());
  for (std::size_t i = 0; i < member->size(); ++i)
    list.emplace_back((*member)[i], *sink_, element_path(path, i));
  return list;
}

std::vector<std::pair<std::string, Reader>> Reader::child_map(std::string_view name) const {
  std::vector<std::pair<std::string, Reader>> list;
  const nlohmann::json* member = value(name);
  if (member == nullptr) return list;
  const std::string path = path_of(name);
  if (!member->is_object()) {
    mismatch(path, "an object of objects", *member);
    return list;
  }
  for (const auto& [key, element] : member->items()) {
    if (!element.is_null()) list.emplace_back(key, Reader(element, *sink_, path + "." + key));
  }
  return list;
}

std::optional<std::string> Reader::raw(std::string_view name) const {
  const nlohmann::json* member = value(name);
  return member == nullptr ? std::nullopt : std::optional<std::string>(to_text(*member));
}

void Reader::only_members(std::initializer_list<std::string_view> allowed) const {
  only_members(std::span<const std::string_view>(allowed.begin(), allowed.size()));
}

void Reader::only_members(std::span<const std::string_view> allowed) const {
  if (object_ == nullptr || !sink_->ok()) return;
  for (const auto& [name, member] : object_->items()) {
    bool known = false;
    for (const std::string_view word : allowed) known = known || word == name;
    if (!known) {
      sink_->report(path_, unknown_name("member", name, allowed));
      return;
    }
  }
}

}  // namespace shared::json
