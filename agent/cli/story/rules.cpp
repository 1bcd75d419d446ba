#include "agent/cli/story/rules.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>

#include "agent/cli/story/members.h"
#include "agent/cli/story/words.h"
#include "shared/base/wildcard.h"
#include "shared/http/message.h"
#include "shared/regex/regex.h"

namespace agent::cli {

using nlohmann::json;

namespace {

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool fits(std::string_view pattern, std::string_view text) {
  return shared::fits_pattern(
      pattern.size(), [&](std::size_t at) { return pattern[at] == '*'; },
      [&](std::size_t at, char c) { return pattern[at] == '?' || pattern[at] == c; }, text);
}

// Query conditions: \* \? \\ are these characters themselves.
bool fits_escaped(std::string_view pattern, std::string_view text) {
  struct Place {
    char c;
    bool wild;
  };
  std::vector<Place> places;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const bool escaped =
        pattern[i] == '\\' && i + 1 < pattern.size() && std::strchr("*?\\", pattern[i + 1]) != nullptr;
    if (escaped) ++i;
    places.push_back({pattern[i], !escaped});
  }
  return shared::fits_pattern(
      places.size(), [&](std::size_t at) { return places[at].wild && places[at].c == '*'; },
      [&](std::size_t at, char c) { return (places[at].wild && places[at].c == '?') || places[at].c == c; },
      text);
}

bool query_text_fits(const std::string& pattern, const std::string& raw) {
  const std::string wanted = lowered(pattern);
  const auto decoded = shared::http::percent_decode(raw, shared::http::Plus::kSpace);
  return fits_escaped(wanted, lowered(raw)) || (decoded && fits_escaped(wanted, lowered(*decoded)));
}

bool query_fits(const json& pairs, const std::string& query) {
  for (std::size_t at = 0; at <= query.size();) {
    const std::size_t end = std::min(query.find('&', at), query.size());
    const std::string pair = query.substr(at, end - at);
    at = end + 1;
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string value = equals == pair.size() ? "" : pair.substr(equals + 1);
    for (const json& each : pairs) {
      const std::string key = text_in(each, "Key");
      if ((key.empty() || query_text_fits(key, pair.substr(0, equals))) &&
          query_text_fits(text_in(each, "Value"), value))
        return true;
    }
  }
  return false;
}

std::string host_alone(std::string_view host) {
  std::string out = lowered(host);
  const std::size_t from = out.starts_with('[') ? out.find(']') : 0;
  if (from != std::string::npos) out = out.substr(0, out.find(':', from));
  if (out.size() > 1 && out.back() == '.') out.pop_back();
  return out;
}

using Address = std::array<unsigned char, 16>;
std::optional<Address> address_of(const std::string& text) {
  Address out{};
  if (::inet_pton(AF_INET6, text.c_str(), out.data()) == 1) return out;
  out = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (::inet_pton(AF_INET, text.c_str(), out.data() + 12) == 1) return out;
  return std::nullopt;
}

bool is_within(const std::string& cidr, const std::string& source) {
  const std::size_t slash = cidr.find('/');
  const auto net = address_of(cidr.substr(0, slash));
  const auto address = address_of(source);
  if (!net || !address) return false;
  unsigned bits = 128;
  if (slash != std::string::npos) {
    std::from_chars(cidr.data() + slash + 1, cidr.data() + cidr.size(), bits);
    if (cidr.find(':') == std::string::npos) bits += 96;
  }
  for (unsigned i = 0; i < std::min(bits, 128U); ++i) {
    const auto mask = static_cast<unsigned char>(0x80U >> (i % 8));
    if (((*net)[i / 8] & mask) != ((*address)[i / 8] & mask)) return false;
  }
  return true;
}

const json& config_of(const json& condition) {
  for (const char* name : {"HostHeaderConfig", "PathPatternConfig", "HttpHeaderConfig",
                           "HttpRequestMethodConfig", "QueryStringConfig", "SourceIpConfig"})
    if (condition.contains(name)) return condition[name];
  return condition;
}

std::vector<std::string> values_of(const json& condition, const char* member) {
  auto values = texts_in(config_of(condition), member);
  return values.empty() ? texts_in(condition, member) : values;
}

bool any_regex(const json& condition, const std::string& text, shared::regex::Case letters) {
  for (const std::string& each : values_of(condition, "RegexValues")) {
    const auto compiled = shared::regex::Regex::compile(each, letters, shared::regex::kMaxCondition);
    if (compiled && compiled->found_in(text)) return true;
  }
  return false;
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string out;
  for (const std::string& each : words) out += (out.empty() ? "" : between) + each;
  return out;
}

long long priority_of(const json& rule) {
  const std::string text = text_in(rule, "Priority");
  return text == "default" ? 1'000'000 : number_in(rule, "Priority");
}

// The last action is what happens with a request; those before it only let it pass.
const json& deciding(const json& actions) {
  static const json kNothing = json::object();
  return actions.empty() ? kNothing : actions.back();
}

}  // namespace

