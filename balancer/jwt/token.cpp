#include "balancer/jwt/token.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "shared/json/reader.h"

namespace balancer::jwt {

namespace {

using nlohmann::json;
namespace lb = shared::lbconfig;

constexpr std::size_t kMaxTokenDepth = 16;

bool is_bearer(std::string_view scheme) {
  constexpr std::string_view kBearer = "bearer";
  return scheme.size() == kBearer.size() &&
         std::equal(scheme.begin(), scheme.end(), kBearer.begin(), [](char c, char wanted) {
           return (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) == wanted;
         });
}

// A member twice means one thing to us and another to the target.
bool repeats_a_member(std::string_view text) {
  std::vector<std::set<std::string>> open;
  bool repeated = false;
  const auto look = [&](int, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::object_start) open.emplace_back();
    if (event == json::parse_event_t::object_end) open.pop_back();
    if (event == json::parse_event_t::key) {
      repeated = repeated || !open.back().insert(value.get<std::string>()).second;
    }
    return true;
  };
  const json ignored = json::parse(text, look, false);
  return repeated || ignored.is_discarded();
}

std::optional<json> object_of(std::string_view encoded) {
  const auto text = shared::crypto::base64url_decode(encoded);
  if (!text) return std::nullopt;
  auto parsed = shared::json::parse(*text, {kMaxTokenDepth});
  if (!parsed || !parsed->is_object() || repeats_a_member(*text)) return std::nullopt;
  return std::move(*parsed);
}

const json* member(const json& object, const std::string& name) {
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

// "exp", "nbf", "iat" (RFC 7519 section 2, NumericDate); `holds` is asked for its value.
template <class Holds>
Reason check_time(const json& claims, const char* name, bool required, Holds holds) {
  const json* claim = member(claims, name);
  if (claim == nullptr) return required ? Reason::kClaimNotPresent : Reason::kValid;
  if (!claim->is_number() || !std::isfinite(claim->get<double>())) return Reason::kClaimFormatInvalid;
  return holds(claim->get<double>()) ? Reason::kValid : Reason::kClaimValueInvalid;
}

Reason check_text(const json& claims, const std::string& name, const std::vector<std::string>& values) {
  const json* claim = member(claims, name);
  if (claim == nullptr) return Reason::kClaimNotPresent;
  if (!claim->is_string()) return Reason::kClaimFormatInvalid;
  const bool found =
      std::find(values.begin(), values.end(), claim->get_ref<const std::string&>()) != values.end();
  return found ? Reason::kValid : Reason::kClaimValueInvalid;
}

// Every configured value must be in the list.
Reason check_list(const std::vector<std::string>& list, const std::vector<std::string>& values) {
  if (list.size() > kMaxListValues) return Reason::kClaimFormatInvalid;
  const bool all = std::all_of(values.begin(), values.end(), [&](const std::string& value) {
    return std::find(list.begin(), list.end(), value) != list.end();
  });
  return all ? Reason::kValid : Reason::kClaimValueInvalid;
}

Reason check_claim(const json& claims, const lb::JwtClaim& wanted) {
  if (wanted.format == lb::JwtClaimFormat::kSingleString)
    return check_text(claims, wanted.name, wanted.values);
  const json* claim = member(claims, wanted.name);
  if (claim == nullptr) return Reason::kClaimNotPresent;
  std::vector<std::string> list;
  if (wanted.format == lb::JwtClaimFormat::kStringArray) {
    if (!claim->is_array() || claim->size() > kMaxListValues) return Reason::kClaimFormatInvalid;
    for (const json& each : *claim) {
      if (!each.is_string()) return Reason::kClaimFormatInvalid;
      list.push_back(each.get<std::string>());
    }
  } else {
    if (!claim->is_string()) return Reason::kClaimFormatInvalid;
    std::string_view rest = claim->get_ref<const std::string&>();
    while (!rest.empty() && list.size() <= kMaxListValues) {
      const std::size_t space = rest.find(' ');
      if (space != 0) list.emplace_back(rest.substr(0, space));
      rest = space == std::string_view::npos ? std::string_view() : rest.substr(space + 1);
    }
  }
  return check_list(list, wanted.values);
}

Reason check_claims(const json& claims, const lb::JwtValidation& wanted, std::int64_t epoch_seconds) {
  const auto now = static_cast<double>(epoch_seconds);
  const double ahead = now + static_cast<double>(kClockSkewSeconds);
  const Reason checks[] = {
      check_text(claims, "iss", {wanted.issuer}),
      check_time(claims, "exp", true, [&](double time) { return now < time; }),
      check_time(claims, "nbf", false, [&](double time) { return time <= ahead; }),
      check_time(claims, "iat", false, [&](double time) { return time <= ahead; }),
  };
  for (const Reason reason : checks) {
    if (reason != Reason::kValid) return reason;
  }
  for (const lb::JwtClaim& claim : wanted.claims) {
    const Reason reason = check_claim(claims, claim);
    if (reason != Reason::kValid) return reason;
  }
  return Reason::kValid;
}

}  // namespace

Bearer bearer_of(std::span<const std::string_view> values) {
  if (values.empty()) return {};
  const std::string_view value = values.front();
  const std::size_t space = value.find(' ');
  if (values.size() > 1 || space == std::string_view::npos || !is_bearer(value.substr(0, space))) {
    return {Reason::kRequestFormatInvalid, {}};
  }
  const std::size_t start = value.find_first_not_of(' ', space);
  if (start == std::string_view::npos) return {Reason::kRequestFormatInvalid, {}};
  return {Reason::kValid, value.substr(start)};
}

Verdict validate(std::string_view token, const lb::JwtValidation& wanted, const KeySet& keys,
                 std::int64_t epoch_seconds) {
  const std::size_t first = token.find('.');
  const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (token.size() > kMaxToken || second == std::string_view::npos) return {Reason::kRequestFormatInvalid};
  const auto header = object_of(token.substr(0, first));
  const auto signature = shared::crypto::base64url_decode(token.substr(second + 1));
  if (!header || !signature || signature->empty()) return {Reason::kRequestFormatInvalid};
  const json* algorithm = member(*header, "alg");
  const json* id = member(*header, "kid");
  if (algorithm == nullptr || *algorithm != "RS256" || member(*header, "crit") != nullptr ||
      (id != nullptr && !id->is_string())) {
    return {Reason::kRequestFormatInvalid};
  }
  const auto claims = object_of(token.substr(first + 1, second - first - 1));
  if (!claims) return {Reason::kRequestFormatInvalid};

  const std::string_view data = token.substr(0, second);
  bool known = false;
  bool good = false;
  for (const Key& key : keys.keys()) {
    // A key or a token without an id may go with any.
    if (id != nullptr && !key.id.empty() && key.id != id->get_ref<const std::string&>()) continue;
    known = true;
    good = good || key.key.verifies_sha256(data, *signature);
  }
  if (!good) return {Reason::kSignature, !known};
  return {check_claims(*claims, wanted, epoch_seconds)};
}

}  // namespace balancer::jwt
