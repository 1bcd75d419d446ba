#include "shared/lbconfig/jwt.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "shared/lbconfig/config_value.h"
#include "shared/net/https_url.h"

namespace shared::lbconfig {

namespace {

bool is_text(std::string_view text) {
  return !text.empty() && text.size() <= kMaxJwtText &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

// What can be dialled, with a path.
bool is_endpoint(std::string_view text) {
  constexpr std::string_view kScheme = "https://";
  return is_text(text) && text.starts_with(kScheme) && net::parse_https_url(text) &&
         text.find('/', kScheme.size()) != std::string_view::npos;
}

Error bad(const std::string& member, std::string_view reason) {
  return Error("InvalidJwtValidation", member + ": " + std::string(reason), Blame::kClient);
}

Result<void> check_claim(const JwtClaim& claim, const std::string& path, std::set<std::string>& names) {
  constexpr std::array<std::string_view, 4> kAlways{"exp", "iss", "nbf", "iat"};
  if (!is_text(claim.name)) return bad(path + ".name", "must have 1 to 256 printable characters");
  if (std::find(kAlways.begin(), kAlways.end(), claim.name) != kAlways.end()) {
    return bad(path + ".name", "'" + claim.name + "' is validated always");
  }
  if (!names.insert(claim.name).second) return bad(path + ".name", "'" + claim.name + "' is used twice");
  if (claim.values.empty() || claim.values.size() > kMaxJwtValues) {
    return bad(path + ".values", "must have 1 to 10 values");
  }
  for (const std::string& value : claim.values) {
    if (!is_text(value)) return bad(path + ".values", "each must have 1 to 256 printable characters");
    if (claim.format == JwtClaimFormat::kSpaceSeparated && value.find(' ') != std::string::npos) {
      return bad(path + ".values", "'" + value + "' holds a space, which separates values");
    }
  }
  return {};
}

}  // namespace

Result<void> check(const JwtValidation& validation) {
  if (!is_endpoint(validation.jwks_endpoint)) {
    return bad("jwks_endpoint",
               "'" + validation.jwks_endpoint + "' is no https URL with a path of at most 256 characters");
  }
  if (!is_text(validation.issuer)) return bad("issuer", "must have 1 to 256 printable characters");
  if (validation.claims.size() > kMaxJwtClaims) return bad("claims", "are more than 10");
  std::set<std::string> names;
  for (std::size_t i = 0; i < validation.claims.size(); ++i) {
    const std::string path = "claims[" + std::to_string(i) + "]";
    if (auto ok = check_claim(validation.claims[i], path, names); !ok) return ok;
  }
  return {};
}

JwtValidation read_jwt(const json::Reader& in) {
  in.only_members({"order", "jwks_endpoint", "issuer", "claims"});
  JwtValidation validation;
  validation.order = in.integer_or<int>("order", validation.order);
  validation.jwks_endpoint = in.required_string("jwks_endpoint");
  validation.issuer = in.required_string("issuer");
  for (const json::Reader& each : in.children("claims")) {
    each.only_members({"name", "format", "values"});
    JwtClaim claim;
    claim.name = each.required_string("name");
    claim.format = each.choice("format", kJwtClaimFormats).value_or(claim.format);
    claim.values = each.strings_or_empty("values");
    validation.claims.push_back(std::move(claim));
  }
  return validation;
}

nlohmann::json write_jwt(const JwtValidation& validation) {
  nlohmann::json claims = nlohmann::json::array();
  for (const JwtClaim& claim : validation.claims) {
    claims.push_back({{"name", claim.name},
                      {"format", word_of(claim.format, kJwtClaimFormats)},
                      {"values", claim.values}});
  }
  return {{"order", validation.order},
          {"jwks_endpoint", validation.jwks_endpoint},
          {"issuer", validation.issuer},
          {"claims", claims}};
}

}  // namespace shared::lbconfig
