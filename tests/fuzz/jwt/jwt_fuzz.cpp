// A line with a token, then a key set. Any text is a key set or a reason; of all tokens only the one that was
// signed is good with the key that signed it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "balancer/jwt/token.h"
#include "shared/base/check.h"

namespace {

namespace jwt = balancer::jwt;
namespace lb = shared::lbconfig;

constexpr std::int64_t kNow = 1'800'000'000;

// Made once with openssl; the private key is gone.
constexpr std::string_view kKeys =
    "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a\",\"use\":\"sig\",\"alg\":\"RS256\",\"e\":\"AQAB\",\"n\":"
    "\"ugrZZcf4Gt7vHY"
    "hgvoNy0MdE_JcK9tYGjos1aiE9AfnhD0pnVPcHeExEXJ5gg1_XdMuXhgx-Cgpvo7tkOcbfWUOPD7W036xTFcEVWO"
    "iqrfTJA-HvctwbHUtPR0OZHkykvkxU6ZOe6pxkxyU5Mm7raqIH-Qu2gcr4mMhe7DgGH5GlJ9rR8IW-xgG57qtHLM"
    "5rqGi4wZz-Mduus0s6ucscW1Y5C2sFk2bUsXw9AUPaBCeN-svfC_TuipAElTNt2EKSWoK0hO2iYTkeC99KB1vMId"
    "O4i1nVlzi-zzaQMSdjMZoxrAXheeZAvyGVTv6Er-DMiKAFkOgInbtDwVzILhSZ4Q\"}]}";
constexpr std::string_view kGood =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJpc3MiOiJpIiwiZXhwIjoxOTAwMDAwMDAwLCJzY29wZSI6InJlY"
    "WQgd3JpdGUiLCJncm91cHMiOlsiZyJdLCJhdWQiOiJhcGkifQ.XkZn9U0FZpzDlcZuhumuXdb7B1biyg8-jrBZXV"
    "40sc_6yM_35PYbEujSK0D8Ik4fo7IaheqvXNWClx93uLyLTdO8F-oFFxH8OAvkl5rCdbUchy48x2QhnOT4Sjjdlp"
    "mdf-MherEn3VJ5IXKW8dMD-qw-lmjvNThRKjAynsrppsLGHh-uGffBiyoDHveaROIJY2wRmoeSx0mCqZEJiQ90fo"
    "MiwVODmNRpR_j-Zn9RgItCYw4nlAvus5kFgRxTvl28O1TP1kUavLfnctaVQgBLry8fu8pblirS7x9Y39_D82d4KQ"
    "oTk0jz0VRL2rzUbLGaAilBuNjJ_rqvbsz3w3BzhA";

const jwt::KeySet& signing_keys() {
  static const jwt::KeySet keys = std::get<jwt::KeySet>(jwt::KeySet::parse(kKeys));
  return keys;
}

const lb::JwtValidation& wanted() {
  static const lb::JwtValidation validation{1,
                                            "https://i/keys",
                                            "i",
                                            {{"scope", lb::JwtClaimFormat::kSpaceSeparated, {"write"}},
                                             {"groups", lb::JwtClaimFormat::kStringArray, {"g"}},
                                             {"aud", lb::JwtClaimFormat::kSingleString, {"api"}}}};
  return validation;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view token = text.substr(0, text.find('\n'));
  const std::string_view document = text.substr(std::min(token.size() + 1, text.size()));
  const jwt::Verdict verdict = jwt::validate(token, wanted(), signing_keys(), kNow);
  BERTH_CHECK((verdict.reason == jwt::Reason::kValid) == (token == kGood), "another token is good");
  const std::string_view values[] = {text.substr(0, text.size() / 2), token};
  for (const std::size_t count : {0, 1, 2}) jwt::bearer_of(std::span(values, count));
  const auto keys = jwt::KeySet::parse(document);
  if (const auto* reason = std::get_if<jwt::Reason>(&keys)) {
    BERTH_CHECK(*reason == jwt::Reason::kKeysInvalid || *reason == jwt::Reason::kKeysTooLarge,
                "another reason");
    return 0;
  }
  const auto& set = std::get<jwt::KeySet>(keys);
  BERTH_CHECK(!set.keys().empty() && set.keys().size() <= jwt::kMaxKeys, "no number of keys");
  for (const jwt::Key& key : set.keys()) BERTH_CHECK(key.key.bits() >= jwt::kLeastKeyBits, "a short key");
  jwt::validate(token, wanted(), set, kNow);
  return 0;
}