std::optional<TestRequest> parse_test_url(std::string_view url) {
  TestRequest request;
  if (url.find("://") == std::string_view::npos) {
    if (url.empty() || url.front() == '/') return std::nullopt;
  } else if (url.starts_with("https://")) {
    request.scheme = "https";
    request.port = 443;
    url.remove_prefix(8);
  } else if (url.starts_with("http://")) {
    url.remove_prefix(7);
  } else {
    return std::nullopt;
  }
  url = url.substr(0, url.find('#'));
  const std::size_t end = std::min(url.find_first_of("/?"), url.size());
  request.host = std::string(url.substr(0, end));
  std::string_view rest = url.substr(end);
  const std::size_t question = rest.find('?');
  if (question != std::string_view::npos) {
    request.query = rest.substr(question + 1);
    rest = rest.substr(0, question);
  }
  if (!rest.empty()) request.path = rest;
  const std::size_t bracket = request.host.rfind(']');
  const std::size_t colon = request.host.rfind(':');
  if (colon != std::string::npos && (bracket == std::string::npos || colon > bracket)) {
    const char* from = request.host.data() + colon + 1;
    const char* to = request.host.data() + request.host.size();
    const auto read = std::from_chars(from, to, request.port);
    if (read.ec != std::errc() || read.ptr != to || request.port == 0) return std::nullopt;
  }
  if (host_alone(request.host).empty() || request.host.find_first_of(" @") != std::string::npos)
    return std::nullopt;
  return request;
}

bool condition_holds(const json& condition, const TestRequest& request) {
  const std::string field = text_in(condition, "Field");
  const auto values = values_of(condition, "Values");
  const auto any = [&](auto fitting) { return std::any_of(values.begin(), values.end(), fitting); };
  if (field == "host-header") {
    const std::string host = host_alone(request.host);
    return any([&](const std::string& each) { return fits(lowered(each), host); }) ||
           any_regex(condition, host, shared::regex::Case::kInsensitive);
  }
  if (field == "path-pattern") {
    return any([&](const std::string& each) { return fits(each, request.path); }) ||
           any_regex(condition, request.path, shared::regex::Case::kSensitive);
  }
  if (field == "http-header") {
    const std::string wanted = lowered(text_in(config_of(condition), "HttpHeaderName"));
    for (const auto& [name, value] : request.headers) {
      if (lowered(name) != wanted) continue;
      if (any([&, text = lowered(value)](const std::string& each) { return fits(lowered(each), text); }))
        return true;
      if (any_regex(condition, value, shared::regex::Case::kInsensitive)) return true;
    }
    return false;
  }
  if (field == "http-request-method")
    return any([&](const std::string& each) { return each == request.method; });
  if (field == "query-string") return query_fits(list_in(config_of(condition), "Values"), request.query);
  if (field == "source-ip")
    return any([&](const std::string& each) { return is_within(each, request.source); });
  return false;
}

