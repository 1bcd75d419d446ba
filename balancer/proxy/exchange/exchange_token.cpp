// A jwt-validation action: whether the request's token lets it through, and the wait for its issuer's keys.
#include <array>

#include "balancer/jwt/token.h"
#include "balancer/proxy/exchange/exchange.h"
#include "balancer/proxy/worker/token_keys.h"
#include "balancer/proxy/worker/worker.h"
#include "shared/http/message.h"

namespace balancer::proxy {

namespace {

// Two are too many already. Fields that are not passed on are not looked at: the target would not see them.
jwt::Bearer bearer_of(const codec::RequestHead& head) {
  std::array<std::string_view, 2> values;
  std::size_t found = 0;
  for (const codec::Field& field : head.fields) {
    if (field.id != codec::FieldId::kOther || (field.flags & ~codec::kFolded) != 0) continue;
    if (!shared::http::equals_ignoring_case(head.name(field), "authorization")) continue;
    if (found < values.size()) values[found++] = head.value(field);
  }
  return jwt::bearer_of(std::span(values.data(), found));
}

}  // namespace

// False: answered, or it waits for keys.
bool Exchange::passes(const shared::lbconfig::JwtValidation& wanted) {
  const jwt::Bearer bearer = bearer_of(head);
  if (bearer.reason != jwt::Reason::kValid) return answer_token(bearer.reason), false;
  TokenKeys& source = worker_.token_keys();
  const auto known = wait_ != nullptr ? wait_->answer : source.look_up(wanted.jwks_endpoint);
  if (!known) return wait_for_keys(wanted.jwks_endpoint), false;
  if (!known->keys) return answer_token(known->reason), false;
  const auto judge = [&](const jwt::KeySet& keys) {
    return jwt::validate(bearer.token, wanted, keys, worker_.epoch_seconds());
  };
  jwt::Verdict verdict = judge(*known->keys);
  if (verdict.unknown_key && (wait_ == nullptr || !wait_->asked_anew)) {
    const auto newer = source.look_up_newer(wanted.jwks_endpoint, *known->keys);
    if (!newer) {
      wait_for_keys(wanted.jwks_endpoint);
      wait_->asked_anew = true;
      return false;
    }
    if (newer->keys && newer->keys != known->keys) verdict = judge(*newer->keys);
  }
  if (verdict.reason != jwt::Reason::kValid) return answer_token(verdict.reason), false;
  counters_->tokens_valid.add();
  return true;
}

// What the client sends stays where it is meanwhile: nothing of the body is read.
void Exchange::wait_for_keys(const std::string& endpoint) {
  if (wait_ == nullptr) {
    wait_ = std::make_unique<TokenWait>(*this);
    wait_->head.assign(head.base, parser.head_bytes());
  }
  wait_->answer.reset();
  worker_.token_keys().wait(*wait_, endpoint);
  worker_.loop().arm(timer_, kKeyWaitLimit);
}

bool Exchange::waits_for_keys() const { return wait_ != nullptr && wait_->list != nullptr; }

void Exchange::forget_wait() {
  if (wait_ == nullptr) return;
  worker_.token_keys().forget(*wait_);
  wait_.reset();
}

void Exchange::on_keys(const jwt::KeyAnswer& answer) {
  wait_->answer = answer;
  parser.reset();
  head.clear();
  parser.parse(wait_->head, head);  // whole, as it was
  touch();
  route();
  if (!waits_for_keys()) wait_.reset();
  client_->advance();
}

void Exchange::answer_token(jwt::Reason reason) {
  const jwt::ReasonRow& row = jwt::row_of(reason);
  const bool unauthorized = row.status == 401;
  codec::OwnResponse response = own_response(row.status);
  if (unauthorized) {  // RFC 6750 section 3: without a token no more is said
    response.extra_fields = reason == jwt::Reason::kHeaderNotPresent
                                ? "WWW-Authenticate: Bearer\r\n"
                                : "WWW-Authenticate: Bearer error=\"invalid_token\"\r\n";
  }
  client_->write_status_page(response);
  own_status_written(row.status, unauthorized ? "token_refused" : "token_keys_unavailable",
                     unauthorized ? EndedBy::kClient : EndedBy::kBalancer);
  counters_->tokens_refused.add();
  record_.error_reason = row.word;
}

}  // namespace balancer::proxy
