#include "agent/control/acme/order_machine.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace agent::control {
namespace {

using acme::Ask;
using acme::Problem;
using acme::Reply;
using model::AcmeAuthorization;
using model::AcmeOrder;
using model::AcmePhase;
using shared::Millis;
using shared::WallTime;

constexpr Millis kRenewBefore = std::chrono::hours(30 * 24);
constexpr int kRefusedGrowth = 3;
constexpr int kUnreachableGrowth = 2;

constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kHopeless{
    {{"caa", "CAA_ERROR"},
     {"rejectedIdentifier", "DOMAIN_NOT_ALLOWED"},
     {"unsupportedIdentifier", "DOMAIN_NOT_ALLOWED"},
     {"externalAccountRequired", "ADDITIONAL_VERIFICATION_REQUIRED"},
     {"userActionRequired", "ADDITIONAL_VERIFICATION_REQUIRED"},
     {"invalidContact", "NO_AVAILABLE_CONTACTS"},
     {"unsupportedContact", "NO_AVAILABLE_CONTACTS"},
     {"badCSR", "OTHER"},
     {"badPublicKey", "OTHER"}}};

Millis grown(Millis first, int factor, int failures, Millis most) {
  Millis wait = first;
  for (int i = 1; i < failures && wait < most; ++i) wait *= factor;
  return std::min(wait, most);
}

template <class Is>
AcmeAuthorization* first_that(AcmeOrder& order, Is is) {
  const auto it = std::find_if(order.authorizations.begin(), order.authorizations.end(), is);
  return it == order.authorizations.end() ? nullptr : &*it;
}

template <class Is>
const AcmeAuthorization* first_that(const AcmeOrder& order, Is is) {
  const auto it = std::find_if(order.authorizations.begin(), order.authorizations.end(), is);
  return it == order.authorizations.end() ? nullptr : &*it;
}

bool is_unread(const AcmeAuthorization& each) { return each.host.empty(); }
bool is_untold(const AcmeAuthorization& each) { return !each.valid && !each.told; }
bool is_unproved(const AcmeAuthorization& each) { return !each.valid; }

void go_to(AcmeOrder& order, AcmePhase phase, WallTime at) {
  order.phase = phase;
  order.next_at = at;
}

// The server works on it; false: for too long.
bool look_again(AcmeOrder& order, const Reply& reply, WallTime now) {
  if (++order.polls > kMaxPolls) return false;
  order.next_at = now + reply.retry_after.value_or(grown(kFirstPollWait, 2, order.polls, kMaxPollWait));
  return true;
}

Outcome refuse(AcmeOrder& order, const Problem& problem, std::optional<Millis> retry_after, WallTime now) {
  const std::string_view hopeless = failure_reason(problem);
  begin_anew(order, acme::to_string(problem), now);
  order.next_at = now + wait_after(problem, order.failures, retry_after);
  if (!hopeless.empty()) return {Outcome::Kind::kFailed, {}, std::string(hopeless)};
  return {};
}

Outcome give_up(AcmeOrder& order, std::string why, WallTime now) {
  return refuse(order, Problem{std::string(acme::kBadAnswer), std::move(why)}, std::nullopt, now);
}

Outcome follow(AcmeOrder& order, const acme::Order& said, const Reply& reply, WallTime now) {
  order.finalize_url = said.finalize;
  if (said.status == "valid") {
    order.certificate_url = said.certificate;
    go_to(order, AcmePhase::kDownload, now);
    return {};
  }
  if (said.status == "invalid") {
    return refuse(order, said.error.value_or(Problem{"orderInvalid", "the server gave the order up"}),
                  reply.retry_after, now);
  }
  if (said.status == "ready") {
    order.phase = AcmePhase::kFinalize;
    if (!look_again(order, reply, now)) return give_up(order, "the order does not get on", now);
    return {};
  }
  if (said.status == "processing") {
    order.phase = AcmePhase::kIssue;
    if (!look_again(order, reply, now)) return give_up(order, "the order is not done in time", now);
    return {};
  }
  return give_up(order, "an order has the status '" + said.status + "'", now);
}

Outcome hear_order(AcmeOrder& order, const Reply& reply, WallTime now) {
  const auto said = acme::parse_order(reply.body);
  if (!said) return give_up(order, "the order: " + said.error().text(), now);
  if (order.phase != AcmePhase::kOrder) return follow(order, *said, reply, now);
  if (!acme::is_https_url(reply.location)) return give_up(order, "the order came without its URL", now);
  order.url = reply.location;
  order.finalize_url = said->finalize;
  order.authorizations.clear();
  for (const std::string& url : said->authorizations) order.authorizations.push_back({url});
  if (said->status != "pending") return follow(order, *said, reply, now);
  if (order.authorizations.empty()) return give_up(order, "a pending order wants nothing", now);
  go_to(order, AcmePhase::kAuthorize, now);
  return {};
}

// Once all have been read, or proved.
void after_authorizations(AcmeOrder& order, WallTime now) {
  if (first_that(order, is_unproved) == nullptr) {
    go_to(order, AcmePhase::kFinalize, now);
  } else if (order.phase == AcmePhase::kAuthorize && first_that(order, is_unread) == nullptr) {
    order.publish_version = 0;
    go_to(order, AcmePhase::kPublish, now);
  }
}

Outcome hear_authorization(AcmeOrder& order, const Reply& reply, WallTime now) {
  const bool reads = order.phase == AcmePhase::kAuthorize;
  AcmeAuthorization* const mine = reads ? first_that(order, is_unread) : first_that(order, is_unproved);
  const auto said = acme::parse_authorization(reply.body);
  if (!said) return give_up(order, "an authorization: " + said.error().text(), now);
  if (mine == nullptr) return give_up(order, "no authorization is missing", now);
  mine->host = said->host;
  if (said->status == "valid") {
    mine->valid = true;
  } else if (said->status == "pending" || said->status == "processing") {
    if (said->challenge_url.empty()) {
      return refuse(order,
                    Problem{"unsupportedIdentifier", "no http-01 challenge is offered for " + said->host},
                    std::nullopt, now);
    }
    mine->challenge_url = said->challenge_url;
    mine->token = said->token;
    if (!reads && !look_again(order, reply, now)) {
      return give_up(order, "the server did not look at " + said->host + " in time", now);
    }
  } else {
    Problem problem = said->error.value_or(Problem{"orderInvalid", "the authorization is " + said->status});
    problem.detail = said->host + ": " + problem.detail;
    return refuse(order, problem, reply.retry_after, now);
  }
  after_authorizations(order, now);
  return {};
}

Outcome hear_respond(AcmeOrder& order, const Reply& reply, WallTime now) {
  if (AcmeAuthorization* const mine = first_that(order, is_untold)) mine->told = true;
  if (first_that(order, is_untold) == nullptr)
    go_to(order, AcmePhase::kPoll, now + reply.retry_after.value_or(kFirstPollWait));
  return {};
}

Outcome hear_problem(AcmeOrder& order, const Reply& reply, WallTime now) {
  const Problem& problem = *reply.problem;
  if (is_passing(problem)) {
    ++order.failures;
    order.problem = acme::to_string(problem);
    order.next_at = now + wait_after(problem, order.failures, reply.retry_after);
    return {};
  }
  if (problem.type == "accountDoesNotExist") {
    begin_anew(order, acme::to_string(problem), now);
    order.next_at = now;
    return {Outcome::Kind::kAccountLost};
  }
  // Said twice, after a restart: polling shows what came of it.
  if (order.phase == AcmePhase::kRespond && problem.status >= 400 && problem.status < 500)
    return hear_respond(order, {}, now);
  if (order.phase == AcmePhase::kFinalize && problem.type == "orderNotReady") {
    order.phase = AcmePhase::kIssue;
    if (look_again(order, reply, now)) return {};
  }
  return refuse(order, problem, reply.retry_after, now);
}

}  // namespace

