#include "balancer/loop/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace balancer::loop {

using shared::Error;
using shared::Result;
using shared::UniqueFd;

namespace {

void enable(int fd, int level, int option) {
  const int on = 1;
  ::setsockopt(fd, level, option, &on, sizeof on);
}

const sockaddr* raw(const Address& a) { return reinterpret_cast<const sockaddr*>(&a.storage); }

// inet_ntop() goes through printf, which costs an accepted connection more than all else that is done for it.
std::string ipv4_text(const in_addr& address) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(&address.s_addr);
  std::array<char, INET_ADDRSTRLEN> text;
  char* at = text.data();
  for (int i = 0; i < 4; ++i) {
    if (i != 0) *at++ = '.';
    at = std::to_chars(at, text.data() + text.size(), bytes[i]).ptr;
  }
  return {text.data(), at};
}

}  // namespace

std::string Address::ip() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (storage.ss_family == AF_INET)
    return ipv4_text(reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr);
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage);
  if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
    ::inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text, sizeof text);
  } else {
    ::inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
  }
  return text;
}

std::uint16_t Address::port() const {
  if (storage.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
  return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
}

Result<Address> make_address(std::string_view ip, std::uint16_t port) {
  const std::string text(ip);
  Address out;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&out.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.storage);
  if (::inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    out.length = sizeof *v4;
    return out;
  }
  if (::inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    out.length = sizeof *v6;
    return out;
  }
  return Error("address", "'" + text + "' is not a numeric IP address");
}

std::string to_string(const Address& address) {
  const std::string ip = address.ip();
  const bool v6 = ip.find(':') != std::string::npos;
  return (v6 ? "[" + ip + "]" : ip) + ":" + std::to_string(address.port());
}

namespace {
Error listen_error(const char* call, const Address& at) {
  const int error = errno;
  return Error(error == EADDRINUSE ? "address_in_use" : "bind",
               std::string(call) + " " + to_string(at) + ": " + std::strerror(error));
}
}  // namespace

Result<void> probe_address(const Address& at) {
  UniqueFd fd(::socket(at.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return listen_error("socket for", at);
  enable(fd.get(), SOL_SOCKET, SO_REUSEADDR);
  if (::bind(fd.get(), raw(at), at.length) != 0) return listen_error("bind", at);
  return {};
}

Result<UniqueFd> open_listener(const Address& at, Sharing sharing) {
  const auto failed = [&at](const char* call) { return listen_error(call, at); };
  UniqueFd fd(::socket(at.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failed("socket for");
  enable(fd.get(), SOL_SOCKET, SO_REUSEADDR);
  if (sharing == Sharing::kPerWorker) enable(fd.get(), SOL_SOCKET, SO_REUSEPORT);
  // Accepted sockets inherit it.
  enable(fd.get(), IPPROTO_TCP, TCP_NODELAY);
  if (::bind(fd.get(), raw(at), at.length) != 0) return failed("bind");
  if (::listen(fd.get(), kListenBacklog) != 0) return failed("listen on");
  if (sharing == Sharing::kFirst) enable(fd.get(), SOL_SOCKET, SO_REUSEPORT);
  return fd;
}

Address local_address(int fd) {
  Address out;
  out.length = sizeof out.storage;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&out.storage), &out.length);
  return out;
}

UniqueFd duplicate(int fd) { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

Accepted accept_one(int listening_fd) {
  Accepted out;
  for (;;) {
    out.peer.length = sizeof out.peer.storage;
    out.fd.reset(::accept4(listening_fd, reinterpret_cast<sockaddr*>(&out.peer.storage), &out.peer.length,
                           SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (out.fd) return out;
    // ECONNABORTED: that client is gone already, the next one may be waiting behind it.
    if (errno == EINTR || errno == ECONNABORTED) continue;
    out.error = errno == EAGAIN || errno == EWOULDBLOCK ? 0 : errno;
    return out;
  }
}

UniqueFd start_connect(const Address& to, int* error) {
  *error = 0;
  UniqueFd fd(::socket(to.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) {
    *error = errno;
    return {};
  }
  enable(fd.get(), IPPROTO_TCP, TCP_NODELAY);
  if (::connect(fd.get(), raw(to), to.length) != 0 && errno != EINPROGRESS) {
    *error = errno;
    return {};
  }
  return fd;
}

int connect_error(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) return errno;
  return error;
}

namespace {
IoResult receive(int fd, std::span<char> into, int flags) {
  for (;;) {
    const ssize_t n = ::recv(fd, into.data(), into.size(), flags);
    if (n > 0) return {Io::kDone, static_cast<std::size_t>(n), 0};
    if (n == 0) return {Io::kEnded, 0, 0};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {Io::kBlocked, 0, 0};
    return {Io::kFailed, 0, errno};
  }
}

}  // namespace

IoResult read_some(int fd, std::span<char> into) { return receive(fd, into, 0); }
IoResult peek_some(int fd, std::span<char> into) { return receive(fd, into, MSG_PEEK); }

IoResult write_some(int fd, std::span<const iovec> parts) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());  // sendmsg does not write through it
  message.msg_iovlen = parts.size();
  for (;;) {
    const ssize_t n = parts.size() == 1 ? ::send(fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL)
                                        : ::sendmsg(fd, &message, MSG_NOSIGNAL);
    if (n >= 0) return {Io::kDone, static_cast<std::size_t>(n), 0};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {Io::kBlocked, 0, 0};
    return {Io::kFailed, 0, errno};
  }
}

IoResult splice_some(int from, int to, std::size_t most) {
  for (;;) {
    const ssize_t n = ::splice(from, nullptr, to, nullptr, most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (n > 0) return {Io::kDone, static_cast<std::size_t>(n), 0};
    if (n == 0) return {Io::kEnded, 0, 0};
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {Io::kBlocked, 0, 0};
    return {Io::kFailed, 0, errno};
  }
}

void shutdown_write(int fd) { ::shutdown(fd, SHUT_WR); }

bool has_pending_input(int fd) {
  char byte = 0;
  const ssize_t n = ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

void reset_on_close(int fd) {
  const linger now{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

}  // namespace balancer::loop
