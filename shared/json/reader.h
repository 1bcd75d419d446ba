// Decoding of JSON documents: parse once, then read members through a Reader that knows its path and checks
// types. The first thing found wrong is kept in the document's ErrorSink and every later read returns
// "absent", so that a decoder stays a plain list of assignments with one check at its end:
//
//   auto document = json::Document::parse(request.body, "SerializationException");
//   if (!document) return document.error();
//   json::Reader in = document->root();
//   Service s;
//   s.name = in.required_string("serviceName");
//   s.desired = in.integer_or<int>("desiredCount", 0, 0, kMaxDesired);
//   for (const json::Reader& c : in.children("loadBalancers")) s.balancers.push_back(decode_balancer(c));
//   if (!in.ok()) return in.error();          // "loadBalancers[0].containerPort: expected a number, got
//   string"
//
// A member that is null counts as absent. Not for writing: build a nlohmann::json in a .cpp and use to_text.
// Thread: any one at a time. Lifetime: a Reader points into its Document (or the given value and sink) and
// must not outlive it; a Document may be moved while Readers exist.
#pragma once
#include <array>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/error.h"
#include "shared/base/result.h"
#include "shared/base/time.h"

namespace shared::json {

// Arrays and objects inside each other; the deepest AWS request has 9. Guards whoever walks a value
// recursively.
inline constexpr std::size_t kMaxDepth = 64;

struct ParseLimits {
  std::size_t depth = kMaxDepth;
};

// RFC 8259, UTF-8. Of a repeated key the last value wins; NaN, infinities, comments and trailing text are
// refused. Error code "json", blame client; the text names line and column.
Result<nlohmann::json> parse(std::string_view text, ParseLimits limits = {});

// Compact text. Never fails: invalid UTF-8 becomes U+FFFD.
std::string to_text(const nlohmann::json& value);
// Two-space indentation, for files and people.
std::string to_pretty_text(const nlohmann::json& value);

// Keeps the first error of a decode run. `code` is the wire code of every error made from a path.
class ErrorSink {
 public:
  explicit ErrorSink(std::string code, Blame blame = Blame::kClient)
      : code_(std::move(code)), blame_(blame) {}

  void report(std::string_view path,
              std::string_view what);  // "<path>: <what>", or only <what> without a path
  void report(Error error);
  bool ok() const { return !error_.has_value(); }
  const Error& error() const;  // programmer error while ok()
  Result<void> result() const;

 private:
  std::string code_;
  Blame blame_;
  std::optional<Error> error_;
};

template <class E>
using Choice = std::pair<std::string_view, E>;  // wire word and what it means

// One JSON object and the path that leads to it ("services[0]", empty for the document itself).
class Reader {
 public:
  // `value` must be an object, otherwise the sink gets an error and all members are absent.
  Reader(const nlohmann::json& value, ErrorSink& sink, std::string path = {});

  bool ok() const { return sink_->ok(); }
  const Error& error() const { return sink_->error(); }
  const std::string& path() const { return path_; }
  std::string path_of(std::string_view name) const;  // "services[0].desiredCount"
  // Reports something wrong with a member beyond its type: fail("cpu", "must be at least 128").
  void fail(std::string_view name, std::string_view what) const;

  bool has(std::string_view name) const;   // present and not null
  std::vector<std::string> names() const;  // of all members that are not null

  std::optional<std::string> string(std::string_view name) const;
  std::string string_or(std::string_view name, std::string_view otherwise) const;
  std::string required_string(std::string_view name) const;  // absent: "is required"; may be empty

  // A number without a fraction in [min, max]; T is any integer type but std::uint64_t.
  template <std::integral T = std::int64_t>
  std::optional<T> integer(std::string_view name, T min = std::numeric_limits<T>::min(),
                           T max = std::numeric_limits<T>::max()) const {
    static_assert(sizeof(T) < 8 || std::signed_integral<T>, "values above 2^63-1 are not supported");
    const auto got = integer_in(name, static_cast<std::int64_t>(min), static_cast<std::int64_t>(max));
    return got ? std::optional<T>(static_cast<T>(*got)) : std::nullopt;
  }
  template <std::integral T = std::int64_t>
  T integer_or(std::string_view name, T otherwise, T min = std::numeric_limits<T>::min(),
               T max = std::numeric_limits<T>::max()) const {
    return integer<T>(name, min, max).value_or(otherwise);
  }
  template <std::integral T = std::int64_t>
  T required_integer(std::string_view name, T min = std::numeric_limits<T>::min(),
                     T max = std::numeric_limits<T>::max()) const {
    const auto got = integer<T>(name, min, max);
    if (!got) require(name);
    return got.value_or(T{});
  }

  std::optional<double> number(std::string_view name) const;
  std::optional<bool> boolean(std::string_view name) const;
  bool boolean_or(std::string_view name, bool otherwise) const { return boolean(name).value_or(otherwise); }
  std::optional<WallTime> time(
      std::string_view name) const;  // epoch seconds with fraction, as AWS JSON has them

  // A string out of a fixed vocabulary: "expected one of HTTP, HTTPS, got 'http'".
  template <class E, std::size_t N>
  std::optional<E> choice(std::string_view name, const std::array<Choice<E>, N>& choices) const {
    std::array<std::string_view, N> words;
    for (std::size_t i = 0; i < N; ++i) words[i] = choices[i].first;
    const auto index = word(name, words);
    return index ? std::optional<E>(choices[*index].second) : std::nullopt;
  }
  // The same for plain words; the index of the one found.
  std::optional<std::size_t> word(std::string_view name, std::span<const std::string_view> words) const;

  // Lists and maps: nullopt when absent, which differs from empty.
  std::optional<std::vector<std::string>> strings(std::string_view name) const;
  std::vector<std::string> strings_or_empty(std::string_view name) const;
  std::optional<std::vector<std::int64_t>> integers(std::string_view name) const;
  std::optional<std::map<std::string, std::string>> string_map(std::string_view name) const;
  std::map<std::string, std::string> string_map_or_empty(std::string_view name) const;

  // Objects inside. Absent gives none; has(name) tells absent from empty.
  std::optional<Reader> child(std::string_view name) const;
  std::optional<Reader> required_child(std::string_view name) const;  // nullopt only together with an error
  std::vector<Reader> children(std::string_view name) const;          // an array of objects
  std::vector<std::pair<std::string, Reader>> child_map(std::string_view name) const;  // an object of objects

  // The member's own JSON text or value, for parts that are kept as they are. value() is null when absent.
  std::optional<std::string> raw(std::string_view name) const;
  const nlohmann::json* value(std::string_view name) const;

  // Strict documents: any member not listed is an error, with the name probably meant.
  void only_members(std::initializer_list<std::string_view> allowed) const;
  void only_members(std::span<const std::string_view> allowed) const;

 private:
  void require(std::string_view name) const;
  std::optional<std::int64_t> integer_in(std::string_view name, std::int64_t min, std::int64_t max) const;
  void mismatch(std::string_view path, std::string_view expected, const nlohmann::json& got) const;

  const nlohmann::json* object_;  // null: nothing to read
  ErrorSink* sink_;
  std::string path_;
};

// A parsed text together with its sink, so that decoders need no nlohmann header.
class Document {
 public:
  // `code` becomes the code of syntax errors and of everything the Readers find.
  static Result<Document> parse(std::string_view text, std::string code, ParseLimits limits = {});
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();

  Reader root() const;
  const nlohmann::json& value() const;
  ErrorSink& sink() const;
  Result<void> result() const { return sink().result(); }

 private:
  struct State;
  explicit Document(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace shared::json