std::optional<Ask> next_ask(const AcmeOrder& order, const model::AcmeAccount& account,
                            const model::CertificateRequest& request) {
  Ask ask;
  ask.account_key = account.key;
  ask.account_url = account.url;
  switch (order.phase) {
    case AcmePhase::kKey:
      ask = {};
      ask.kind = Ask::Kind::kMakeKey;
      ask.algorithm = request.key_algorithm;
      return ask;
    case AcmePhase::kOrder:
      ask.kind = Ask::Kind::kNewOrder;
      ask.names = request.names;
      return ask;
    case AcmePhase::kPublish:
      return std::nullopt;
    case AcmePhase::kAuthorize:
    case AcmePhase::kPoll: {
      const bool reads = order.phase == AcmePhase::kAuthorize;
      const auto* which = reads ? first_that(order, is_unread) : first_that(order, is_unproved);
      ask.url = which == nullptr ? order.url : which->url;
      return ask;
    }
    case AcmePhase::kRespond: {
      const auto* which = first_that(order, is_untold);
      ask.kind = Ask::Kind::kRespond;
      ask.url = which == nullptr ? order.url : which->challenge_url;
      return ask;
    }
    case AcmePhase::kFinalize:
      ask.kind = Ask::Kind::kFinalize;
      ask.url = order.finalize_url;
      ask.names = request.names;
      ask.certificate_key = order.key;
      return ask;
    case AcmePhase::kIssue:
      ask.url = order.url;
      return ask;
    case AcmePhase::kDownload:
      ask.url = order.certificate_url;
      return ask;
  }
  return std::nullopt;
}

