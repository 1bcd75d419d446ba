#include "agent/aws/query.h"

#include <algorithm>
#include <charconv>

#include "shared/base/text.h"
#include "shared/http/message.h"

namespace agent::aws {

using shared::Blame;
using shared::Error;
using shared::Result;

// A name may have a value of its own and parts below it: "Tags=" beside "Tags.member.1.Key=k".
struct QueryReader::Node {
  std::optional<std::string> text;
  std::map<std::string, std::unique_ptr<Node>, std::less<>> children;
};

struct QueryReader::Sink {
  std::optional<Error> error;
};

struct Query::State {
  QueryReader::Node root;
  QueryReader::Sink sink;
};

namespace {

// Values are quoted in errors up to this many bytes.
constexpr std::size_t kQuotedBytes = 256;

Error malformed(std::string text) { return Error("MalformedQueryString", std::move(text), Blame::kClient); }

bool equals_word(std::string_view text, std::string_view word) {
  return shared::http::equals_ignoring_case(text, word);
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

Result<Query> Query::parse(std::string_view form) {
  // Counted before decoding, so that a flood of tiny parameters costs no allocations.
  if (std::count(form.begin(), form.end(), '&') >= static_cast<std::ptrdiff_t>(kMaxQueryParameters)) {
    return malformed("The request has more than " + std::to_string(kMaxQueryParameters) + " parameters.");
  }
  const auto fields = shared::http::parse_form(form);
  if (!fields) return malformed(fields.error().text());
  auto state = std::make_unique<State>();
  for (const auto& [name, value] : *fields) {
    QueryReader::Node* node = &state->root;
    std::string_view rest = name;
    for (std::size_t depth = 1;; ++depth) {
      if (depth > kMaxQueryDepth)
        return malformed("Parameter '" + shared::shortened(name, kQuotedBytes) + "' is nested too deep.");
      const std::size_t dot = rest.find('.');
      auto& child = node->children[std::string(rest.substr(0, dot))];
      if (!child) child = std::make_unique<QueryReader::Node>();
      node = child.get();
      if (dot == std::string_view::npos) break;
      rest.remove_prefix(dot + 1);
    }
    if (node->text)
      return malformed("Parameter '" + shared::shortened(name, kQuotedBytes) + "' is given twice.");
    node->text = value;
  }
  return Query(std::move(state));
}

Query::Query(std::unique_ptr<State> state) : state_(std::move(state)) {}
Query::Query(Query&&) noexcept = default;
Query& Query::operator=(Query&&) noexcept = default;
Query::~Query() = default;

QueryReader Query::root() const { return QueryReader(&state_->root, &state_->sink, {}); }
Result<void> Query::result() const {
  return state_->sink.error ? Result<void>(*state_->sink.error) : Result<void>();
}

bool QueryReader::ok() const { return !sink_->error.has_value(); }

const Error& QueryReader::error() const {
  BERTH_CHECK(sink_->error.has_value(), "error() of a decode without one");
  return *sink_->error;
}

std::string QueryReader::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

void QueryReader::fail(Error error) const {
  if (ok()) sink_->error.emplace(std::move(error));
}

void QueryReader::fail(std::string_view name, std::string_view constraint) const {
  const Node* node = find(name);
  const std::string value =
      node != nullptr && node->text ? shared::shortened(*node->text, kQuotedBytes) : std::string();
  fail(Error("ValidationError",
             "1 validation error detected: Value '" + value + "' at '" + path_of(name) +
                 "' failed to satisfy constraint: " + std::string(constraint),
             Blame::kClient));
}

void QueryReader::require(std::string_view name) const {
  fail(Error("MissingParameter", "The request must contain the parameter " + path_of(name) + ".",
             Blame::kClient));
}

const QueryReader::Node* QueryReader::find(std::string_view name) const {
  const auto found = node_->children.find(name);
  return found == node_->children.end() ? nullptr : found->second.get();
}

bool QueryReader::has(std::string_view name) const { return ok() && find(name) != nullptr; }

std::optional<std::string> QueryReader::text(std::string_view name) const {
  const Node* node = ok() ? find(name) : nullptr;
  return node == nullptr ? std::nullopt : node->text;
}

std::optional<std::string> QueryReader::string(std::string_view name) const {
  auto got = text(name);
  if (got && got->empty()) got.reset();
  return got;
}

std::string QueryReader::string_or(std::string_view name, std::string_view otherwise) const {
  auto got = string(name);
  return got ? std::move(*got) : std::string(otherwise);
}

std::string QueryReader::required_string(std::string_view name) const {
  auto got = string(name);
  if (!got) require(name);
  return got ? std::move(*got) : std::string();
}

std::optional<std::int64_t> QueryReader::integer_in(std::string_view name, std::int64_t min,
                                                    std::int64_t max) const {
  const auto got = string(name);
  if (!got) return std::nullopt;
  const auto number = parse_integer(*got);
  if (!number) {
    fail(name, "Member must be an integer");
  } else if (*number < min) {
    fail(name, "Member must have value greater than or equal to " + std::to_string(min));
  } else if (*number > max) {
    fail(name, "Member must have value less than or equal to " + std::to_string(max));
  } else {
    return number;
  }
  return std::nullopt;
}

std::optional<bool> QueryReader::boolean(std::string_view name) const {
  const auto got = string(name);
  if (!got) return std::nullopt;
  if (equals_word(*got, "true")) return true;
  if (equals_word(*got, "false")) return false;
  fail(name, "Member must be true or false");
  return std::nullopt;
}

std::optional<std::size_t> QueryReader::word(std::string_view name,
                                             std::span<const std::string_view> words) const {
  const auto got = string(name);
  if (!got) return std::nullopt;
  std::string list;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (*got == words[i]) return i;
    list.append(i == 0 ? "" : ", ").append(words[i]);
  }
  fail(name, "Member must satisfy enum value set: [" + list + "]");
  return std::nullopt;
}

std::vector<std::pair<std::string, const QueryReader::Node*>> QueryReader::elements(
    std::string_view name) const {
  const Node* list = ok() ? find(name) : nullptr;
  std::vector<std::pair<std::string, const Node*>> out;
  if (list == nullptr) return out;
  std::string prefix = path_of(name) + ".";
  for (const std::string_view wrapper : {"member", "entry"}) {
    const auto wrapped = list->children.find(wrapper);
    if (wrapped == list->children.end()) continue;
    list = wrapped->second.get();
    prefix.append(wrapper).append(".");
    break;
  }
  std::vector<std::pair<std::int64_t, const Node*>> indexed;
  for (const auto& [index, node] : list->children) {
    const auto number = parse_integer(index);
    if (!number || *number < 0) {
      fail(malformed("Parameter '" + shared::shortened(prefix + index, kQuotedBytes) +
                     "' has no list index."));
      return {};
    }
    indexed.emplace_back(*number, node.get());
  }
  std::stable_sort(indexed.begin(), indexed.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [number, node] : indexed) out.emplace_back(prefix + std::to_string(number), node);
  return out;
}

std::optional<std::vector<std::string>> QueryReader::strings(std::string_view name) const {
  if (!has(name)) return std::nullopt;
  std::vector<std::string> list;
  for (const auto& [path, node] : elements(name)) list.push_back(node->text.value_or(""));
  return ok() ? std::optional(std::move(list)) : std::nullopt;
}

std::vector<std::string> QueryReader::strings_or_empty(std::string_view name) const {
  auto got = strings(name);
  return got ? std::move(*got) : std::vector<std::string>();
}

std::vector<QueryReader> QueryReader::children(std::string_view name) const {
  std::vector<QueryReader> list;
  for (auto& [path, node] : elements(name)) list.push_back(QueryReader(node, sink_, std::move(path)));
  return list;
}

std::optional<QueryReader> QueryReader::child(std::string_view name) const {
  const Node* node = ok() ? find(name) : nullptr;
  if (node == nullptr || node->children.empty()) return std::nullopt;
  return QueryReader(node, sink_, path_of(name));
}

std::optional<std::map<std::string, std::string>> QueryReader::string_map(std::string_view name) const {
  if (!has(name)) return std::nullopt;
  std::map<std::string, std::string> map;
  for (const QueryReader& entry : children(name)) {
    std::string key = entry.required_string("key");
    map.insert_or_assign(std::move(key), entry.text("value").value_or(""));
  }
  return ok() ? std::optional(std::move(map)) : std::nullopt;
}

}  // namespace agent::aws
