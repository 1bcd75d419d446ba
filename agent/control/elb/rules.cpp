#include "agent/control/elb/rules.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <string_view>

#include "agent/control/state/faults.h"
#include "shared/http/message.h"
#include "shared/net/endpoint.h"
#include "shared/regex/regex.h"

namespace agent::control {
namespace {

using shared::Error;
using shared::Result;
using Field = model::lb::ConditionField;

constexpr int kMaxWeight = 999;
constexpr int kMaxStickySeconds = 604'800;
constexpr std::size_t kMaxTemplate = 128;  // of each part of a redirect
constexpr std::size_t kMaxBody = 1024;     // of a fixed response
constexpr std::size_t kMaxValue = 128;     // of a condition
constexpr std::size_t kMaxHeaderName = 40;
constexpr std::size_t kMaxMethod = 40;
constexpr std::size_t kMaxMatcher = 256;

constexpr std::array<std::pair<std::string_view, Field>, 6> kFields{
    {{"host-header", Field::kHostHeader},
     {"path-pattern", Field::kPathPattern},
     {"http-header", Field::kHttpHeader},
     {"http-request-method", Field::kHttpRequestMethod},
     {"query-string", Field::kQueryString},
     {"source-ip", Field::kSourceIp}}};

Error bad_action(std::string text) { return fault("InvalidLoadBalancerAction", std::move(text)); }

bool is_alpha(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_visible(char c) { return c > 0x20 && c < 0x7f; }
bool all_of(std::string_view text, bool (*test)(char)) { return std::all_of(text.begin(), text.end(), test); }

std::optional<int> small_number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<void> check_forward(const model::lb::ForwardAction& forward) {
  if (forward.target_groups.empty()) {
    return bad_action("A forward action must name at least one target group");
  }
  if (forward.target_groups.size() > kMaxGroupsPerAction) {
    return fault("TooManyTargetGroups", "A forward action can have at most " +
                                            std::to_string(kMaxGroupsPerAction) + " target groups");
  }
  std::set<std::string_view> seen;
  for (const auto& each : forward.target_groups) {
    if (each.weight < 0 || each.weight > kMaxWeight) {
      return validation_error("Weight '" + std::to_string(each.weight) + "' must be between 0 and 999");
    }
    if (!seen.insert(each.target_group).second) {
      return bad_action("Target group '" + each.target_group + "' was provided multiple times");
    }
  }
  if (forward.sticky_seconds < 1 || forward.sticky_seconds > kMaxStickySeconds) {
    return validation_error("TargetGroupStickinessConfig.DurationSeconds '" +
                            std::to_string(forward.sticky_seconds) + "' must be between 1 and 604800");
  }
  return {};
}

Result<void> check_redirect(const model::lb::RedirectAction& redirect) {
  const model::lb::RedirectAction same;
  if (redirect.protocol != "HTTP" && redirect.protocol != "HTTPS" && redirect.protocol != same.protocol) {
    return validation_error("Redirect protocol '" + redirect.protocol +
                            "' must be HTTP, HTTPS or #{protocol}");
  }
  if (redirect.port != same.port) {
    const auto port = small_number(redirect.port);
    if (!port || *port < 1 || *port > 65535) {
      return validation_error("Redirect port '" + redirect.port + "' must be #{port} or from 1 to 65535");
    }
  }
  const std::array<std::pair<const char*, const std::string*>, 3> parts{
      {{"host", &redirect.host}, {"path", &redirect.path}, {"query", &redirect.query}}};
  for (const auto& [name, text] : parts) {
    if (text->size() > kMaxTemplate || !all_of(*text, is_visible)) {
      return validation_error(std::string("Redirect ") + name + " '" + *text +
                              "' must have at most 128 characters and no spaces or control characters");
    }
  }
  if (redirect.host.empty()) return validation_error("Redirect host must have at least 1 character");
  if (!redirect.path.starts_with('/'))
    return validation_error("Redirect path '" + redirect.path + "' must begin with '/'");
  if (redirect.status != 301 && redirect.status != 302) {
    return validation_error("Redirect status code must be HTTP_301 or HTTP_302");
  }
  if (redirect.protocol == same.protocol && redirect.host == same.host && redirect.port == same.port &&
      redirect.path == same.path) {
    return bad_action("The redirect configuration is not valid because it creates a loop.");
  }
  return {};
}

Result<void> check_fixed(const model::lb::FixedResponseAction& fixed) {
  const int family = fixed.status / 100;
  if (fixed.status > 599 || (family != 2 && family != 4 && family != 5)) {
    return validation_error("Fixed response status code '" + std::to_string(fixed.status) +
                            "' must be 2XX, 4XX or 5XX");
  }
  constexpr std::array<std::string_view, 6> kTypes{
      "", "text/plain", "text/css", "text/html", "application/javascript", "application/json"};
  if (std::find(kTypes.begin(), kTypes.end(), fixed.content_type) == kTypes.end()) {
    return validation_error(
        "Fixed response content type '" + fixed.content_type +
        "' must be one of text/plain, text/css, text/html, application/javascript, application/json");
  }
  if (fixed.body.size() > kMaxBody)
    return validation_error("Fixed response message body is longer than 1024 characters");
  return {};
}

Result<void> check_host(const std::string& value) {
  const auto allowed = [](char c) {
    return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '*' || c == '?';
  };
  const auto dot = value.rfind('.');
  if (value.empty() || value.size() > kMaxValue || !std::all_of(value.begin(), value.end(), allowed) ||
      dot == std::string::npos || dot + 1 == value.size() || !all_of(value.substr(dot + 1), is_alpha)) {
    return validation_error(
        "Condition value '" + value +
        "' contains a character that is not valid: a host has at most 128 characters of A-Z, a-z, "
        "0-9, - . * ? with at least one dot, and only letters after the last dot");
  }
  return {};
}

Result<void> check_path(const std::string& value) {
  const auto allowed = [](char c) {
    return is_alpha(c) || is_digit(c) ||
           std::string_view("_-.$/~\"'@:+&*?").find(c) != std::string_view::npos;
  };
  if (value.empty() || value.size() > kMaxValue || !std::all_of(value.begin(), value.end(), allowed)) {
    return validation_error(
        "Condition value '" + value +
        "' contains a character that is not valid: a path has 1 to 128 letters, digits and "
        "_ - . $ / ~ \" ' @ : + & * ?");
  }
  return {};
}

Result<void> check_text(const std::string& value) {
  const auto printable = [](char c) { return c >= 0x20 && c < 0x7f; };
  if (value.size() > kMaxValue || !std::all_of(value.begin(), value.end(), printable)) {
    return validation_error("Condition value '" + value + "' must have at most 128 printable characters");
  }
  return {};
}

Result<void> check_method(const std::string& value) {
  const auto allowed = [](char c) { return (c >= 'A' && c <= 'Z') || c == '-' || c == '_'; };
  if (value.empty() || value.size() > kMaxMethod || !std::all_of(value.begin(), value.end(), allowed)) {
    return validation_error(
        "Condition value '" + value +
        "' is not a request method: 1 to 40 characters of A-Z, - and _, without wildcards");
  }
  return {};
}

Result<void> check_cidr(const std::string& value) {
  const auto slash = value.find('/');
  const std::string address = value.substr(0, slash);
  const auto bits =
      slash == std::string::npos ? std::nullopt : small_number(std::string_view(value).substr(slash + 1));
  const bool six = address.find(':') != std::string::npos;
  if (!bits || !shared::net::is_ip_address(address) || *bits < 0 || *bits > (six ? 128 : 32)) {
    return validation_error("Condition value '" + value + "' is not a valid CIDR block");
  }
  if (value == "255.255.255.255/32")
    return validation_error("Condition value '" + value + "' is not allowed");
  return {};
}

Result<void> check_header_name(const std::string& name) {
  const auto token = [](char c) {
    return is_alpha(c) || is_digit(c) || std::string_view("!#$%&'+-.^_`|~").find(c) != std::string_view::npos;
  };
  if (name.empty() || name.size() > kMaxHeaderName || !std::all_of(name.begin(), name.end(), token)) {
    return validation_error("HttpHeaderName '" + name +
                            "' must be a header name of 1 to 40 characters without wildcards");
  }
  if (shared::http::equals_ignoring_case(name, "host")) {
    return validation_error("HttpHeaderName 'Host' is not allowed: use the host-header field");
  }
  return {};
}

Result<void> check_value(Field field, const std::string& value) {
  switch (field) {
    case Field::kHostHeader:
      return check_host(value);
    case Field::kPathPattern:
      return check_path(value);
    case Field::kHttpRequestMethod:
      return check_method(value);
    case Field::kSourceIp:
      return check_cidr(value);
    case Field::kHttpHeader:
      return value.empty() ? validation_error("A condition value may not be empty") : check_text(value);
    case Field::kQueryString:
      return check_text(value);
  }
  return {};
}

Result<void> check_jwt(const model::lb::Action& action, std::string_view protocol) {
  if (protocol != "HTTPS") {
    return bad_action("Actions of type 'jwt-validation' are supported only on HTTPS listeners");
  }
  if (action.jwt->order < kMinPriority || action.jwt->order >= action.order) {
    return bad_action(
        "The order of a jwt-validation action must be below that of the action that it precedes");
  }
  if (const auto ok = check(*action.jwt); !ok) {
    return validation_error("JwtValidationConfig is not valid: " + ok.error().text());
  }
  return {};
}

bool may_repeat(Field field) { return field == Field::kHttpHeader || field == Field::kQueryString; }
bool has_wildcards(Field field) { return field != Field::kHttpRequestMethod && field != Field::kSourceIp; }

// Of a value in which "\*" and "\?" stand for the characters themselves.
std::size_t wildcards(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '*' || text[i] == '?') {
      ++count;
    }
  }
  return count;
}

struct Sums {
  std::size_t values = 0;
  std::size_t wildcards = 0;
};

Result<void> check_condition(const model::lb::Condition& condition, Sums& sums) {
  const std::string word(field_word(condition.field));
  if (condition.field == Field::kHttpHeader) {
    if (auto ok = check_header_name(condition.http_header_name); !ok) return ok;
  }
  if (condition.values.empty() && condition.query.empty() && condition.regex_values.empty()) {
    return validation_error("A condition value must be specified for the field '" + word + "'");
  }
  sums.values += condition.values.size() + condition.query.size() + condition.regex_values.size();
  for (const auto& value : condition.regex_values) {
    namespace regex = shared::regex;
    const auto compiled = regex::Regex::compile(value, regex::Case::kSensitive, regex::kMaxCondition);
    if (!compiled) {
      return validation_error("Regular expression '" + value + "' of the field '" + word +
                              "' is not valid: " + compiled.error().text());
    }
  }
  for (const auto& value : condition.values) {
    if (auto ok = check_value(condition.field, value); !ok) return ok;
    if (has_wildcards(condition.field)) sums.wildcards += wildcards(value);
  }
  for (const auto& [key, value] : condition.query) {
    if (value.empty()) return validation_error("A query-string condition needs a Value");
    for (const auto& text : {key, value}) {
      if (auto ok = check_text(text); !ok) return ok;
      sums.wildcards += wildcards(text);
    }
  }
  return {};
}

}  // namespace

