// The rules of a listener as the user guide tells them: each rule in turn, each condition in turn, wildcards
// by backtracking. Slow and short; what balancer/routing is compared with. And rules and requests that meet
// often, made of choices (random numbers, or a fuzzer's bytes).
#pragma once
#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "balancer/codec/head.h"
#include "balancer/routing/route_table.h"
#include "balancer/routing/source.h"
#include "shared/lbconfig/config.h"

namespace tests {

namespace lb = shared::lbconfig;

struct NaiveRequest {
  std::string host;
  std::string path;
  std::string query;
  std::string method;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string source;
};

class NaiveRules {
 public:
  explicit NaiveRules(const lb::Listener& listener) : listener_(listener) {}

  // Index of the rule; their number for the default action.
  std::size_t match(const NaiveRequest& request) const {
    for (std::size_t i = 0; i < listener_.rules.size(); ++i) {
      const auto& conditions = listener_.rules[i].conditions;
      if (std::all_of(conditions.begin(), conditions.end(),
                      [&](const lb::Condition& each) { return holds(each, request); })) {
        return i;
      }
    }
    return listener_.rules.size();
  }

 private:
  static std::string lower(std::string text) {
    for (char& c : text) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text;
  }

  static bool glob(std::string_view pattern, std::string_view text, bool escapes) {
    if (pattern.empty()) return text.empty();
    if (pattern[0] == '*') {
      return glob(pattern.substr(1), text, escapes) ||
             (!text.empty() && glob(pattern, text.substr(1), escapes));
    }
    if (escapes && pattern.size() > 1 && pattern[0] == '\\' &&
        std::string_view("*?\\").find(pattern[1]) != std::string_view::npos) {
      return !text.empty() && text[0] == pattern[1] && glob(pattern.substr(2), text.substr(1), escapes);
    }
    return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) &&
           glob(pattern.substr(1), text.substr(1), escapes);
  }

  static std::string plain_host(std::string host) {
    host = lower(host);
    const auto from = host.starts_with('[') ? host.find(']') : 0;
    if (from != std::string::npos) host = host.substr(0, host.find(':', from));
    if (host.size() > 1 && host.back() == '.') host.pop_back();
    return host;
  }

  static std::string decoded(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto digit = [&](std::size_t at) {
        return at < text.size() ? std::string_view("0123456789abcdef").find(lower(text.substr(at, 1)))
                                : std::string_view::npos;
      };
      if (text[i] == '+') {
        out += ' ';
      } else if (text[i] == '%' && digit(i + 1) != std::string_view::npos &&
                 digit(i + 2) != std::string_view::npos) {
        out += static_cast<char>(digit(i + 1) * 16 + digit(i + 2));
        i += 2;
      } else {
        out += text[i];
      }
    }
    return out;
  }

  static bool query_text(const std::string& pattern, const std::string& raw) {
    return glob(lower(pattern), lower(raw), true) || glob(lower(pattern), lower(decoded(raw)), true);
  }

  static bool query_holds(const lb::Condition& condition, const std::string& query) {
    std::size_t at = 0;
    while (at <= query.size()) {
      const std::size_t end = std::min(query.find('&', at), query.size());
      const std::string pair = query.substr(at, end - at);
      at = end + 1;
      if (pair.empty()) continue;
      const std::size_t equals = std::min(pair.find('='), pair.size());
      const std::string key = pair.substr(0, equals);
      const std::string value = equals == pair.size() ? "" : pair.substr(equals + 1);
      for (const auto& wanted : condition.query) {
        if ((wanted.key.empty() || query_text(wanted.key, key)) && query_text(wanted.value, value))
          return true;
      }
    }
    return false;
  }

  static bool regex_holds(const lb::Condition& condition, const NaiveRequest& request) {
    std::vector<std::string> texts;
    auto flags = std::regex::ECMAScript;
    if (condition.field == lb::ConditionField::kPathPattern) {
      std::string space;
      texts.emplace_back(balancer::routing::normalise_path(request.path, space));
    } else {
      flags |= std::regex::icase;
      if (condition.field == lb::ConditionField::kHostHeader) texts.push_back(plain_host(request.host));
      for (const auto& [name, text] : request.headers) {
        if (lower(name) == lower(condition.http_header_name)) texts.push_back(text);
      }
    }
    for (const std::string& value : condition.regex_values) {
      const std::regex regex(value, flags);
      for (const std::string& text : texts) {
        if (std::regex_search(text, regex)) return true;
      }
    }
    return false;
  }

  static bool holds(const lb::Condition& condition, const NaiveRequest& request) {
    if (condition.field == lb::ConditionField::kQueryString) return query_holds(condition, request.query);
    if (regex_holds(condition, request)) return true;
    for (const std::string& value : condition.values) {
      switch (condition.field) {
        case lb::ConditionField::kHostHeader:
          if (glob(lower(value), plain_host(request.host), false)) return true;
          break;
        case lb::ConditionField::kPathPattern: {
          std::string space;
          if (glob(value, balancer::routing::normalise_path(request.path, space), false)) return true;
          break;
        }
        case lb::ConditionField::kHttpHeader:
          for (const auto& [name, text] : request.headers) {
            if (lower(name) == lower(condition.http_header_name) && glob(lower(value), lower(text), false))
              return true;
          }
          break;
        case lb::ConditionField::kHttpRequestMethod:
          if (value == request.method) return true;
          break;
        case lb::ConditionField::kSourceIp:
          if (balancer::routing::parse_cidr(value)->contains(
                  *balancer::routing::parse_source(request.source)))
            return true;
          break;
        case lb::ConditionField::kQueryString:
          break;
      }
    }
    return false;
  }

  const lb::Listener& listener_;
};

