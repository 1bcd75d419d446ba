#include "agent/dns/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "agent/dns/answer.h"
#include "shared/base/unique_fd.h"
#include "shared/env/random.h"
#include "shared/httpd/io_loop.h"

namespace agent::dns {

using shared::Error;
using shared::Result;

namespace {

constexpr int kAtOnce = 64;  // datagrams, connections or reads before others have their turn
constexpr int kTriesForPort = 16;

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

Address address_of(const shared::net::Endpoint& at) {
  Address out;
  auto& v4 = reinterpret_cast<sockaddr_in&>(out.storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out.storage);
  if (::inet_pton(AF_INET, at.address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(at.port);
    out.size = sizeof(sockaddr_in);
  } else if (::inet_pton(AF_INET6, at.address.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(at.port);
    out.size = sizeof(sockaddr_in6);
  }
  return out;
}

std::uint16_t port_of(int fd) {
  Address at;
  at.size = sizeof(at.storage);
  ::getsockname(fd, at.get(), &at.size);
  return ntohs(reinterpret_cast<sockaddr_in&>(at.storage).sin_port);  // at the same place for IPv6
}

Error cannot(const shared::net::Endpoint& at, const char* what) {
  return Error("listen", std::string(what) + " " + shared::net::to_string(at) + ": " + std::strerror(errno));
}

Result<shared::UniqueFd> bound(const shared::net::Endpoint& at, int kind) {
  Address where = address_of(at);
  if (where.size == 0) return Error("listen", "'" + at.address + "' is not an IP address");
  shared::UniqueFd fd(::socket(where.storage.ss_family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return cannot(at, "open a socket for");
  const int yes = 1;
  if (kind == SOCK_STREAM) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  // Answers leave from the address that was asked.
  if (kind == SOCK_DGRAM && where.storage.ss_family == AF_INET)
    ::setsockopt(fd.get(), IPPROTO_IP, IP_PKTINFO, &yes, sizeof(yes));
  if (kind == SOCK_DGRAM && where.storage.ss_family == AF_INET6)
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof(yes));
  if (::bind(fd.get(), where.get(), where.size) < 0) return cannot(at, "bind");
  if (kind == SOCK_STREAM && ::listen(fd.get(), SOMAXCONN) < 0) return cannot(at, "listen at");
  return fd;
}

// Whichever interface leads there.
void forget_interface(msghdr& message) {
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr; each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_PKTINFO)
      reinterpret_cast<in_pktinfo*>(CMSG_DATA(each))->ipi_ifindex = 0;
  }
}

}  // namespace

struct Server::Impl {
  struct Client {
    shared::UniqueFd fd;
    std::string unread;
    shared::env::Timer watch;
    shared::env::Timer idle;
  };

