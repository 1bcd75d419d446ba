#include "balancer/jwt/token.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/balancer/jwt/signer.h"

namespace balancer::jwt {
namespace {

namespace lb = shared::lbconfig;

constexpr std::int64_t kNow = 1'700'000'000;
const std::string kHeader = R"({"alg":"RS256","kid":"a"})";

const tests::RsaSigner& stranger() {
  static const tests::RsaSigner made;
  return made;
}

KeySet keys(const std::string& members = signer().jwk("a")) {
  return std::get<KeySet>(KeySet::parse(R"({"keys":[)" + members + "]}"));
}
lb::JwtValidation wanted(std::vector<lb::JwtClaim> claims = {}) {
  return {1, "https://issuer.example/jwks", "https://issuer.example", std::move(claims)};
}
// The usual claims, and more of them.
std::string claims(const std::string& more = "") {
  return R"({"iss":"https://issuer.example","exp":1700000060)" + more + "}";
}
std::string word(const Verdict& verdict) { return std::string(row_of(verdict.reason).word); }
std::string of_token(const std::string& token) { return word(validate(token, wanted(), keys(), kNow)); }
std::string of_claims(const std::string& text, std::vector<lb::JwtClaim> additional = {}) {
  return word(validate(signer().token(kHeader, text), wanted(std::move(additional)), keys(), kNow));
}
std::string of_header(const std::string& text) { return of_token(signer().token(text, claims())); }

TEST(Bearer, IsTheOneAuthorizationOfThatScheme) {
  using List = std::vector<std::string_view>;
  const auto reason = [](const List& values) { return std::string(row_of(bearer_of(values).reason).word); };
  EXPECT_EQ(bearer_of(List{"Bearer a.b.c"}).token, "a.b.c");
  EXPECT_EQ(bearer_of(List{"bEARER   a.b.c"}).token, "a.b.c");
  EXPECT_EQ(reason({}), "JWTHeaderNotPresent");
  for (const List& values : {List{""}, List{"Bearer"}, List{"Bearer "}, List{"Basic a"}, List{"Bearera.b.c"},
                             List{"Bearer a", "Bearer a"}}) {
    EXPECT_EQ(reason(values), "JWTRequestFormatInvalid") << (values.empty() ? "" : values[0]);
  }
}

TEST(Token, IsGoodWhenSignatureAndClaimsAre) {
  EXPECT_EQ(of_claims(claims()), "-");
  EXPECT_EQ(of_claims(claims(R"(,"nbf":1700000000,"iat":1700000000,"sub":"x")")), "-");
}

TEST(Token, HasOneForm) {
  const std::string good = signer().token(kHeader, claims());
  const std::size_t second = good.rfind('.');
  EXPECT_EQ(of_token(good), "-");
  for (const std::string& bad :
       {std::string(), std::string("a"), std::string("a.b"), std::string(".."), good + ".", good + "=",
        good.substr(0, second), good.substr(0, second + 1), " " + good, good + "\n", "." + good,
        std::string(kMaxToken + 1, 'a'), tests::base64url("[]") + good.substr(good.find('.'))}) {
    EXPECT_EQ(of_token(bad), "JWTRequestFormatInvalid") << bad.substr(0, 40);
  }
}

TEST(Token, IsRs256AndAsksForNothingElse) {
  EXPECT_EQ(of_header(R"({"alg":"RS256","kid":"a","typ":"JWT","x":1})"), "-");
  for (const char* header :
       {R"({})", R"({"alg":"none"})", R"({"alg":"HS256","kid":"a"})", R"({"alg":"rs256"})",
        R"({"alg":"RS512"})", R"({"alg":["RS256"]})", R"({"alg":"RS256","kid":1})",
        R"({"alg":"RS256","kid":"a","crit":["exp"],"exp":1})", R"({"alg":"HS256","alg":"RS256","kid":"a"})",
        R"(["alg"])"}) {
    EXPECT_EQ(of_header(header), "JWTRequestFormatInvalid") << header;
  }
  EXPECT_EQ(of_claims(R"({"iss":"other","iss":"https://issuer.example","exp":1700000060})"),
            "JWTRequestFormatInvalid")
      << "two readings";
  EXPECT_EQ(of_claims(claims(R"(,"a":{"b":1,"b":2})")), "JWTRequestFormatInvalid");
  EXPECT_EQ(of_claims("[]"), "JWTRequestFormatInvalid");
  EXPECT_EQ(of_claims(std::string(40, '[')), "JWTRequestFormatInvalid");
}

TEST(Token, IsSignedByAKeyOfTheSet) {
  std::string tampered = signer().token(kHeader, claims());
  const std::string other = tests::base64url(claims(R"(,"admin":true)"));
  tampered.replace(tampered.find('.') + 1, tampered.rfind('.') - tampered.find('.') - 1, other);
  EXPECT_EQ(of_token(tampered), "JWTSignatureValidationFailed");
  EXPECT_EQ(of_token(stranger().token(kHeader, claims())), "JWTSignatureValidationFailed");
  EXPECT_EQ(of_header(R"({"alg":"RS256"})"), "-") << "any key, when the token names none";
  EXPECT_EQ(word(validate(stranger().token(R"({"alg":"RS256","kid":"b"})", claims()), wanted(),
                          keys(signer().jwk("a") + "," + stranger().jwk("b")), kNow)),
            "-");
  EXPECT_EQ(word(validate(stranger().token(kHeader, claims()), wanted(),
                          keys(signer().jwk("a") + "," + stranger().jwk("b")), kNow)),
            "JWTSignatureValidationFailed")
      << "by another key than the one that it names";
}

TEST(Token, TellsAKeyThatIsNotThereFromABadSignature) {
  const Verdict unknown =
      validate(signer().token(R"({"alg":"RS256","kid":"new"})", claims()), wanted(), keys(), kNow);
  EXPECT_EQ(unknown.reason, Reason::kSignature);
  EXPECT_TRUE(unknown.unknown_key);
  EXPECT_FALSE(validate(stranger().token(kHeader, claims()), wanted(), keys(), kNow).unknown_key);
}

TEST(Claims, OfTimeAndIssuerAreAlwaysLookedAt) {
  EXPECT_EQ(of_claims(R"({"exp":1700000060})"), "JWTClaimNotPresent");
  EXPECT_EQ(of_claims(R"({"iss":"https://issuer.example"})"), "JWTClaimNotPresent");
  EXPECT_EQ(of_claims(R"({"iss":7,"exp":1700000060})"), "JWTClaimFormatInvalid");
  EXPECT_EQ(of_claims(R"({"iss":"https://issuer.example/","exp":1700000060})"), "JWTClaimValueInvalid");
  EXPECT_EQ(of_claims(R"({"iss":"https://issuer.example","exp":"1700000060"})"), "JWTClaimFormatInvalid");
  EXPECT_EQ(of_claims(R"({"iss":"https://issuer.example","exp":1700000000})"), "JWTClaimValueInvalid")
      << "it ends at that second";
  EXPECT_EQ(of_claims(R"({"iss":"https://issuer.example","exp":1700000000.5})"), "-");
  EXPECT_EQ(of_claims(R"({"iss":"https://issuer.example","exp":1e300})"), "-");
  EXPECT_EQ(of_claims(claims(R"(,"nbf":1700000005)")), "-") << "the issuer's clock may be ahead";
  EXPECT_EQ(of_claims(claims(R"(,"nbf":1700000006)")), "JWTClaimValueInvalid");
  EXPECT_EQ(of_claims(claims(R"(,"iat":1700000006)")), "JWTClaimValueInvalid");
  EXPECT_EQ(of_claims(claims(R"(,"iat":null)")), "JWTClaimFormatInvalid");
}

TEST(Claims, OfAStringAreOneOfTheValues) {
  const lb::JwtClaim aud{"aud", lb::JwtClaimFormat::kSingleString, {"api", "web"}};
  EXPECT_EQ(of_claims(claims(R"(,"aud":"web")"), {aud}), "-");
  EXPECT_EQ(of_claims(claims(R"(,"aud":"Web")"), {aud}), "JWTClaimValueInvalid");
  EXPECT_EQ(of_claims(claims(R"(,"aud":["web"])"), {aud}), "JWTClaimFormatInvalid");
  EXPECT_EQ(of_claims(claims(), {aud}), "JWTClaimNotPresent");
}

TEST(Claims, OfAListHoldAllValues) {
  const lb::JwtClaim groups{"groups", lb::JwtClaimFormat::kStringArray, {"a", "b"}};
  EXPECT_EQ(of_claims(claims(R"(,"groups":["b","x","a"])"), {groups}), "-");
  EXPECT_EQ(of_claims(claims(R"(,"groups":["a"])"), {groups}), "JWTClaimValueInvalid");
  EXPECT_EQ(of_claims(claims(R"(,"groups":[])"), {groups}), "JWTClaimValueInvalid");
  EXPECT_EQ(of_claims(claims(R"(,"groups":"a b")"), {groups}), "JWTClaimFormatInvalid");
  EXPECT_EQ(of_claims(claims(R"(,"groups":["a","b",1])"), {groups}), "JWTClaimFormatInvalid");
  EXPECT_EQ(of_claims(claims(R"(,"groups":["a","b","3","4","5","6","7","8","9","10","11"])"), {groups}),
            "JWTClaimFormatInvalid");
  const lb::JwtClaim scope{"scope", lb::JwtClaimFormat::kSpaceSeparated, {"read", "write"}};
  EXPECT_EQ(of_claims(claims(R"(,"scope":"write  read")"), {scope}), "-");
  EXPECT_EQ(of_claims(claims(R"(,"scope":"readwrite")"), {scope}), "JWTClaimValueInvalid");
  EXPECT_EQ(of_claims(claims(R"(,"scope":["read","write"])"), {scope}), "JWTClaimFormatInvalid");
  EXPECT_EQ(of_claims(claims(R"(,"scope":"read write 3 4 5 6 7 8 9 10 11")"), {scope}),
            "JWTClaimFormatInvalid");
}

TEST(Claims, TheFirstThingWrongIsTheReason) {
  const lb::JwtClaim one{"one", lb::JwtClaimFormat::kSingleString, {"1"}};
  const lb::JwtClaim two{"two", lb::JwtClaimFormat::kSingleString, {"2"}};
  EXPECT_EQ(of_claims(claims(R"(,"two":"1")"), {one, two}), "JWTClaimNotPresent");
  EXPECT_EQ(of_claims(claims(R"(,"two":"1")"), {two, one}), "JWTClaimValueInvalid");
}

}  // namespace
}  // namespace balancer::jwt
