#include "shared/lbconfig/jwt.h"

#include <gtest/gtest.h>

#include "shared/lbconfig/json.h"

namespace shared::lbconfig {
namespace {

JwtValidation good() {
  return {1,
          "https://issuer.example/.well-known/jwks.json",
          "issuer",
          {{"scope", JwtClaimFormat::kStringArray, {"a"}}}};
}
std::string wrong(void (*change)(JwtValidation&)) {
  JwtValidation validation = good();
  change(validation);
  const auto ok = check(validation);
  return ok ? "" : ok.error().text();
}

TEST(JwtValidation, NamesWhatIsWrongWithIt) {
  EXPECT_TRUE(check(good()));
  for (const char* endpoint :
       {"", "http://a/b", "https://a", "https:///b", "https://u@a/b", "https://a/b#c", "https://a\\b/c",
        "https://a/b c", "HTTPS://a/b", "https://a:0/b", "https://a:65536/b", "https://::1/b"}) {
    JwtValidation validation = good();
    validation.jwks_endpoint = endpoint;
    const auto ok = check(validation);
    ASSERT_FALSE(ok) << endpoint;
    EXPECT_EQ(ok.error().text().find("jwks_endpoint: '"), 0U) << ok.error().text();
  }
  EXPECT_EQ(wrong([](auto& v) { v.issuer.clear(); }), "issuer: must have 1 to 256 printable characters");
  EXPECT_EQ(wrong([](auto& v) { v.issuer = std::string(257, 'a'); }),
            "issuer: must have 1 to 256 printable characters");
  EXPECT_EQ(wrong([](auto& v) { v.claims.push_back(v.claims[0]); }), "claims[1].name: 'scope' is used twice");
  EXPECT_EQ(wrong([](auto& v) { v.claims[0].name = "iss"; }), "claims[0].name: 'iss' is validated always");
  EXPECT_EQ(wrong([](auto& v) { v.claims[0].values.clear(); }), "claims[0].values: must have 1 to 10 values");
  EXPECT_EQ(wrong([](auto& v) { v.claims[0].values = std::vector<std::string>(11, "a"); }),
            "claims[0].values: must have 1 to 10 values");
  EXPECT_EQ(wrong([](auto& v) { v.claims = std::vector<JwtClaim>(11); }), "claims: are more than 10");
}

TEST(JwtValidation, OfAConfigurationIsForListenersThatEndTls) {
  const auto config = config_from_json(R"({"listeners": [{"id": "l", "port": 80, "default_action": {
    "type": "fixed-response", "order": 2, "fixed_response": {"status": 200},
    "jwt_validation": {"jwks_endpoint": "https://a/b", "issuer": "i",
                       "claims": [{"name": "scope", "format": "space-separated-values", "values": ["a"]}]}}}]})");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().text(), "listeners[0].default_action.jwt_validation: is for HTTPS listeners only");
}

}  // namespace
}  // namespace shared::lbconfig
