// The input side of the AWS Query protocol: form parameters with dotted names ("Tags.member.1.Key=k") read as
// a tree. Used like shared/json/reader.h: a QueryReader keeps the first error and turns every later read into
// "absent".
//
//   auto query = Query::parse(call.input);
//   if (!query) return query.error();
//   QueryReader in = query->root();
//   rule.priority = in.required_integer<int>("Priority", 1, 50000);
//   for (const QueryReader& tag : in.children("Tags")) ...
//   if (!in.ok()) return in.error();
//
// Absent, empty list and empty string: "SecurityGroups=" (as botocore writes an empty list) makes has() true
// and the list empty. For scalars an empty value counts as absent, because clients send "ProtocolVersion="
// for an unset option; text() tells the two apart. Unknown parameters are ignored. No I/O. Thread: any one at
// a time. Lifetime: a QueryReader must not outlive its Query; a Query may be moved.
#pragma once
#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/result.h"

namespace agent::aws {

// More than any real request has: a call with all its lists full stays below a thousand.
inline constexpr std::size_t kMaxQueryParameters = 2000;
// Dotted parts of one name; the deepest in use has 8.
inline constexpr std::size_t kMaxQueryDepth = 16;

template <class E>
using QueryChoice = std::pair<std::string_view, E>;

class QueryReader {
 public:
  bool ok() const;
  const shared::Error& error() const;
  const std::string& path() const { return path_; }  // "Actions.member.1", empty for the whole form
  std::string path_of(std::string_view name) const;  // "Actions.member.1.Type"
  // Keeps the first error of the run.
  void fail(shared::Error error) const;
  // ValidationError "Value 'x' at 'Port' failed to satisfy constraint: <constraint>", worded as AWS words it.
  void fail(std::string_view name, std::string_view constraint) const;

  bool has(std::string_view name) const;                           // any parameter of that name, or below it
  std::optional<std::string> text(std::string_view name) const;    // "" when given empty
  std::optional<std::string> string(std::string_view name) const;  // empty counts as absent
  std::string string_or(std::string_view name, std::string_view otherwise) const;
  std::string required_string(std::string_view name) const;  // MissingParameter when absent

  template <std::integral T>
  std::optional<T> integer(std::string_view name, T min = std::numeric_limits<T>::min(),
                           T max = std::numeric_limits<T>::max()) const {
    static_assert(sizeof(T) < 8 || std::signed_integral<T>, "values above 2^63-1 are not supported");
    const auto got = integer_in(name, static_cast<std::int64_t>(min), static_cast<std::int64_t>(max));
    return got ? std::optional<T>(static_cast<T>(*got)) : std::nullopt;
  }
  template <std::integral T>
  T required_integer(std::string_view name, T min = std::numeric_limits<T>::min(),
                     T max = std::numeric_limits<T>::max()) const {
    const auto got = integer<T>(name, min, max);
    if (!got) require(name);
    return got.value_or(T{});
  }
  std::optional<bool> boolean(std::string_view name) const;  // "true" or "false", any case

  // A word out of a fixed set: "Member must satisfy enum value set: [a, b]".
  template <class E, std::size_t N>
  std::optional<E> choice(std::string_view name, const std::array<QueryChoice<E>, N>& choices) const {
    std::array<std::string_view, N> words;
    for (std::size_t i = 0; i < N; ++i) words[i] = choices[i].first;
    const auto index = word(name, words);
    return index ? std::optional<E>(choices[*index].second) : std::nullopt;
  }
  std::optional<std::size_t> word(std::string_view name, std::span<const std::string_view> words) const;

  // Lists ("Name.member.N", also "Name.N"), ordered by N with gaps closed. nullopt when absent.
  std::optional<std::vector<std::string>> strings(std::string_view name) const;
  std::vector<std::string> strings_or_empty(std::string_view name) const;
  std::vector<QueryReader> children(std::string_view name) const;  // of structures; absent gives none
  std::optional<QueryReader> child(std::string_view name) const;   // one structure
  // "Name.entry.N.key" and ".value".
  std::optional<std::map<std::string, std::string>> string_map(std::string_view name) const;

 private:
  friend class Query;
  struct Node;
  struct Sink;
  QueryReader(const Node* node, Sink* sink, std::string path)
      : node_(node), sink_(sink), path_(std::move(path)) {}
  const Node* find(std::string_view name) const;
  std::vector<std::pair<std::string, const Node*>> elements(std::string_view name) const;  // with their paths
  void require(std::string_view name) const;
  std::optional<std::int64_t> integer_in(std::string_view name, std::int64_t min, std::int64_t max) const;

  const Node* node_;
  Sink* sink_;
  std::string path_;
};

class Query {
 public:
  // Error MalformedQueryString: a broken escape, a parameter given twice, too many or too deep ones.
  static shared::Result<Query> parse(std::string_view form);
  Query(Query&&) noexcept;
  Query& operator=(Query&&) noexcept;
  ~Query();

  QueryReader root() const;
  shared::Result<void> result() const;

 private:
  struct State;
  explicit Query(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace agent::aws
