// What a client is told without a target: refusals, error pages, fixed responses, redirects.
#include "balancer/codec/own_response.h"
#include "balancer/proxy/exchange/exchange.h"
#include "balancer/proxy/worker/worker.h"
#include "balancer/routing/action.h"

namespace balancer::proxy {

bool Exchange::may_keep() const {
  if (!facts_.keep_alive || close_client_ || now_ == nullptr || !upload_done_) return false;
  return !worker_.draining() && client_->may_serve_again();
}

// Whom a request without Host and authority (HTTP/1.0) is for.
std::string_view Exchange::default_host() {
  if (!now_->dns_name.empty() || !head.authority().empty()) return now_->dns_name;
  const std::string& ip = client_->local_ip();
  std::string& text = worker_.text_space();
  text = ip.find(':') == std::string::npos ? ip : "[" + ip + "]";
  return text;
}

// What every answer of ours has.
codec::OwnResponse Exchange::own_response(int status) {
  keep_ = may_keep();
  codec::OwnResponse response;
  response.status = status;
  response.date = worker_.date();
  response.server =
      now_ == nullptr || now_->options.server_header ? codec::ServerField::kSend : codec::ServerField::kOmit;
  if (now_ != nullptr) response.edits = &now_->edits;
  response.send_body = facts_.head_method ? codec::BodySend::kOmit : codec::BodySend::kSend;
  response.client = keep_ ? codec::Persist::kKeepAlive : codec::Persist::kClose;
  response.http11 = facts_.http11;
  worker_.buffers().take(in_->out);
  return response;
}

void Exchange::own_answer_written(int status) {
  client_->end_response();
  answer_ = Answer::kComplete;
  record_.elb_status = status;
}

void Exchange::answer_refusal(const codec::Judgement& judgement) {
  const int status = judgement.status != 0 ? judgement.status : 400;
  facts_.keep_alive = false;
  const std::string_view word = judgement.refusal == codec::Refusal::kDesync
                                    ? codec::to_string(judgement.reason)
                                    : codec::to_string(judgement.refusal);
  answer_status(status, word, EndedBy::kBalancer);
}

void Exchange::answer_status(int status, std::string_view reason, EndedBy by) {
  drop_target();
  leave_gate();
  client_->write_status_page(own_response(status));
  own_status_written(status, reason, by);
}

// An answer that no rule asked for.
void Exchange::own_status_written(int status, std::string_view reason, EndedBy by) {
  own_answer_written(status);
  counters_->count_own(status, reason);
  record_.reason = reason;
  record_.ended_by = by;
}

bool Exchange::answer_acme(const routing::RequestFacts& facts) {
  if (now_->tls != nullptr || (facts.method != "GET" && facts.method != "HEAD")) return false;
  const std::string_view body = config_->acme->find(facts.host, facts.path, worker_.scratch().host);
  if (body.empty()) return false;
  codec::OwnResponse response = own_response(200);
  response.content_type = "application/octet-stream";
  response.body = body;
  client_->write_own(response);
  own_answer_written(response.status);
  counters_->fixed_responses.add();
  record_.action = "fixed-response";
  return true;
}

void Exchange::answer_rate_limited(std::chrono::nanoseconds wait) {
  constexpr int kStatus = 429;
  codec::OwnResponse response = own_response(kStatus);
  std::string& retry = worker_.text_space();
  retry = "Retry-After: " + std::to_string(std::chrono::ceil<std::chrono::seconds>(wait).count()) + "\r\n";
  response.extra_fields = retry;
  client_->write_status_page(response);
  own_status_written(kStatus, "rate_limited", EndedBy::kBalancer);
  counters_->rate_limited.add();
}

void Exchange::answer_maintenance(const shared::lbconfig::Maintenance& maintenance) {
  constexpr int kStatus = 503;
  codec::OwnResponse response = own_response(kStatus);
  std::string& retry = worker_.text_space();
  if (maintenance.retry_after_seconds != 0) {
    retry = "Retry-After: " + std::to_string(maintenance.retry_after_seconds) + "\r\n";
    response.extra_fields = retry;
  }
  if (maintenance.body.empty()) {
    client_->write_status_page(response);
  } else {
    response.body = maintenance.body;
    response.content_type =
        maintenance.content_type.empty() ? std::string_view("text/plain") : maintenance.content_type;
    client_->write_own(response);
  }
  own_status_written(kStatus, "maintenance", EndedBy::kBalancer);
  counters_->maintenance.add();
}

void Exchange::answer_fixed(const shared::lbconfig::FixedResponseAction& fixed) {
  codec::OwnResponse response = own_response(fixed.status);
  response.content_type = routing::fixed_content_type(fixed);
  response.body = fixed.body;
  client_->write_own(response);
  own_answer_written(fixed.status);
  counters_->fixed_responses.add();
  record_.action = "fixed-response";
}

void Exchange::answer_redirect(const shared::lbconfig::RedirectAction& redirect) {
  codec::RequestRewrite rewrite;
  rewrite.default_host = default_host();
  rewrite.preserve_host = now_->options.preserve_host;
  routing::RedirectFacts facts;
  facts.scheme = client_->peer().scheme;
  facts.host = codec::routing_authority(head, rewrite);
  facts.port = now_->port;
  facts.path = head.path();
  facts.query = head.query();
  codec::Buffer& location = worker_.location_space();
  if (routing::write_location(location, redirect, facts) == routing::LocationResult::kTooLong)
    return answer_status(507, "redirect_too_long", EndedBy::kBalancer);
  codec::OwnResponse response = own_response(redirect.status);
  response.location = location.view();
  client_->write_status_page(response);
  own_answer_written(redirect.status);
  counters_->redirects.add();
  record_.action = "redirect";
  if (record_.wanted) record_.redirect_url.assign(location.view());
}

}  // namespace balancer::proxy
