#include <nlohmann/json.hpp>

#include "shared/lbconfig/config_value.h"

namespace shared::lbconfig {

AcmeChallenges read_acme_challenges(const json::Reader& in) {
  AcmeChallenges challenges;
  for (const json::Reader& each : in.children("acme_challenges")) {
    each.only_members({"host", "token", "key_authorization"});
    challenges.push_back({each.required_string("host"), each.required_string("token"),
                          each.required_string("key_authorization")});
  }
  return challenges;
}

nlohmann::json write_acme_challenges(const AcmeChallenges& challenges) {
  nlohmann::json value = nlohmann::json::array();
  for (const AcmeChallenge& each : challenges) {
    value.push_back(
        {{"host", each.host}, {"token", each.token}, {"key_authorization", each.key_authorization}});
  }
  return value;
}

}  // namespace shared::lbconfig
