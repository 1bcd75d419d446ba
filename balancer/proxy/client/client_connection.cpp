#include "balancer/proxy/client/client_connection.h"

#include "balancer/proxy/worker/worker.h"

namespace balancer::proxy {

void ClientConnection::enter(WorkerListener& listener, Peer peer) {
  listener_ = &listener;
  peer_ = std::move(peer);
  ++listener.connections;
  accepted_ = worker_.loop().now();
  winding_down_ = false;
  reached_at_.reset();
  trace_id_.reset();
  stats_ = listener.stats;
  TrafficCounters& counters = stats_->per_worker[worker_.index()];
  counters.connections_opened.add();
  counters.connections_active.add();
}

void ClientConnection::leave() {
  stats_->per_worker[worker_.index()].connections_active.subtract();
  --listener_->connections;
}

void ClientConnection::follow_listener() {
  if (listener_->stats == stats_) return;
  stats_->per_worker[worker_.index()].connections_active.subtract();
  stats_ = listener_->stats;
  stats_->per_worker[worker_.index()].connections_active.add();
}

bool ClientConnection::may_go_on() const {
  if (winding_down_ || worker_.draining() || listener_->current == nullptr) return false;
  return worker_.loop().now() < accepted_ + listener_->current->options.client_keep_alive;
}

const std::string& ClientConnection::reached_at(const loop::Transport& transport) {
  if (reached_at_ == nullptr) reached_at_ = std::make_unique<std::string>(transport.local_address().ip());
  return *reached_at_;
}

const std::string& ClientConnection::trace_id() {
  if (trace_id_ == nullptr) trace_id_ = std::make_unique<std::string>("TID_" + worker_.random().hex(32));
  return *trace_id_;
}

shared::Millis ClientConnection::idle_timeout() const {
  return listener_->current != nullptr ? listener_->current->options.idle_timeout : kIdleWithoutListener;
}

}  // namespace balancer::proxy
