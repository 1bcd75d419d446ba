// Answers DNS by UDP and TCP (RFC 1035, 7766) on a thread of its own, from zones that its owner hands over.
// The zones that set_zones() was given are those that every later answer is made from. Thread: the owner's.
#pragma once
#include <cstdint>
#include <memory>

#include "agent/dns/zones.h"
#include "shared/base/result.h"
#include "shared/net/endpoint.h"

namespace agent::dns {

inline constexpr std::size_t kMaxTcpClients = 256;  // more are closed at once
inline constexpr int kTcpIdleMillis = 10'000;
inline constexpr std::size_t kMaxTcpUnread = 65'537;  // of one client: one message

class Server {
 public:
  // Port 0: the kernel chooses one, the same for both. Error "listen" naming the address.
  static shared::Result<std::unique_ptr<Server>> listen(const shared::net::Endpoint& at);
  ~Server();

  void set_zones(std::shared_ptr<const Zones> zones);
  const shared::net::Endpoint& endpoint() const;

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace agent::dns
