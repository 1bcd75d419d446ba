// How a registry asks for credentials (RFC 9110 section 11.6.1), and which ones an operator has set. Pure.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "shared/base/result.h"

namespace agent::runtime::oci {

struct Challenge {
  std::string scheme;                             // lower case: "bearer", "basic"
  std::map<std::string, std::string> parameters;  // names in lower case
};
// The first bearer or basic challenge of a WWW-Authenticate header; several may share one header, and values
// may hold commas inside quotes.
std::optional<Challenge> parse_challenge(std::string_view header);

struct Credentials {
  std::string user;
  std::string password;
  std::string identity_token;  // a refresh token; then user and password are not used
};
// By registry host. Takes a docker config.json ({"auths": {...}}), and its inside alone, as
// ECS_ENGINE_AUTH_DATA has it: {"host": {"auth": base64} or {"username", "password"}}. Hosts may be URLs.
shared::Result<std::map<std::string, Credentials>> parse_credentials(std::string_view text);

}  // namespace agent::runtime::oci
