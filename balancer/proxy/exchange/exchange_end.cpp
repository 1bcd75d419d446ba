// How an exchange ends, and what is written down of it.
#include "balancer/codec/trace_context.h"
#include "balancer/proxy/exchange/exchange.h"
#include "balancer/proxy/worker/worker.h"

namespace balancer::proxy {

void Exchange::finish() {
  ClientSide& client = *client_;
  const Served how{keep_, upload_done_};
  counters_->request_latency.count(worker_.loop().now() - started);
  end_accounting(EndedBy::kNobody);
  client.on_served(how);
}

void Exchange::break_off(EndedBy by, Cut cut) {
  ClientSide& client = *client_;
  end_accounting(by);
  client.on_broken(by, cut);
}

void Exchange::abandon(EndedBy by, std::string_view reason) {
  if (phase_ == Phase::kUnused) return;
  if (!reason.empty()) record_.reason = reason;
  end_accounting(by);
}

void Exchange::end_accounting(EndedBy by) {
  if (record_.ended_by == EndedBy::kNobody) record_.ended_by = by;
  drop_target();
  leave_gate();
  if (traffic_ != nullptr) traffic_->no_answer.add();
  forget_wait();
  TrafficCounters& counters = *counters_;
  counters.in_flight.subtract();
  const std::uint64_t received = in_->received - in_->in.size() - received_before_;
  const std::uint64_t sent = in_->delivered - sent_before_;
  counters.bytes_in.add(received);
  counters.bytes_out.add(sent);
  if (record_.wanted) {
    record_.received = received;
    record_.sent = sent;
    worker_.log(record_);
    record_.wanted = false;
  }
  worker_.buffers().give(request_out_);
  worker_.pipes().give(std::move(pipe_));
  if (encoder_ != nullptr) worker_.encoders().give(std::move(encoder_));
  worker_.release(*config_);
  config_ = nullptr;
  worker_.loop().timers().disarm(timer_);
  phase_ = Phase::kUnused;
}

void Exchange::note_request(const codec::Judgement& judgement) {
  record_.clear();
  record_.wanted = true;
  record_.created = worker_.loop().wall_now();
  record_.load_balancer = now_->load_balancer;
  record_.client = client_->peer().ip + ":" + std::to_string(client_->peer().port);
  record_.type = client_->frames_bodies() ? "h2" : client_->peer().scheme;
  if (const PeerTls* secured = client_->peer().tls.get()) {
    record_.ssl_cipher.assign(secured->cipher);
    record_.ssl_protocol.assign(secured->version);
    record_.domain_name.assign(secured->server_name);
    record_.chosen_cert_arn.assign(secured->certificate.empty() ? "session-reused" : secured->certificate);
  }
  record_.conn_trace_id = client_->connection_id();
  record_.ip_address = client_->local_ip();
  record_.tier = judgement.tier;
  record_.finding = judgement.reason;
  const std::string_view authority = head.authority();
  std::string& line = record_.request;
  if (head.method_slice.size == 0) {
    line = "- " + std::string(client_->peer().scheme) + "://" + loop::to_string(now_->address) + "- -";
  } else {
    line.assign(head.method());
    line += " ";
    line += client_->peer().scheme;
    line += "://";
    const auto split = codec::split_authority(authority);
    line.append(split.host.empty() ? std::string_view(now_->dns_name) : split.host);
    line += ":" + std::to_string(now_->port);
    if (head.form == codec::TargetForm::kOrigin) {
      line.append(head.target());
    } else {
      line.append(head.path());
    }
    line += client_->frames_bodies() ? " HTTP/2.0" : head.http11 ? " HTTP/1.1" : " HTTP/1.0";
  }
  trace_ = codec::make_trace_stamp(worker_.epoch_seconds(), worker_.random().next(), worker_.random().next());
  record_.trace_id.assign(codec::trace_field(head));
  record_.trace_id += trace_.view();
  record_.traceparent.assign(codec::traceparent_of(head).value_or(""));
  record_.user_agent.assign(head.value(codec::FieldId::kUserAgent));
}

}  // namespace balancer::proxy