bool splits_without_stickiness(const model::lb::Action& action) {
  return action.type == model::lb::ActionType::kForward && !action.forward.sticky &&
         action.forward.target_groups.size() > 1;
}

shared::Error group_stickiness_missing() {
  return fault("InvalidConfigurationRequest",
               "You must enable group stickiness on a rule if you enabled target stickiness on one of its "
               "target groups");
}

Result<void> check_actions(const std::vector<model::lb::Action>& actions, std::string_view protocol) {
  if (actions.empty()) return validation_error("An action must be specified");
  if (actions.size() > 1) {
    return fault("TooManyActions", "You can specify only one forward, redirect or fixed-response action");
  }
  const auto& action = actions.front();
  if (action.jwt) {
    if (auto ok = check_jwt(action, protocol); !ok) return ok;
  }
  if (action.order < kMinPriority || action.order > kMaxPriority) {
    return validation_error("Action order '" + std::to_string(action.order) +
                            "' must be between 1 and 50000");
  }
  switch (action.type) {
    case model::lb::ActionType::kForward:
      return check_forward(action.forward);
    case model::lb::ActionType::kRedirect:
      return check_redirect(action.redirect);
    case model::lb::ActionType::kFixedResponse:
      return check_fixed(action.fixed_response);
  }
  return {};
}