json sorted_rules(json rules) {
  std::stable_sort(rules.begin(), rules.end(),
                   [](const json& a, const json& b) { return priority_of(a) < priority_of(b); });
  return rules;
}

const json* rule_for(const json& rules, const TestRequest& request) {
  const json* found = nullptr;
  for (const json& rule : rules) {
    if (found != nullptr && priority_of(*found) <= priority_of(rule)) continue;
    const json& conditions = list_in(rule, "Conditions");
    if (std::all_of(conditions.begin(), conditions.end(),
                    [&](const json& each) { return condition_holds(each, request); }))
      found = &rule;
  }
  return found;
}

std::string conditions_text(const json& rule) {
  std::string out;
  for (const json& each : list_in(rule, "Conditions")) {
    const std::string field = text_in(each, "Field");
    auto values = values_of(each, "Values");
    for (const std::string& regex : values_of(each, "RegexValues")) values.push_back("~" + regex);
    std::string name = field;
    if (field == "host-header") name = "host";
    if (field == "path-pattern") name = "path";
    if (field == "http-request-method") name = "method";
    if (field == "source-ip") name = "source";
    if (field == "http-header") name = text_in(config_of(each), "HttpHeaderName") + ":";
    if (field == "query-string") {
      name = "query";
      values.clear();
      for (const json& pair : list_in(config_of(each), "Values")) {
        const std::string key = text_in(pair, "Key");
        values.push_back((key.empty() ? "" : key + "=") + text_in(pair, "Value"));
      }
    }
    out += (out.empty() ? "" : ", ") + name + " " + joined(values, " or ");
  }
  return out.empty() ? "everything else" : out;
}

std::vector<std::string> groups_of(const json& actions) {
  const json& action = deciding(actions);
  std::vector<std::string> out;
  const json& groups = list_in(object_in(action, "ForwardConfig"), "TargetGroups");
  for (const json& each : groups) {
    if (groups.size() == 1 || !each.contains("Weight") || number_in(each, "Weight") > 0)
      out.push_back(text_in(each, "TargetGroupArn"));
  }
  if (groups.empty() && action.contains("TargetGroupArn")) out.push_back(text_in(action, "TargetGroupArn"));
  return out;
}

std::string actions_text(const json& actions) {
  const json& action = deciding(actions);
  const std::string type = text_in(action, "Type");
  std::string before;
  for (const json& each : actions)
    if (&each != &action) before += text_in(each, "Type") + ", then ";
  if (type == "redirect") {
    const json& to = object_in(action, "RedirectConfig");
    std::string code = text_in(to, "StatusCode");
    code = code.substr(code.find('_') == std::string::npos ? 0 : code.find('_') + 1);
    std::string target = lowered(text_in(to, "Protocol")) + "://" + text_in(to, "Host") + ":" +
                         text_in(to, "Port") + text_in(to, "Path");
    if (!text_in(to, "Query").empty()) target += "?" + text_in(to, "Query");
    return before + "redirect " + code + " to " + target;
  }
  if (type == "fixed-response") {
    const json& with = object_in(action, "FixedResponseConfig");
    const std::string body = text_in(with, "MessageBody");
    return before + "answer " + text_in(with, "StatusCode") +
           (body.empty() ? "" : " \"" + shortened_to(harmless(body), 40) + "\"");
  }
  const json& groups = list_in(object_in(action, "ForwardConfig"), "TargetGroups");
  long long sum = 0;
  for (const json& each : groups) sum += number_in(each, "Weight");
  std::string out = before + "forward to";
  if (groups.empty()) return out + " " + elb_name(text_in(action, "TargetGroupArn"));
  for (const json& each : groups) {
    out += (&each == &groups.front() ? " " : ", ") + elb_name(text_in(each, "TargetGroupArn"));
    if (groups.size() > 1 && sum > 0)
      out += " " + std::to_string(number_in(each, "Weight") * 100 / sum) + "%";
  }
  return out;
}

}  // namespace agent::cli
