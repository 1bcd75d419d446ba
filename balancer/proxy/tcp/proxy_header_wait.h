// A client that came from an address whose connections begin with a header of the PROXY protocol: waits for
// the header, takes it off the socket and nothing behind it (looked at with MSG_PEEK), and hands the socket
// on to whoever serves it. Without a valid header in time the connection is reset and counted. Recycled by
// its worker. Thread: the worker's.
#pragma once
#include "balancer/loop/loop.h"
#include "balancer/proxy/client/client_side.h"
#include "balancer/proxy/list.h"
#include "balancer/proxy_protocol/header.h"
#include "shared/base/unique_fd.h"

namespace balancer::proxy {

class Worker;

inline constexpr shared::Millis kProxyHeaderLimit{5'000};  // from the accept on

class ProxyHeaderWait final : public ListHook<ProxyHeaderWait> {
 public:
  explicit ProxyHeaderWait(Worker& worker);
  ~ProxyHeaderWait();
  ProxyHeaderWait(const ProxyHeaderWait&) = delete;
  ProxyHeaderWait& operator=(const ProxyHeaderWait&) = delete;

  void open(WorkerListener& listener, shared::UniqueFd fd, Peer peer);
  void cut() { end(true); }

 private:
  void look(bool ended);
  void refuse();
  void end(bool reset);

  Worker& worker_;
  WorkerListener* listener_ = nullptr;
  shared::UniqueFd fd_;
  loop::FdWatch watch_;
  loop::TimerNode timer_;
  Peer peer_;
};

}  // namespace balancer::proxy