Result<void> check_conditions(const std::vector<model::lb::Condition>& conditions) {
  if (conditions.empty()) return validation_error("A condition must be specified");
  std::set<Field> seen;
  Sums sums;
  for (const auto& condition : conditions) {
    if (!seen.insert(condition.field).second && !may_repeat(condition.field)) {
      return validation_error("A rule can only have one '" + std::string(field_word(condition.field)) +
                              "' condition");
    }
    if (auto ok = check_condition(condition, sums); !ok) return ok;
  }
  if (sums.values > kMaxConditionValues) {
    return validation_error("A rule can only have '" + std::to_string(kMaxConditionValues) +
                            "' condition values");
  }
  if (sums.wildcards > kMaxWildcards) {
    return validation_error("A rule can only have '" + std::to_string(kMaxWildcards) + "' wildcards");
  }
  return {};
}

Result<void> check_rewrites(const model::lb::Rewrites& rewrites) {
  for (const auto& [word, rewrite] :
       {std::pair("host-header-rewrite", &rewrites.host), std::pair("url-rewrite", &rewrites.url)}) {
    if (!*rewrite) continue;
    const auto& [expression, replacement] = **rewrite;
    const auto ok =
        shared::regex::Rewriter::compile(expression, replacement, shared::regex::Case::kSensitive);
    if (ok) continue;
    const bool in_regex = ok.error().code() == "InvalidRegex";
    return validation_error(std::string(in_regex ? "Regex" : "Replace") + " '" +
                            (in_regex ? expression : replacement) + "' of the transform '" + word +
                            "' is not valid: " + ok.error().text());
  }
  return {};
}

