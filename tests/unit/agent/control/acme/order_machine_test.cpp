#include "agent/control/acme/order_machine.h"

#include <gtest/gtest.h>

namespace agent::control {
namespace {

using acme::Ask;
using acme::Problem;
using acme::Reply;
using model::AcmeOrder;
using model::AcmePhase;
using shared::Millis;
using Kind = Outcome::Kind;

const shared::WallTime kNow = shared::from_epoch_millis(1'700'000'000'000);

model::AcmeAccount account() {
  model::AcmeAccount out;
  out.key = "account key";
  out.url = "https://ca/account/7";
  return out;
}
model::CertificateRequest request() {
  model::CertificateRequest out;
  out.names = {"a.test", "b.test"};
  out.key_algorithm = "EC-prime256v1";
  return out;
}
AcmeOrder order_in(AcmePhase phase) {
  AcmeOrder out;
  out.phase = phase;
  out.key = "certificate key";
  out.url = "https://ca/order/1";
  out.finalize_url = "https://ca/order/1/finalize";
  out.certificate_url = "https://ca/certificate/1";
  out.authorizations = {{"https://ca/authorization/a", "a.test", "https://ca/challenge/a", "ta"},
                        {"https://ca/authorization/b", "b.test", "https://ca/challenge/b", "tb"}};
  return out;
}
Reply body(const std::string& text, const std::string& location = "") {
  Reply out;
  out.body = text;
  out.location = location;
  return out;
}
Reply refused(const std::string& type, int status = 400, std::optional<Millis> retry_after = {}) {
  Reply out;
  out.problem = Problem{type, "so it is", status};
  out.retry_after = retry_after;
  return out;
}
std::string order_text(const std::string& status, const std::string& more = "") {
  return R"({"status": ")" + status + R"(", "finalize": "https://ca/order/1/finalize",
    "authorizations": ["https://ca/authorization/a", "https://ca/authorization/b"])" +
         more + "}";
}
std::string authorization_text(const std::string& host, const std::string& status,
                               const std::string& error = "") {
  return R"({"status": ")" + status + R"(", "identifier": {"type": "dns", "value": ")" + host +
         R"("}, "challenges": [{"type": "http-01", "url": "https://ca/challenge/)" + host +
         R"(", "token": "t-)" + host.substr(0, 1) + "\"" + error + "}]}";
}
Ask asked(const AcmeOrder& order) {
  const auto ask = next_ask(order, account(), request());
  if (ask) return *ask;
  ADD_FAILURE() << "nothing is asked";
  return {};
}

TEST(Order, GoesFromItsKeyToTheCertificate) {
  AcmeOrder order;
  EXPECT_EQ(asked(order).kind, Ask::Kind::kMakeKey);
  EXPECT_EQ(asked(order).algorithm, "EC-prime256v1");
  Reply key;
  key.key = "certificate key";
  EXPECT_EQ(hear(order, key, kNow).kind, Kind::kGoesOn);
  EXPECT_EQ(asked(order).kind, Ask::Kind::kNewOrder);
  EXPECT_EQ(asked(order).names, request().names);
  hear(order, body(order_text("pending"), "https://ca/order/1"), kNow);
  EXPECT_EQ(asked(order).url, "https://ca/authorization/a");
  hear(order, body(authorization_text("a.test", "pending")), kNow);
  EXPECT_EQ(asked(order).url, "https://ca/authorization/b");
  hear(order, body(authorization_text("b.test", "pending")), kNow);
  EXPECT_EQ(order.phase, AcmePhase::kPublish);
  EXPECT_FALSE(next_ask(order, account(), request())) << "balancers come first";
  order.phase = AcmePhase::kRespond;  // they answer
  EXPECT_EQ(asked(order).kind, Ask::Kind::kRespond);
  EXPECT_EQ(asked(order).url, "https://ca/challenge/a.test");
  hear(order, body("{}"), kNow);
  EXPECT_EQ(asked(order).url, "https://ca/challenge/b.test");
  hear(order, body("{}"), kNow);
  EXPECT_EQ(order.next_at, kNow + kFirstPollWait);
  hear(order, body(authorization_text("a.test", "pending")), kNow);
  EXPECT_GT(order.next_at, kNow);
  hear(order, body(authorization_text("a.test", "valid")), kNow);
  EXPECT_EQ(asked(order).url, "https://ca/authorization/b");
  hear(order, body(authorization_text("b.test", "valid")), kNow);
  EXPECT_EQ(asked(order).kind, Ask::Kind::kFinalize);
  EXPECT_EQ(asked(order).certificate_key, "certificate key");
  EXPECT_EQ(asked(order).url, "https://ca/order/1/finalize");
  hear(order, body(order_text("processing")), kNow);
  EXPECT_EQ(asked(order).kind, Ask::Kind::kRead);
  EXPECT_EQ(asked(order).url, "https://ca/order/1");
  hear(order, body(order_text("valid", R"(, "certificate": "https://ca/certificate/1")")), kNow);
  EXPECT_EQ(asked(order).url, "https://ca/certificate/1");
  const Outcome outcome = hear(order, body("PEM"), kNow);
  EXPECT_EQ(outcome.kind, Kind::kIssued);
  EXPECT_EQ(outcome.chain, "PEM");
}

TEST(Order, SkipsWhatTheServerKnowsToBeProved) {
  AcmeOrder order = order_in(AcmePhase::kAuthorize);
  for (auto& each : order.authorizations) each.host.clear();
  hear(order, body(authorization_text("a.test", "valid")), kNow);
  hear(order, body(authorization_text("b.test", "pending")), kNow);
  order.phase = AcmePhase::kRespond;
  EXPECT_EQ(asked(order).url, "https://ca/challenge/b.test") << "a is not looked at again";
  order = order_in(AcmePhase::kOrder);
  hear(order, body(order_text("ready"), "https://ca/order/1"), kNow);
  EXPECT_EQ(order.phase, AcmePhase::kFinalize);
}

TEST(Order, ChangesItsSerialWithEveryReply) {
  AcmeOrder order = order_in(AcmePhase::kPoll);
  hear(order, body(authorization_text("a.test", "pending")), kNow);
  EXPECT_EQ(order.serial, 1U);
  hear(order, refused("unreachable", 0), kNow);
  EXPECT_EQ(order.serial, 2U);
}

TEST(Order, AsksAgainWhileTheServerCannotBeHad) {
  for (const char* type : {"unreachable", "serverInternal"}) {
    AcmeOrder order = order_in(AcmePhase::kFinalize);
    Millis longest{0};
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(hear(order, refused(type, 0), kNow).kind, Kind::kGoesOn);
      EXPECT_EQ(order.phase, AcmePhase::kFinalize) << "where it was";
      if (i == 0) {
        EXPECT_EQ(order.next_at, kNow + kFirstUnreachableWait);
      }
      EXPECT_GE(order.next_at - kNow, longest);
      longest = std::chrono::duration_cast<Millis>(order.next_at - kNow);
    }
    EXPECT_EQ(longest, kMaxUnreachableWait);
  }
}

TEST(Order, WaitsAsLongAsTheServerWants) {
  AcmeOrder order = order_in(AcmePhase::kOrder);
  hear(order, refused("rateLimited", 429, std::chrono::hours(2)), kNow);
  EXPECT_EQ(order.next_at, kNow + std::chrono::hours(2));
  EXPECT_EQ(order.phase, AcmePhase::kOrder);
  order = order_in(AcmePhase::kPoll);
  Reply pending = body(authorization_text("a.test", "pending"));
  pending.retry_after = Millis(7'000);
  hear(order, pending, kNow);
  EXPECT_EQ(order.next_at, kNow + Millis(7'000));
}

// DNS that does not lead here yet, a firewall: what Terraform makes beside the certificate may come later.
TEST(Order, IsBegunAnewWhereTheHostCouldNotBeProved) {
  for (const char* type : {"connection", "dns", "unauthorized", "incorrectResponse", "tls"}) {
    AcmeOrder order = order_in(AcmePhase::kPoll);
    const std::string error =
        R"(, "error": {"type": "urn:ietf:params:acme:error:)" + std::string(type) + R"(", "detail": "no"})";
    const Outcome outcome = hear(order, body(authorization_text("a.test", "invalid", error)), kNow);
    EXPECT_EQ(outcome.kind, Kind::kGoesOn) << type;
    EXPECT_EQ(order.phase, AcmePhase::kOrder);
    EXPECT_EQ(order.next_at, kNow + kFirstRefusedWait);
    EXPECT_EQ(order.problem, std::string(type) + ": a.test: no");
    EXPECT_TRUE(order.authorizations.empty());
    EXPECT_EQ(order.key, "certificate key");
  }
}

TEST(Order, FailsWithAcmsWordWhereTryingAgainDoesNotHelp) {
  const auto reason = [](AcmePhase phase, const Reply& reply) {
    AcmeOrder order = order_in(phase);
    const Outcome outcome = hear(order, reply, kNow);
    return outcome.kind == Kind::kFailed ? outcome.failure_reason : std::string("goes on");
  };
  EXPECT_EQ(reason(AcmePhase::kOrder, refused("rejectedIdentifier")), "DOMAIN_NOT_ALLOWED");
  EXPECT_EQ(reason(AcmePhase::kOrder, refused("externalAccountRequired")),
            "ADDITIONAL_VERIFICATION_REQUIRED");
  EXPECT_EQ(reason(AcmePhase::kOrder, refused("userActionRequired", 403)),
            "ADDITIONAL_VERIFICATION_REQUIRED");
  EXPECT_EQ(reason(AcmePhase::kFinalize, refused("badCSR")), "OTHER");
  EXPECT_EQ(reason(AcmePhase::kOrder, refused("unauthorized", 403)), "goes on");
  const std::string caa = R"(, "error": {"type": "urn:ietf:params:acme:error:caa", "detail": "no"})";
  EXPECT_EQ(reason(AcmePhase::kPoll, body(authorization_text("a.test", "invalid", caa))), "CAA_ERROR");
  EXPECT_EQ(reason(AcmePhase::kIssue, body(order_text("invalid", caa))), "CAA_ERROR");
  const std::string only_dns = R"({"status": "pending", "identifier": {"type": "dns", "value": "a.test"},
    "challenges": [{"type": "dns-01", "url": "https://ca/c", "token": "t"}]})";
  AcmeOrder order = order_in(AcmePhase::kAuthorize);
  order.authorizations[0].host.clear();
  EXPECT_EQ(hear(order, body(only_dns), kNow).failure_reason, "DOMAIN_NOT_ALLOWED");
}

TEST(Order, MakesTheAccountAnewWhenTheServerHasLostIt) {
  AcmeOrder order = order_in(AcmePhase::kPoll);
  EXPECT_EQ(hear(order, refused("accountDoesNotExist"), kNow).kind, Kind::kAccountLost);
  EXPECT_EQ(order.phase, AcmePhase::kOrder);
  EXPECT_EQ(order.next_at, kNow);
}

// kill -9 between a request and its commit: it is made again.
TEST(Order, BearsThatAServerHasHeardItBefore) {
  AcmeOrder order = order_in(AcmePhase::kRespond);
  hear(order, refused("malformed"), kNow);
  hear(order, refused("malformed"), kNow);
  EXPECT_EQ(order.phase, AcmePhase::kPoll);
  order = order_in(AcmePhase::kFinalize);
  hear(order, refused("orderNotReady", 403), kNow);
  EXPECT_EQ(order.phase, AcmePhase::kIssue);
  hear(order, body(order_text("valid", R"(, "certificate": "https://ca/certificate/1")")), kNow);
  EXPECT_EQ(order.phase, AcmePhase::kDownload);
}

TEST(Order, IsGivenUpAndBegunAnewAfterTooManyLooks) {
  AcmeOrder order = order_in(AcmePhase::kIssue);
  int looks = 0;
  while (order.phase == AcmePhase::kIssue && ++looks < 1'000)
    hear(order, body(order_text("processing")), kNow);
  EXPECT_EQ(looks, kMaxPolls + 1);
  EXPECT_EQ(order.phase, AcmePhase::kOrder);
  EXPECT_GT(order.next_at, kNow);
}

TEST(Order, IsBegunAnewAfterAnAnswerThatIsNone) {
  for (const AcmePhase phase :
       {AcmePhase::kOrder, AcmePhase::kAuthorize, AcmePhase::kPoll, AcmePhase::kIssue}) {
    AcmeOrder order = order_in(phase);
    if (phase == AcmePhase::kAuthorize) order.authorizations[0].host.clear();
    hear(order, body("<html>"), kNow);
    EXPECT_EQ(order.phase, AcmePhase::kOrder);
    EXPECT_TRUE(order.problem.starts_with("badAnswer: ")) << order.problem;
  }
  AcmeOrder order = order_in(AcmePhase::kOrder);
  hear(order, body(order_text("pending")), kNow);
  EXPECT_EQ(order.problem, "badAnswer: the order came without its URL");
}

TEST(Renewal, BeginsThirtyDaysBeforeTheEndOrWithTheLastThird) {
  const auto days = [](int count) { return std::chrono::hours(24 * count); };
  EXPECT_EQ(renewal_time(kNow, kNow + days(90)), kNow + days(60));
  EXPECT_EQ(renewal_time(kNow, kNow + days(365)), kNow + days(335));
  EXPECT_EQ(renewal_time(kNow, kNow + days(6)), kNow + days(4));
  EXPECT_EQ(renewal_time(kNow, kNow + Millis(30'000)), kNow + Millis(20'000));
}

}  // namespace
}  // namespace agent::control
