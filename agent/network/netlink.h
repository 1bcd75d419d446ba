// The kernel's network devices, addresses and routes, by rtnetlink (libmnl). A socket belongs to the network
// namespace of the thread that opened it, whoever uses it afterwards. Blocking; one thread at a time.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "shared/base/result.h"
#include "shared/base/unique_fd.h"

struct mnl_socket;

namespace agent::network {

struct Link {
  int index = 0;
  std::string name;
  int master = 0;
  int mtu = 0;
};

class Netlink {
 public:
  static shared::Result<std::unique_ptr<Netlink>> open();
  ~Netlink();
  Netlink(const Netlink&) = delete;
  Netlink& operator=(const Netlink&) = delete;

  // Errors, code "network": what was tried, and the kernel's reason. "exists", "not_found" where it says so.
  shared::Result<void> add_bridge(const std::string& name);
  // A pair of which the other end is `peer` in the namespace `peer_namespace`. This end joins `master`.
  shared::Result<void> add_veth(const std::string& name, const std::string& peer, const std::string& peer_mac,
                                int peer_namespace, int master, int mtu);
  shared::Result<void> set_up(int index);
  shared::Result<void> add_address(int index, std::uint32_t address, int prefix);  // IPv4, host's byte order
  shared::Result<void> add_default_route(std::uint32_t gateway);
  shared::Result<void> remove_link(const std::string& name);
  shared::Result<std::vector<Link>> links();
  shared::Result<Link> link(const std::string& name);

 private:
  explicit Netlink(mnl_socket* socket) : socket_(socket) {}
  shared::Result<void> talk(void* message, const std::string& doing);

  mnl_socket* socket_;
  std::uint32_t sequence_ = 0;
};

}  // namespace agent::network