namespace {

// A code, a list or a range, all within [least, most].
bool are_codes(const std::string& codes, int least, int most) {
  std::string_view rest = codes;
  if (rest.empty() || rest.size() > kMaxMatcher) return false;
  while (true) {
    const auto comma = rest.find(',');
    const auto part = rest.substr(0, comma);
    const auto dash = part.find('-');
    const auto first = small_number(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : small_number(part.substr(dash + 1));
    if (!first || !last || *first < least || *last > most || *first > *last) return false;
    if (comma == std::string_view::npos) return true;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace

Result<void> check_matcher(const std::string& codes) {
  if (are_codes(codes, 200, 499)) return {};
  return validation_error("Health check matcher HTTP code '" + codes +
                          "' must be within '200-499', as a code, a list \"200,202\" or a range \"200-299\"");
}

Result<void> check_grpc_matcher(const std::string& codes) {
  if (are_codes(codes, 0, 99)) return {};
  return validation_error("Health check matcher gRPC code '" + codes +
                          "' must be within '0-99', as a code, a list \"0,12\" or a range \"0-5\"");
}

std::string_view field_word(Field field) {
  for (const auto& [word, each] : kFields) {
    if (each == field) return word;
  }
  return "";
}

std::optional<Field> field_from_word(std::string_view word) {
  for (const auto& [text, each] : kFields) {
    if (text == word) return each;
  }
  return std::nullopt;
}

}  // namespace agent::control
