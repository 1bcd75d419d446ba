#include "agent/control/acme/requests.h"

#include <algorithm>
#include <utility>

#include "agent/control/acme/order_machine.h"
#include "agent/control/certificates/certificates.h"
#include "agent/control/elb/acme_challenges.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"

namespace agent::control {
namespace {

using model::AcmePhase;
using model::RequestStatus;
using shared::Millis;
using shared::Result;
using shared::WallTime;

constexpr const char* kAccountAlgorithm = "EC-prime256v1";

void begin_order(Step& step, const std::string& arn) {
  model::AcmeOrder order;
  order.certificate = arn;
  order.directory = step.settings.acme_directory;
  order.serial = step.millis();  // replies to an order of before it, under the same ARN, say nothing of it
  order.next_at = order.began_at = step.now;
  rows(step).acme_orders.put(arn, std::move(order));
}

template <class Change>
void edit_request(Step& step, const std::string& arn, Change change) {
  rows(step).certificates.edit(arn, [&](model::Certificate& row) {
    if (row.request) change(*row.request);
  });
}

void set_renewal(Step& step, const std::string& arn, const char* status) {
  const model::Certificate* row = step.state.certificates.find(arn);
  if (row == nullptr || !row->request || row->request->renewal_status == status) return;
  edit_request(step, arn, [&](auto& request) {
    request.renewal_status = status;
    request.renewal_updated_at = step.now;
  });
}

bool is_renewal(const model::Certificate& row) { return !row.body.empty(); }

void note_problem(Step& step, const model::AcmeOrder& order, std::string problem) {
  if (order.problem == problem) return;
  const std::string arn = order.certificate;
  rows(step).acme_orders.edit(arn, [&](auto& row) { row.problem = std::move(problem); });
}

// From "all balancers are to answer" to "the server may look".
void look_at_challenges(Step& step, const model::AcmeOrder& order) {
  if (!has_http_listener(step.state)) {
    return note_problem(step, order,
                        "waits for a listener with protocol HTTP, on which the challenges are answered");
  }
  if (!challenges_are_answered(step.state, order)) {
    return note_problem(step, order,
                        step.state.balancers.rows().empty()
                            ? "waits for a balancer"
                            : "waits until every balancer has acknowledged that it answers the challenges");
  }
  rows(step).acme_orders.edit(order.certificate, [&](model::AcmeOrder& row) {
    row.phase = AcmePhase::kRespond;
    row.next_at = step.now;
    ++row.serial;
    row.problem.clear();
  });
}

// It was begun with another server than that of today's settings.
bool is_foreign(const Step& step, const model::AcmeOrder& order) {
  return !step.settings.acme_directory.empty() && order.directory != step.settings.acme_directory;
}

void look_at_order(Step& step, const model::Certificate& row, const model::AcmeOrder& order) {
  if (is_foreign(step, order)) {
    const WallTime began = order.began_at;
    begin_order(step, row.arn);
    rows(step).acme_orders.edit(row.arn, [&](auto& fresh) { fresh.began_at = began; });
    return;
  }
  if (!is_renewal(row)) {
    const WallTime limit = order.began_at + kValidationLimit;
    if (step.now >= limit) {
      edit_request(step, row.arn, [](auto& request) { request.status = RequestStatus::kTimedOut; });
      return rows(step).acme_orders.erase(row.arn);
    }
    step.wake_at(limit);
  }
  if (order.phase == AcmePhase::kPublish) look_at_challenges(step, order);
}

void look_at(Step& step, const std::string& arn) {
  const model::Certificate* row = step.state.certificates.find(arn);
  const model::AcmeOrder* order = step.state.acme_orders.find(arn);
  if (row == nullptr || !row->request) {
    if (order != nullptr) rows(step).acme_orders.erase(arn);
    return;
  }
  step.subject = {Concern::kCertificate, arn};
  if (order != nullptr) return look_at_order(step, *row, *order);
  if (row->request->status == RequestStatus::kPending) {
    if (!step.settings.acme_directory.empty()) begin_order(step, arn);
    return;
  }
  if (row->request->status != RequestStatus::kIssued || step.settings.acme_directory.empty()) return;
  const WallTime due = renewal_time(row->not_before, row->not_after);
  if (step.now < due) return step.wake_at(due);
  begin_order(step, arn);
  set_renewal(step, arn, "PENDING_AUTO_RENEWAL");
}

// Issued, or failed for good; the order is over with.
void finish(Step& step, const std::string& arn, const Outcome& outcome) {
  const model::Certificate& row = *step.state.certificates.find(arn);
  const model::AcmeOrder order = *step.state.acme_orders.find(arn);
  const bool renewal = is_renewal(row);
  if (outcome.kind == Outcome::Kind::kIssued) {
    if (auto ok = install_certificate(step, arn, outcome.chain, order.key); !ok) {
      rows(step).acme_orders.edit(arn, [&](auto& again) {
        begin_anew(again, "the certificate that came " + ok.error().text(), step.now);
      });
      return;
    }
    edit_request(step, arn, [&](auto& request) {
      request.status = RequestStatus::kIssued;
      request.issued_at = step.now;
      request.failure_reason.clear();
    });
    if (renewal) set_renewal(step, arn, "SUCCESS");
    return rows(step).acme_orders.erase(arn);
  }
  if (renewal) return set_renewal(step, arn, "FAILED");  // and is tried again, for as long as it takes
  edit_request(step, arn, [&](auto& request) {
    request.status = RequestStatus::kFailed;
    request.failure_reason = outcome.failure_reason;
  });
  rows(step).acme_orders.erase(arn);
}

// With what a public server would need beside what it said.
void say_what_may_be_missing(Step& step, const std::string& arn) {
  const model::AcmeOrder* order = step.state.acme_orders.find(arn);
  if (order == nullptr || order->problem.empty() || has_http_listener(step.state, 80)) return;
  constexpr std::string_view kHint =
      "; there is no listener with protocol HTTP on port 80, where public ACME servers ask";
  if (order->problem.ends_with(kHint)) return;
  rows(step).acme_orders.edit(arn, [&](auto& row) { row.problem += kHint; });
}

void take_order_reply(Step& step, const std::string& arn, const acme::Reply& reply) {
  Outcome outcome;
  const bool looked = step.state.acme_orders.find(arn)->phase == AcmePhase::kPoll;
  rows(step).acme_orders.edit(arn, [&](model::AcmeOrder& order) { outcome = hear(order, reply, step.now); });
  if (outcome.kind == Outcome::Kind::kAccountLost) {
    rows(step).acme_accounts.edit(step.state.acme_orders.find(arn)->directory, [&](auto& account) {
      account.url.clear();
      ++account.serial;
    });
    return;
  }
  if (looked) say_what_may_be_missing(step, arn);
  if (outcome.kind != Outcome::Kind::kGoesOn) return finish(step, arn, outcome);
  if (step.state.acme_orders.find(arn)->failures > 0 && is_renewal(*step.state.certificates.find(arn)))
    set_renewal(step, arn, "PENDING_VALIDATION");
}

// Every order waits for the account: none of them can go on without it.
void fail_pending(Step& step, const std::string& directory, const acme::Problem& problem) {
  const std::string_view reason = failure_reason(problem);
  std::vector<std::string> pending;
  for (const auto& [arn, order] : step.state.acme_orders.rows()) {
    if (order.directory == directory) pending.push_back(arn);
  }
  for (const std::string& arn : pending) {
    rows(step).acme_orders.edit(arn, [&](auto& order) { order.problem = acme::to_string(problem); });
    if (!reason.empty()) finish(step, arn, {Outcome::Kind::kFailed, {}, std::string(reason)});
  }
}

void take_account_reply(Step& step, const std::string& directory, const acme::Reply& reply) {
  auto& accounts = rows(step).acme_accounts;
  if (accounts.find(directory) == nullptr) {
    model::AcmeAccount account;
    account.directory = directory;
    accounts.put(directory, std::move(account));
  }
  const bool makes_key = accounts.find(directory)->key.empty();
  std::optional<acme::Problem> problem = reply.problem;
  if (!problem && !makes_key && !acme::is_https_url(reply.location))
    problem = acme::Problem{std::string(acme::kBadAnswer), "the account came without its URL"};
  accounts.edit(directory, [&](model::AcmeAccount& account) {
    ++account.serial;
    account.next_at = step.now;
    if (problem) {
      account.next_at += wait_after(*problem, ++account.failures, reply.retry_after);
    } else if (makes_key) {
      account.key = reply.key;
      account.thumbprint = reply.thumbprint;
    } else {
      account.url = reply.location;
      account.failures = 0;
    }
  });
  if (problem) fail_pending(step, directory, *problem);
}

const model::AcmeAccount& account_of(const State& state, const std::string& directory) {
  static const model::AcmeAccount kNone;
  const model::AcmeAccount* account = state.acme_accounts.find(directory);
  return account == nullptr ? kNone : *account;
}

}  // namespace

Result<std::string> request_certificate(Step& step, const RequestCertificate& r) {
  if (step.settings.acme_directory.empty()) {
    return fault("InvalidParameterException",
                 "RequestCertificate needs an ACME server, and none is set: start control with "
                 "--acme-directory (BERTH_ACME_DIRECTORY), or get the certificate elsewhere and give it to "
                 "ImportCertificate.");
  }
  if (auto ok = check_certificate_tags(r.tags); !ok) return ok.error();
  if (!r.idempotency_token.empty()) {
    for (const auto& [arn, row] : step.state.certificates.rows()) {
      if (row.request && row.request->idempotency_token == r.idempotency_token &&
          row.request->names == r.names && step.now < row.created_at + kIdempotencyLife)
        return arn;
    }
  }
  if (auto ok = check_room_for_one_more(step.state); !ok) return ok.error();
  model::Certificate row;
  row.arn = aws::certificate_arn(step.settings.realm(), step.random.uuid());
  row.domain_name = r.names.front();
  row.names = r.names;
  row.key_algorithm = r.key_algorithm;
  row.tags = r.tags;
  row.created_at = step.now;
  model::CertificateRequest request;
  request.names = r.names;
  request.key_algorithm = r.key_algorithm;
  request.validation_method = r.validation_method;
  request.idempotency_token = r.idempotency_token;
  row.request = std::move(request);
  std::string arn = row.arn;
  rows(step).certificates.put(arn, std::move(row));
  begin_order(step, arn);
  return arn;
}

Result<void> renew_certificate(Step& step, const std::string& arn) {
  const auto found = find_certificate(step, arn);
  if (!found) return found.error();
  if (!(*found)->request) {
    return fault("ValidationException",
                 "Certificate " + arn + " was imported: import its successor under the same ARN.");
  }
  if ((*found)->request->status != RequestStatus::kIssued || step.state.acme_orders.find(arn) != nullptr) {
    return fault("RequestInProgressException",
                 "Certificate " + arn + " is being issued or renewed already, or has failed.");
  }
  if (step.settings.acme_directory.empty()) {
    return fault("InvalidParameterException",
                 "RenewCertificate needs an ACME server, and none is set: start control with "
                 "--acme-directory (BERTH_ACME_DIRECTORY).");
  }
  begin_order(step, arn);
  set_renewal(step, arn, "PENDING_AUTO_RENEWAL");
  return {};
}

void reconcile_certificates(Step& step) {
  for (const std::string& arn : rows(step).live.agenda.take(Concern::kCertificate, step.now))
    look_at(step, arn);
}

AcmeAsks acme_asks(const State& state, const Settings& settings, WallTime now) {
  AcmeAsks out;
  const std::string& directory = settings.acme_directory;
  if (directory.empty() || state.acme_orders.rows().empty()) return out;
  const model::AcmeAccount& account = account_of(state, directory);
  if (account.url.empty()) {
    if (now < account.next_at) {
      out.next = account.next_at;
      return out;
    }
    acme::Ask ask;
    ask.kind = account.key.empty() ? acme::Ask::Kind::kMakeKey : acme::Ask::Kind::kNewAccount;
    ask.algorithm = kAccountAlgorithm;
    ask.account_key = account.key;
    ask.contact = settings.acme_contact;
    out.asks.push_back({directory, account.serial, std::move(ask)});
    return out;
  }
  for (const auto& [arn, order] : state.acme_orders.rows()) {
    const model::Certificate* row = state.certificates.find(arn);
    if (order.directory != directory || row == nullptr || !row->request) continue;
    if (order.phase == AcmePhase::kPublish) continue;
    if (now < order.next_at) {
      make_earlier(out.next, order.next_at);
    } else if (auto ask = next_ask(order, account, *row->request)) {
      out.asks.push_back({arn, order.serial, *std::move(ask)});
    }
  }
  return out;
}

void take_acme_reply(Step& step, const std::string& subject, std::uint64_t serial, const acme::Reply& reply) {
  if (const model::AcmeOrder* order = step.state.acme_orders.find(subject)) {
    if (order->serial == serial && step.state.certificates.find(subject) != nullptr)
      take_order_reply(step, subject, reply);
    return;
  }
  if (subject == step.settings.acme_directory && account_of(step.state, subject).serial == serial)
    take_account_reply(step, subject, reply);
}

}  // namespace agent::control
