// What a client is told without a target: refusals, error pages, fixed responses, redirects.
#include "balancer/codec/own_response.h"
#include "balancer/proxy/client_connection.h"
#include "balancer/proxy/worker.h"
#include "balancer/routing/action.h"

namespace balancer::proxy {

bool ClientConnection::may_keep() const {
  if (!facts_.keep_alive || close_after_ || winding_down_ || now_ == nullptr || !upload_done_) return false;
  if (worker_.draining()) return false;
  return worker_.loop().now() < accepted_ + now_->options.client_keep_alive;
}

void ClientConnection::answer_refusal(const codec::Judgement& judgement) {
  const int status = judgement.status != 0 ? judgement.status : 400;
  facts_.keep_alive = false;
  const std::string_view word = judgement.refusal == codec::Refusal::kDesync
                                    ? codec::to_string(judgement.reason)
                                    : codec::to_string(judgement.refusal);
  answer_status(status, word, EndedBy::kBalancer);
}

void ClientConnection::answer_status(int status, std::string_view reason, EndedBy by) {
  drop_target();
  keep_ = may_keep();
  codec::OwnResponse response;
  response.status = status;
  response.date = worker_.date();
  response.server =
      now_ == nullptr || now_->options.server_header ? codec::ServerField::kSend : codec::ServerField::kOmit;
  response.send_body = facts_.head_method ? codec::BodySend::kOmit : codec::BodySend::kSend;
  response.client = keep_ ? codec::Persist::kKeepAlive : codec::Persist::kClose;
  response.http11 = facts_.http11;
  worker_.buffers().take(client_.out);
  codec::write_status_page(client_.out, response);
  answer_ = Answer::kComplete;
  counters_->count_own(status);
  record_.elb_status = status;
  record_.reason = reason;
  record_.ended_by = by;
}

void ClientConnection::answer_fixed(const shared::lbconfig::FixedResponseAction& fixed) {
  keep_ = may_keep();
  codec::OwnResponse response;
  response.status = fixed.status;
  response.content_type = routing::fixed_content_type(fixed);
  response.body = fixed.body;
  response.date = worker_.date();
  response.server = now_->options.server_header ? codec::ServerField::kSend : codec::ServerField::kOmit;
  response.send_body = facts_.head_method ? codec::BodySend::kOmit : codec::BodySend::kSend;
  response.client = keep_ ? codec::Persist::kKeepAlive : codec::Persist::kClose;
  response.http11 = facts_.http11;
  worker_.buffers().take(client_.out);
  codec::write_own_response(client_.out, response);
  answer_ = Answer::kComplete;
  counters_->fixed_responses.add();
  record_.elb_status = fixed.status;
  record_.action = "fixed-response";
}

void ClientConnection::answer_redirect(const shared::lbconfig::RedirectAction& redirect) {
  codec::RequestRewrite rewrite;
  rewrite.default_host = default_host();
  rewrite.preserve_host = now_->options.preserve_host;
  routing::RedirectFacts facts;
  facts.host = codec::routing_authority(head_, rewrite);
  facts.port = now_->port;
  facts.path = head_.path();
  facts.query = head_.query();
  codec::Buffer& location = worker_.location_space();
  if (routing::write_location(location, redirect, facts) == routing::LocationResult::kTooLong)
    return answer_status(507, "redirect_too_long", EndedBy::kBalancer);
  keep_ = may_keep();
  codec::OwnResponse response;
  response.status = redirect.status;
  response.location = location.view();
  response.date = worker_.date();
  response.server = now_->options.server_header ? codec::ServerField::kSend : codec::ServerField::kOmit;
  response.send_body = facts_.head_method ? codec::BodySend::kOmit : codec::BodySend::kSend;
  response.client = keep_ ? codec::Persist::kKeepAlive : codec::Persist::kClose;
  response.http11 = facts_.http11;
  worker_.buffers().take(client_.out);
  codec::write_status_page(client_.out, response);
  answer_ = Answer::kComplete;
  counters_->redirects.add();
  record_.elb_status = redirect.status;
  record_.action = "redirect";
  if (record_.wanted) record_.redirect_url.assign(location.view());
}

}  // namespace balancer::proxy
