#include "balancer/routing/condition.h"

#include <algorithm>
#include <utility>

#include "balancer/codec/chars.h"
#include "balancer/codec/rewrite.h"

namespace balancer::routing {

namespace {

using shared::Error;
using shared::Result;
using shared::lbconfig::Condition;
using shared::lbconfig::ConditionField;

std::string lowered(std::string_view text) {
  std::string out;
  lower_text(text, out);
  return out;
}

// Appends `text` with "%41" and "+" decoded, as forms write them. A broken escape stays as it is.
void append_decoded(std::string_view text, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out.push_back(' ');
      continue;
    }
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = codec::hex_value(text[i + 1]);
      const int low = codec::hex_value(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out.push_back(static_cast<char>(high * 16 + low));
        i += 2;
        continue;
      }
    }
    out.push_back(text[i]);
  }
}

struct BothForms {
  std::string_view raw;
  std::string_view decoded;  // the same when there is nothing to decode
};

bool matches(const Pattern& pattern, const BothForms& text) {
  return pattern.matches(text.raw) ||
         (text.decoded.data() != text.raw.data() && pattern.matches(text.decoded));
}

// Key and value of one pair of the query; `space` holds what was decoded of both.
std::pair<BothForms, BothForms> forms_of(std::string_view pair, std::string& space) {
  const std::size_t equals = pair.find('=');
  const std::string_view key = pair.substr(0, equals);
  const std::string_view value =
      equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
  if (pair.find_first_of("%+") == std::string_view::npos) return {{key, key}, {value, value}};
  space.clear();
  append_decoded(key, space);
  const std::size_t key_size = space.size();
  append_decoded(value, space);
  const std::string_view decoded = space;
  return {{key, decoded.substr(0, key_size)}, {value, decoded.substr(key_size)}};
}

}  // namespace

std::string_view lower_text(std::string_view text, std::string& space) {
  space.resize(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) space[i] = codec::lower(text[i]);
  return space;
}

std::string_view prepare_host(std::string_view authority, std::string& space) {
  std::string_view host = codec::split_authority(authority).host;
  if (host.size() > 1 && host.back() == '.') host.remove_suffix(1);
  return lower_text(host, space);
}

Result<void> CompiledCondition::compile_patterns(const Condition& condition, Case letters) {
  for (const std::string& value : condition.values) {
    auto pattern = Pattern::compile(value, letters, Escapes::kNone);
    if (!pattern) return pattern.error().within("value '" + value + "'");
    patterns_.push_back(std::move(*pattern));
  }
  const auto fold = condition.field == ConditionField::kPathPattern ? shared::regex::Case::kSensitive
                                                                    : shared::regex::Case::kInsensitive;
  for (std::size_t i = 0; i < condition.regex_values.size(); ++i) {
    auto regex = shared::regex::Regex::compile(condition.regex_values[i], fold, shared::regex::kMaxCondition);
    if (!regex) {
      return regex.error().within("regex_values[" + std::to_string(i) + "] '" + condition.regex_values[i] +
                                  "'");
    }
    regexes_.push_back(std::move(*regex));
  }
  return {};
}

Result<void> CompiledCondition::compile_query(const Condition& condition) {
  for (const auto& pair : condition.query) {
    auto key = Pattern::compile(pair.key, Case::kInsensitive, Escapes::kBackslash);
    if (!key) return key.error().within("key '" + pair.key + "'");
    auto value = Pattern::compile(pair.value, Case::kInsensitive, Escapes::kBackslash);
    if (!value) return value.error().within("value '" + pair.value + "'");
    query_.push_back({pair.key.empty(), std::move(*key), std::move(*value)});
  }
  return {};
}

Result<CompiledCondition> CompiledCondition::compile(const Condition& condition) {
  CompiledCondition out;
  out.field_ = condition.field;
  Result<void> done;
  switch (condition.field) {
    case ConditionField::kHostHeader: {
      Condition lower = condition;  // hosts are in lower case when they are compared
      for (std::string& value : lower.values) value = lowered(value);
      done = out.compile_patterns(lower, Case::kSensitive);
      break;
    }
    case ConditionField::kPathPattern:
      done = out.compile_patterns(condition, Case::kSensitive);
      break;
    case ConditionField::kHttpHeader:
      out.header_ = lowered(condition.http_header_name);
      done = out.compile_patterns(condition, Case::kInsensitive);
      break;
    case ConditionField::kHttpRequestMethod:
      out.methods_ = condition.values;
      break;
    case ConditionField::kQueryString:
      done = out.compile_query(condition);
      break;
    case ConditionField::kSourceIp:
      for (const std::string& value : condition.values) {
        const auto cidr = parse_cidr(value);
        if (!cidr) return Error("InvalidCidr", "'" + value + "' is no address range");
        out.cidrs_.push_back(*cidr);
      }
      break;
  }
  if (!done) return done.error();
  return out;
}

bool CompiledCondition::any_matches(std::string_view text) const {
  return std::any_of(patterns_.begin(), patterns_.end(), [&](const Pattern& p) { return p.matches(text); }) ||
         std::any_of(regexes_.begin(), regexes_.end(),
                     [&](const auto& regex) { return regex.found_in(text); });
}

bool CompiledCondition::header_holds(const codec::MessageHead* head) const {
  if (head == nullptr) return false;
  for (const codec::Field& field : head->fields) {
    if ((field.flags & (codec::kBadName | codec::kBadValue | codec::kSuspicious)) != 0) continue;
    if (!codec::equals_lowered(head->name(field), header_)) continue;
    if (any_matches(head->value(field))) return true;
  }
  return false;
}

bool CompiledCondition::query_holds(std::string_view query, std::string& space) const {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (pair.empty()) continue;
    const auto [key, value] = forms_of(pair, space);
    for (const QueryPattern& wanted : query_) {
      if ((wanted.any_key || matches(wanted.key, key)) && matches(wanted.value, value)) return true;
    }
  }
  return false;
}

bool CompiledCondition::holds(const Prepared& request) const {
  switch (field_) {
    case ConditionField::kHostHeader:
      return any_matches(request.host);
    case ConditionField::kPathPattern:
      return any_matches(request.path);
    case ConditionField::kHttpHeader:
      return header_holds(request.facts.head);
    case ConditionField::kHttpRequestMethod:
      return std::find(methods_.begin(), methods_.end(), request.facts.method) != methods_.end();
    case ConditionField::kQueryString:
      return query_holds(request.facts.query, request.space);
    case ConditionField::kSourceIp:
      return std::any_of(cidrs_.begin(), cidrs_.end(),
                         [&](const Cidr& cidr) { return cidr.contains(request.facts.source); });
  }
  return false;
}

}  // namespace balancer::routing