// The same request for the table under test. Views into `request` and `head`.
inline balancer::routing::RequestFacts facts_of(const NaiveRequest& request,
                                                const balancer::codec::RequestHead& head) {
  return {request.host,
          request.path,
          request.query,
          request.method,
          &head,
          balancer::routing::parse_source(request.source).value_or(balancer::routing::SourceAddress{})};
}

// Makes rules and requests of few words, so that they meet. `choose(n)` is a number below n.
class AnyRules {
 public:
  using Choose = std::function<std::size_t(std::size_t)>;
  explicit AnyRules(Choose choose) : choose_(std::move(choose)) {}

  lb::Listener listener() {
    lb::Listener made;
    made.id = "any";
    const std::size_t rules = choose_(12);
    for (std::size_t i = 0; i < rules; ++i) {
      lb::Rule rule;
      rule.priority = static_cast<int>(i + 1) * 10;
      rule.id = std::to_string(rule.priority);
      for (std::size_t n = 1 + choose_(3); n > 0; --n) rule.conditions.push_back(condition());
      made.rules.push_back(std::move(rule));
    }
    return made;
  }

  NaiveRequest request() {
    NaiveRequest made;
    made.host = host(false);
    if (choose_(4) == 0) made.host += '.';
    if (choose_(4) == 0) made.host += ":8080";
    made.path = path(false);
    made.query = query();
    made.method = one_of({"GET", "POST"});
    for (std::size_t n = choose_(3); n > 0; --n) made.headers.emplace_back(one_of({"X-A", "x-b"}), word());
    made.source = one_of({"10.0.0.1", "10.0.1.1", "2001:db8::1"});
    return made;
  }

  // The request's header lines, for the table under test.
  static std::string head_text(const NaiveRequest& request) {
    std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (const auto& [name, value] : request.headers)
      text.append(name).append(": ").append(value).append("\r\n");
    return text + "\r\n";
  }

 private:
  std::string one_of(std::initializer_list<const char*> words) {
    return *(words.begin() + static_cast<std::ptrdiff_t>(choose_(words.size())));
  }
  std::string word() { return one_of({"a", "b", "A", "ab", "aab", "ba"}); }
  // With `wild`, wildcards in some places.
  std::string piece(bool wild) {
    if (!wild || choose_(3) != 0) return word();
    return one_of({"*", "?", "a*", "*b", "a?", "?*", "**", "*a*", "aa*ba*b"});
  }
  std::string host(bool wild) {
    std::string text = piece(wild);
    for (std::size_t n = choose_(4); n > 0; --n) text += "." + piece(wild);
    return text;
  }
  std::string path(bool wild) {
    std::string text;
    for (std::size_t n = choose_(4); n > 0; --n) {
      text += "/" +
              (choose_(5) == 0 && !wild ? one_of({"..", ".", "%61", "%2f", "%", "%2e%2E", ""}) : piece(wild));
    }
    if (text.empty() || choose_(3) == 0) text += wild && choose_(2) == 0 ? "*" : "/";
    return text;
  }
  std::string query_word(bool wild) {
    if (choose_(3) == 0)
      return wild ? one_of({"a b", "\\*", "\\\\", "\\?", "a%20b", "a+b"})
                  : one_of({"a%20b", "a+b", "*", "%2A", "%5c", "%3F", "%zz", "%2"});
    return piece(wild);
  }
  std::string query() {
    std::string text;
    for (std::size_t n = choose_(3); n > 0; --n) {
      text += query_word(false) + one_of({"=", "", "=="}) + query_word(false) + one_of({"&", "&&", ""});
    }
    return text;
  }
  lb::Condition condition() {
    lb::Condition made;
    constexpr lb::ConditionField kFields[] = {
        lb::ConditionField::kHostHeader,  lb::ConditionField::kPathPattern,
        lb::ConditionField::kHostHeader,  lb::ConditionField::kPathPattern,
        lb::ConditionField::kHttpHeader,  lb::ConditionField::kHttpRequestMethod,
        lb::ConditionField::kQueryString, lb::ConditionField::kSourceIp};
    made.field = kFields[choose_(std::size(kFields))];
    if (made.field == lb::ConditionField::kHttpHeader) made.http_header_name = one_of({"x-a", "X-B"});
    // Few, as std::regex is slow.
    if (lb::takes_regex(made.field) && choose_(8) == 0) {
      made.regex_values.push_back(one_of({"^a", "b$", "(a|b)+a", "A.B", "/a/", "^[^a]*$", "\\.b"}));
      if (choose_(2) == 0) return made;
    }
    for (std::size_t n = 1 + choose_(3); n > 0; --n) {
      switch (made.field) {
        case lb::ConditionField::kHostHeader:
          made.values.push_back(host(true));
          break;
        case lb::ConditionField::kPathPattern:
          made.values.push_back(path(true));
          break;
        case lb::ConditionField::kHttpHeader:
          made.values.push_back(piece(true));
          break;
        case lb::ConditionField::kHttpRequestMethod:
          made.values.push_back(one_of({"GET", "POST", "get"}));
          break;
        case lb::ConditionField::kQueryString:
          made.query.push_back({choose_(2) == 0 ? "" : query_word(true), query_word(true)});
          break;
        case lb::ConditionField::kSourceIp:
          made.values.push_back(one_of({"10.0.0.0/24", "10.0.0.0/8", "2001:db8::/32", "0.0.0.0/0"}));
          break;
      }
    }
    return made;
  }

  Choose choose_;
};

}  // namespace tests
