#include "agent/aws/sigv4.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "shared/base/text.h"
#include "shared/crypto/hash.h"

namespace agent::aws {
namespace {

using shared::WallTime;
using testing::HasSubstr;
namespace http = shared::http;

constexpr char kSecret[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const WallTime kNow = *http::parse_amz_date("20150830T123600Z");

http::Request request() {
  http::Request r;
  r.headers.add("Host", "example.amazonaws.com");
  return r;
}

http::Request signed_call() {
  http::Request r = request();
  r.method = "POST";
  r.headers.add("X-Amz-Target", "P.Op");
  r.headers.add("Content-Type", "application/x-amz-json-1.1");
  r.body = "{}";
  sign(r, {"AKIDEXAMPLE", kSecret, "token"}, "us-east-1", "ecs", kNow);
  return r;
}

std::string verdict(const http::Request& r, WallTime now = kNow,
                    ExpectedScope expected = {"us-east-1", "ecs"}) {
  const auto authorization = parse_authorization(r);
  if (!authorization) return shared::with_code(authorization.error());
  const auto ok = verify(r, *authorization, kSecret, now, expected);
  return ok ? "ok" : shared::with_code(ok.error());
}

// "get-vanilla" of the published SigV4 test suite.
TEST(Sign, MatchesThePublishedExample) {
  http::Request r = request();
  sign(r, {"AKIDEXAMPLE", kSecret, ""}, "us-east-1", "service", kNow);
  EXPECT_EQ(r.headers.get("Authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            "SignedHeaders=host;x-amz-date, "
            "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

TEST(ParseAuthorization, ReadsTheHeaderWithAndWithoutBlanksAfterCommas) {
  for (const std::string comma : {", ", ",", " ,  "}) {
    http::Request r = request();
    r.headers.add("X-Amz-Date", "20150830T123600Z");
    r.headers.add("X-Amz-Security-Token", " t ");
    r.headers.add("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20150830/eu-west-1/ecs/aws4_request" +
                                       comma + "SignedHeaders=a;host" + comma + "Signature=abc");
    const auto got = parse_authorization(r);
    ASSERT_TRUE(got) << got.error().text();
    EXPECT_EQ(got->form, SignatureForm::kHeader);
    EXPECT_EQ(got->access_key_id, "AKID");
    EXPECT_EQ(got->date, "20150830");
    EXPECT_EQ(got->region, "eu-west-1");
    EXPECT_EQ(got->service, "ecs");
    EXPECT_THAT(got->signed_headers, testing::ElementsAre("a", "host"));
    EXPECT_EQ(got->signature, "abc");
    EXPECT_EQ(got->time, kNow);
    EXPECT_EQ(got->session_token, "t");
  }
}

struct BrokenCase {
  const char* name;
  std::function<void(http::Request&)> breaks;
  const char* verdict;  // how it begins
};

class BrokenRequest : public testing::TestWithParam<BrokenCase> {};

TEST_P(BrokenRequest, IsRefused) {
  http::Request r = signed_call();
  ASSERT_EQ(verdict(r), "ok");
  GetParam().breaks(r);
  EXPECT_THAT(verdict(r), testing::StartsWith(GetParam().verdict));
}

void edit(http::Request& r, std::string_view what, std::string_view with) {
  std::string header(*r.headers.get("Authorization"));
  header.replace(header.find(what), what.size(), with);
  r.headers.set("Authorization", header);
}

INSTANTIATE_TEST_SUITE_P(
    SigV4, BrokenRequest,
    testing::Values(
        BrokenCase{"no_header", [](auto& r) { r.headers.remove("Authorization"); }, "auth_missing"},
        BrokenCase{"two_headers", [](auto& r) { r.headers.add("authorization", "x"); }, "auth_incomplete"},
        BrokenCase{"basic", [](auto& r) { r.headers.set("Authorization", "Basic eDp5"); }, "auth_incomplete"},
        BrokenCase{"empty", [](auto& r) { r.headers.set("Authorization", ""); }, "auth_incomplete"},
        BrokenCase{"sigv4a", [](auto& r) { edit(r, "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"); },
                   "auth_bad_signature: Signature algorithm AWS4-ECDSA-P256-SHA256 is not supported."},
        BrokenCase{"no_credential", [](auto& r) { edit(r, "Credential=", "Credentials="); },
                   "auth_incomplete"},
        BrokenCase{"no_signature", [](auto& r) { edit(r, ", Signature=", ", X="); }, "auth_incomplete"},
        BrokenCase{"only_algorithm", [](auto& r) { r.headers.set("Authorization", "AWS4-HMAC-SHA256"); },
                   "auth_incomplete"},
        BrokenCase{"repeated_part", [](auto& r) { edit(r, "Credential=", "Signature=x, Credential="); },
                   "auth_incomplete"},
        BrokenCase{"short_scope", [](auto& r) { edit(r, "/ecs/aws4_request", "/aws4_request"); },
                   "auth_incomplete: Credential must"},
        BrokenCase{"empty_key", [](auto& r) { edit(r, "=AKIDEXAMPLE/", "=/"); },
                   "auth_incomplete: Credential must"},
        BrokenCase{"scope_end", [](auto& r) { edit(r, "/aws4_request", "/aws5_request"); },
                   "auth_wrong_scope"},
        BrokenCase{"scope_region", [](auto& r) { edit(r, "/us-east-1/", "/us-east-2/"); },
                   "auth_wrong_scope: Credential should be scoped to a valid region"},
        BrokenCase{"scope_service", [](auto& r) { edit(r, "/ecs/", "/sts/"); },
                   "auth_wrong_scope: Credential should be scoped to correct service: 'ecs'."},
        BrokenCase{"scope_date", [](auto& r) { edit(r, "/20150830/", "/20150829/"); },
                   "auth_wrong_scope: Date"},
        BrokenCase{"upper_case_name", [](auto& r) { edit(r, "=content-type;", "=Content-Type;"); },
                   "auth_incomplete: SignedHeaders"},
        BrokenCase{"repeated_name", [](auto& r) { edit(r, ";host;", ";host;host;"); },
                   "auth_incomplete: SignedHeaders"},
        BrokenCase{"no_names", [](auto& r) { edit(r, "content-type;", ";"); },
                   "auth_incomplete: SignedHeaders"},
        BrokenCase{"no_date", [](auto& r) { r.headers.remove("X-Amz-Date"); },
                   "auth_incomplete: Authorization header requires existence of either"},
        BrokenCase{"two_dates", [](auto& r) { r.headers.add("X-Amz-Date", "20150830T123600Z"); },
                   "auth_incomplete"},
        BrokenCase{"bad_date", [](auto& r) { r.headers.set("X-Amz-Date", "2015-08-30"); }, "auth_incomplete"},
        BrokenCase{"host_unsigned", [](auto& r) { edit(r, ";host;", ";"); },
                   "auth_bad_signature: 'host' must be a 'SignedHeader'"},
        BrokenCase{"target_unsigned", [](auto& r) { edit(r, ";x-amz-target", ""); },
                   "auth_bad_signature: 'x-amz-target' must be"},
        BrokenCase{"token_unsigned", [](auto& r) { edit(r, ";x-amz-security-token", ""); },
                   "auth_bad_signature: 'x-amz-security-token' must be"},
        BrokenCase{"second_target", [](auto& r) { r.headers.add("x-amz-target", "P.Other"); },
                   "auth_bad_signature: Header 'x-amz-target' must not be repeated."},
        BrokenCase{"second_host", [](auto& r) { r.headers.add("host", "other"); },
                   "auth_bad_signature: Header 'host' must not be repeated."},
        BrokenCase{"absent_signed_header", [](auto& r) { r.headers.remove("Content-Type"); },
                   "auth_bad_signature: signed header 'content-type' is not in the request"},
        BrokenCase{"signature_cut", [](auto& r) { edit(r, "Signature=", "Signature=0"); },
                   "auth_bad_signature: The request signature we calculated does not match"},
        BrokenCase{"foreign_hash", [](auto& r) { r.headers.add("X-Amz-Content-Sha256", "0000"); },
                   "auth_bad_signature: 'X-Amz-Content-Sha256' does not match"},
        BrokenCase{"unsigned_payload",
                   [](auto& r) { r.headers.add("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"); },
                   "auth_bad_signature: The payload of the request must be signed."},
        BrokenCase{"broken_query", [](auto& r) { r.target = "/?a=%zz"; },
                   "auth_incomplete: The query string"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Verify, AcceptsTheBodysOwnHashAndUnsignedPayloadOnlyWhereAllowed) {
  http::Request r = request();
  r.body = "x";
  r.headers.add("X-Amz-Content-Sha256", shared::crypto::sha256_hex("x"));
  sign(r, {"AKIDEXAMPLE", kSecret, ""}, "us-east-1", "ecs", kNow);
  EXPECT_EQ(verdict(r), "ok");
  EXPECT_EQ(verdict(r, kNow, {"us-east-1", "ecs", kDefaultSkew, UnsignedPayload::kAccept}), "ok");
}

TEST(Verify, SaysHowFarTheClockIsOff) {
  const http::Request r = signed_call();
  const auto minutes = [](int n) { return std::chrono::minutes(n); };
  EXPECT_EQ(verdict(r, kNow + minutes(5)), "ok");
  EXPECT_EQ(verdict(r, kNow - minutes(5)), "ok");
  EXPECT_EQ(verdict(r, kNow + minutes(6)),
            "auth_expired: Signature expired: 20150830T123600Z is now earlier than 20150830T123700Z "
            "(20150830T124200Z - 5 min.)");
  EXPECT_EQ(verdict(r, kNow - minutes(6)),
            "auth_not_yet_current: Signature not yet current: 20150830T123600Z is still later than "
            "20150830T123500Z "
            "(20150830T123000Z + 5 min.)");
  EXPECT_EQ(verdict(r, kNow + minutes(14), {"us-east-1", "ecs", minutes(15)}), "ok");
}

TEST(ParseAuthorization, FallsBackToTheDateHeader) {
  http::Request r = signed_call();
  r.headers.remove("X-Amz-Date");
  r.headers.add("Date", "Sun, 30 Aug 2015 12:36:00 GMT");
  EXPECT_EQ(parse_authorization(r)->amz_date, "20150830T123600Z");
  EXPECT_THAT(verdict(r), HasSubstr("'date' must be a 'SignedHeader'"));
}

TEST(ParseAuthorization, RefusesIncompletePresignedRequests) {
  const std::string complete =
      "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20150830%2Fus-east-1%2Fecs%2Faws4_request"
      "&X-Amz-Date=20150830T123600Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00";
  http::Request r = request();
  r.target = complete;
  const auto got = parse_authorization(r);
  ASSERT_TRUE(got) << got.error().text();
  EXPECT_EQ(got->form, SignatureForm::kPresignedQuery);
  EXPECT_EQ(got->expires, std::chrono::seconds(60));
  for (const char* name : {"Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"}) {
    r.target = complete;
    r.target.replace(r.target.find(std::string("X-Amz-") + name), 5, "Y-Amz");
    EXPECT_THAT(parse_authorization(r).error().text(), HasSubstr(std::string("'X-Amz-") + name + "'"));
    r.target = complete + "&X-Amz-" + name + "=x";
    EXPECT_THAT(parse_authorization(r).error().text(), HasSubstr("given twice"));
  }
  for (const char* expires : {"0", "-1", "604801", "1e3", "99999999999999999999"}) {
    r.target = complete;
    r.target.replace(r.target.find("Expires=60"), 10, std::string("Expires=") + expires);
    EXPECT_EQ(parse_authorization(r).error().code(), "auth_incomplete") << expires;
  }
}

struct WireCase {
  AuthFailure failure;
  const char* json;
  const char* query;
  int query_status;
};

TEST(WireError, NamesEachFailureAsItsFamilyDoes) {
  for (const WireCase& c :
       {WireCase{AuthFailure::kMissing, "MissingAuthenticationTokenException", "MissingAuthenticationToken",
                 403},
        WireCase{AuthFailure::kIncomplete, "IncompleteSignatureException", "IncompleteSignature", 400},
        WireCase{AuthFailure::kUnknownKey, "UnrecognizedClientException", "InvalidClientTokenId", 403},
        WireCase{AuthFailure::kBadSignature, "InvalidSignatureException", "SignatureDoesNotMatch", 403},
        WireCase{AuthFailure::kWrongScope, "InvalidSignatureException", "SignatureDoesNotMatch", 403},
        WireCase{AuthFailure::kExpired, "InvalidSignatureException", "RequestExpired", 400},
        WireCase{AuthFailure::kNotYetCurrent, "InvalidSignatureException", "RequestExpired", 400},
        WireCase{AuthFailure::kTokenExpired, "ExpiredTokenException", "ExpiredTokenException", 403}}) {
    const WireError as_json = wire_error(auth_error(c.failure), Protocol::kJson);
    const WireError as_query = wire_error(auth_error(c.failure, "why"), Protocol::kQuery);
    EXPECT_EQ(as_json.code, c.json);
    EXPECT_EQ(as_json.status, 400);
    EXPECT_FALSE(as_json.message.empty());
    EXPECT_EQ(as_query.code, c.query);
    EXPECT_EQ(as_query.status, c.query_status);
    EXPECT_EQ(as_query.message, "why");
  }
}

TEST(WireError, KeepsWireCodesAndHidesInternalTexts) {
  const WireError kept =
      wire_error(shared::Error("ClusterNotFoundException", "Cluster not found."), Protocol::kJson);
  EXPECT_EQ(kept.status, 400);
  EXPECT_EQ(kept.message, "Cluster not found.");
  EXPECT_EQ(wire_error(shared::Error("ServerException", "x"), Protocol::kJson).status, 500);
  const WireError hidden = wire_error(shared::Error("disk_full", "/var/lib/x"), Protocol::kQuery);
  EXPECT_EQ(hidden.status, 500);
  EXPECT_EQ(hidden.code, "InternalFailure");
  EXPECT_THAT(hidden.message, testing::Not(HasSubstr("/var")));
  EXPECT_EQ(wire_error(shared::Error("io", "x"), Protocol::kJson).code, "ServerException");
}

TEST(WireError, ThrottlingHasTheNameThatClientsOfEachProtocolRetry) {
  const shared::Error throttled("throttled", "Rate exceeded");
  EXPECT_EQ(wire_error(throttled, Protocol::kJson).code, "ThrottlingException");
  EXPECT_EQ(wire_error(throttled, Protocol::kQuery).code, "Throttling");
  EXPECT_EQ(wire_error(throttled, Protocol::kQuery).status, 400);
}

}  // namespace
}  // namespace agent::aws
