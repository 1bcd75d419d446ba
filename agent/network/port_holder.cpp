#include "agent/network/port_holder.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

namespace agent::network {
namespace {

using shared::Error;
using shared::Result;
using shared::UniqueFd;

UniqueFd bound(const PortWish& wish, int port, bool reuse, int& why) {
  const bool udp = wish.protocol == "udp";
  UniqueFd fd(::socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, wish.bind_ip.c_str(), &address.sin_addr);
  const int on = reuse ? 1 : 0;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  why = errno;
  return UniqueFd();
}

UniqueFd hold(const PortWish& wish, int port, int& why) {
  UniqueFd fd = bound(wish, port, false, why);
  if (fd || why != EADDRINUSE || wish.protocol == "udp") return fd;
  // Old connections of whoever had it before are no reason; that nobody listens shows when we could.
  UniqueFd probe = bound(wish, port, true, why);
  if (!probe || ::listen(probe.get(), 1) != 0) return UniqueFd();
  probe.reset();
  return bound(wish, port, true, why);
}

std::pair<int, int> kernel_range() {
  std::pair<int, int> range{32'768, 60'999};
  std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> range.first >> range.second;
  return range;
}

}  // namespace

Result<HeldPort> hold_port(const PortWish& wish) {
  int why = 0;
  if (wish.host_port > 0) {
    UniqueFd fd = hold(wish, wish.host_port, why);
    if (fd) return HeldPort{wish.host_port, std::move(fd)};
    const std::string where = wish.bind_ip + ":" + std::to_string(wish.host_port);
    if (why == EADDRINUSE)
      return Error("port_taken", "Bind for " + where + " failed: port is already allocated");
    return Error("network", "bind " + where + ": " + std::strerror(why));
  }
  const auto [first, last] =
      wish.choose_last > 0 ? std::pair(wish.choose_first, wish.choose_last) : kernel_range();
  const int count = last - first + 1;
  static std::atomic<unsigned> next{0};
  for (int i = 0; i < std::min(count, kChoices); ++i) {
    const int port = first + static_cast<int>(next++ % static_cast<unsigned>(count));
    UniqueFd fd = hold(wish, port, why);
    if (fd) return HeldPort{port, std::move(fd)};
    if (why != EADDRINUSE && why != EACCES) break;
  }
  if (why != EADDRINUSE) return Error("network", "bind " + wish.bind_ip + ": " + std::strerror(why));
  return Error("port_taken",
               "no port from " + std::to_string(first) + " to " + std::to_string(last) + " is free");
}

}  // namespace agent::network