Outcome hear(AcmeOrder& order, const Reply& reply, WallTime now) {
  ++order.serial;
  order.next_at = now;
  if (reply.problem) return hear_problem(order, reply, now);
  switch (order.phase) {
    case AcmePhase::kKey:
      order.key = reply.key;
      go_to(order, AcmePhase::kOrder, now);
      return {};
    case AcmePhase::kOrder:
    case AcmePhase::kFinalize:
    case AcmePhase::kIssue:
      return hear_order(order, reply, now);
    case AcmePhase::kAuthorize:
    case AcmePhase::kPoll:
      return hear_authorization(order, reply, now);
    case AcmePhase::kRespond:
      return hear_respond(order, reply, now);
    case AcmePhase::kDownload:
      return {Outcome::Kind::kIssued, reply.body, {}};
    case AcmePhase::kPublish:
      return {};
  }
  return {};
}

void begin_anew(AcmeOrder& order, const std::string& problem, WallTime now) {
  ++order.failures;
  order.problem = problem;
  order.phase = order.key.empty() ? AcmePhase::kKey : AcmePhase::kOrder;
  order.url.clear();
  order.finalize_url.clear();
  order.certificate_url.clear();
  order.authorizations.clear();
  order.publish_version = 0;
  order.polls = 0;
  order.next_at = now + wait_after({}, order.failures, std::nullopt);
}

std::string_view failure_reason(const Problem& problem) {
  for (const auto& [type, reason] : kHopeless) {
    if (type == problem.type) return reason;
  }
  return {};
}

bool is_passing(const Problem& problem) {
  return problem.type == acme::kUnreachable || problem.type == "serverInternal" ||
         problem.type == "rateLimited" || problem.type == "badNonce" || problem.status >= 500 ||
         problem.status == 429;
}

Millis wait_after(const Problem& problem, int failures, std::optional<Millis> retry_after) {
  const bool unreachable = is_passing(problem) && problem.type != "rateLimited" && problem.status != 429;
  const Millis own = unreachable
                         ? grown(kFirstUnreachableWait, kUnreachableGrowth, failures, kMaxUnreachableWait)
                         : grown(kFirstRefusedWait, kRefusedGrowth, failures, kMaxRefusedWait);
  return std::max(own, retry_after.value_or(Millis(0)));
}

WallTime renewal_time(WallTime not_before, WallTime not_after) {
  const auto life = std::max(std::chrono::duration_cast<Millis>(not_after - not_before), Millis(0));
  return not_after - std::min<Millis>(life / 3, kRenewBefore);
}

}  // namespace agent::control