  std::shared_ptr<const Zones> current() {
    const std::lock_guard lock(mutex);
    return zones;
  }
  void start() {
    udp_watch = loop.watch_readable(udp.get(), [this] { take_datagrams(); });
    tcp_watch = loop.watch_readable(tcp.get(), [this] { take_clients(); });
    thread = std::thread([this] { loop.run(); });
  }
  void take_datagrams() {
    std::array<char, 4096> bytes;
    alignas(cmsghdr) std::array<char, 128> control;
    for (int i = 0; i < kAtOnce; ++i) {
      Address from;
      iovec part{bytes.data(), bytes.size()};
      msghdr message{};
      message.msg_name = from.get();
      message.msg_namelen = sizeof(from.storage);
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      const ssize_t got = ::recvmsg(udp.get(), &message, 0);
      if (got < 0) {
        if (errno == EINTR || errno == ECONNREFUSED) continue;
        return;
      }
      if ((message.msg_flags & MSG_TRUNC) != 0) continue;  // no query is as long
      std::string reply =
          answer({bytes.data(), static_cast<std::size_t>(got)}, *current(), Transport::kUdp, random);
      if (reply.empty()) continue;
      part = {reply.data(), reply.size()};
      message.msg_flags = 0;
      forget_interface(message);
      (void)::sendmsg(udp.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);  // lost, as datagrams are
    }
  }
  void take_clients() {
    for (int i = 0; i < kAtOnce; ++i) {
      shared::UniqueFd fd(::accept4(tcp.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (fd.get() < 0) return;
      if (clients.size() >= kMaxTcpClients) continue;
      const std::uint64_t id = ++last_client;
      Client& client = clients[id];
      client.fd = std::move(fd);
      client.watch = loop.watch_readable(client.fd.get(), [this, id] { hear(id); });
      wait_for(id, client);
    }
  }
  void wait_for(std::uint64_t id, Client& client) {
    client.idle = loop.after(shared::Millis(kTcpIdleMillis), [this, id] { leave(id); });
  }
  // Never from within the client's own callbacks, which are part of it.
  void leave(std::uint64_t id) {
    loop.post([this, id] { clients.erase(id); });
  }
  void hear(std::uint64_t id) {
    const auto it = clients.find(id);
    if (it == clients.end()) return;
    Client& client = it->second;
    std::array<char, 4096> bytes;
    const ssize_t got = ::recv(client.fd.get(), bytes.data(), bytes.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      client.watch.cancel();
      return leave(id);
    }
    client.unread.append(bytes.data(), static_cast<std::size_t>(got));
    if (!answer_all(client) || client.unread.size() > kMaxTcpUnread) {
      client.watch.cancel();
      return leave(id);
    }
    if (client.unread.empty()) wait_for(id, client);  // who sends a message byte by byte gets no more time
  }
  // Messages have their length before them. False: the client does not read its answers, or sends nonsense.
  bool answer_all(Client& client) {
    std::size_t at = 0;
    std::string out;
    while (client.unread.size() - at >= 2) {
      const std::size_t length = static_cast<unsigned char>(client.unread[at]) * 256U +
                                 static_cast<unsigned char>(client.unread[at + 1]);
      if (client.unread.size() - at - 2 < length) break;
      const std::string reply =
          answer(std::string_view(client.unread).substr(at + 2, length), *current(), Transport::kTcp, random);
      if (reply.empty()) return false;
      out += static_cast<char>(reply.size() >> 8);
      out += static_cast<char>(reply.size() & 0xFF);
      out += reply;
      at += 2 + length;
    }
    client.unread.erase(0, at);
    if (out.empty()) return true;
    return ::send(client.fd.get(), out.data(), out.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
           static_cast<ssize_t>(out.size());
  }

  shared::net::Endpoint endpoint;
  shared::env::SystemRandom random;
  std::mutex mutex;
  std::shared_ptr<const Zones> zones = std::make_shared<Zones>();
  shared::httpd::IoLoop loop;
  shared::UniqueFd udp;
  shared::UniqueFd tcp;
  shared::env::Timer udp_watch;
  shared::env::Timer tcp_watch;
  std::map<std::uint64_t, Client> clients;
  std::uint64_t last_client = 0;
  std::thread thread;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() {
  impl_->loop.stop();
  impl_->thread.join();
}

Result<std::unique_ptr<Server>> Server::listen(const shared::net::Endpoint& at) {
  for (int i = 0;; ++i) {
    auto udp = bound(at, SOCK_DGRAM);
    if (!udp) return udp.error();
    shared::net::Endpoint both = at;
    both.port = port_of(udp->get());
    auto tcp = bound(both, SOCK_STREAM);
    if (!tcp && at.port == 0 && i < kTriesForPort) continue;
    if (!tcp) return tcp.error();
    auto impl = std::make_unique<Impl>();
    impl->endpoint = both;
    impl->udp = *std::move(udp);
    impl->tcp = *std::move(tcp);
    impl->start();
    return std::unique_ptr<Server>(new Server(std::move(impl)));
  }
}

void Server::set_zones(std::shared_ptr<const Zones> zones) {
  const std::lock_guard lock(impl_->mutex);
  impl_->zones = std::move(zones);
}

const shared::net::Endpoint& Server::endpoint() const { return impl_->endpoint; }

}  // namespace agent::dns
