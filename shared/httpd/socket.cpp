#include "shared/httpd/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace shared::httpd {
namespace {

constexpr int kBacklog = 1024;  // the kernel lowers it to net.core.somaxconn

net::Endpoint to_value(const sockaddr_storage& storage, socklen_t size) {
  net::Endpoint out;
  char text[INET6_ADDRSTRLEN] = "";
  if (storage.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &storage, sizeof in);
    ::inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
    out.port = ntohs(in.sin_port);
  } else if (storage.ss_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &storage, sizeof in);
    ::inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof text);
    out.port = ntohs(in.sin6_port);
  } else if (storage.ss_family == AF_UNIX && size > offsetof(sockaddr_un, sun_path)) {
    sockaddr_un un{};
    std::memcpy(&un, &storage, sizeof un);
    out.unix_path = std::string(un.sun_path, ::strnlen(un.sun_path, size - offsetof(sockaddr_un, sun_path)));
  }
  out.address = text;
  return out;
}

Error listen_error(std::string_view step, const net::Endpoint& at, int error) {
  const std::string code = error == EADDRINUSE ? "address_in_use" : std::string(step);
  return Error(code, std::string(step) + " " + net::to_string(at) + ": " + errno_text(error));
}

// Leaves a live socket and everything that is no socket alone; bind then says "address in use".
void remove_stale(const std::string& path, const Protocol::endpoint& endpoint) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return;
  const UniqueFd probe = open_for(endpoint);
  if (!probe) return;
  const int result = ::connect(probe.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size()));
  if (result != 0 && errno == ECONNREFUSED) ::unlink(path.c_str());
}

}  // namespace

std::string errno_text(int error) { return std::generic_category().message(error); }

Result<Protocol::endpoint> native_endpoint(const net::Endpoint& endpoint) {
  if (endpoint.is_unix()) {
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    if (endpoint.unix_path.size() >= sizeof un.sun_path) {
      return Error("malformed", net::to_string(endpoint) + ": the path is too long");
    }
    endpoint.unix_path.copy(un.sun_path, sizeof un.sun_path - 1);
    return Protocol::endpoint(&un, offsetof(sockaddr_un, sun_path) + endpoint.unix_path.size() + 1, 0);
  }
  sockaddr_in v4{};
  if (::inet_pton(AF_INET, endpoint.address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    return Protocol::endpoint(&v4, sizeof v4, IPPROTO_TCP);
  }
  sockaddr_in6 v6{};
  if (::inet_pton(AF_INET6, endpoint.address.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    return Protocol::endpoint(&v6, sizeof v6, IPPROTO_TCP);
  }
  return Error("malformed", net::to_string(endpoint) + ": not a numeric address");
}

UniqueFd open_for(const Protocol::endpoint& to) {
  return UniqueFd(::socket(to.data()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

Result<UniqueFd> open_listener(const net::Endpoint& at) {
  auto endpoint = native_endpoint(at);
  if (!endpoint) return Error("bind", "bind " + endpoint.error().text());
  UniqueFd fd = open_for(*endpoint);
  if (!fd) return listen_error("bind", at, errno);
  if (at.is_unix()) {
    remove_stale(at.unix_path, *endpoint);
  } else {
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  }
  if (::bind(fd.get(), endpoint->data(), static_cast<socklen_t>(endpoint->size())) != 0) {
    return listen_error("bind", at, errno);
  }
  if (::listen(fd.get(), kBacklog) != 0) return listen_error("listen", at, errno);
  return fd;
}

net::Endpoint local_endpoint(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
  return to_value(storage, size);
}

net::Endpoint peer_endpoint(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
  return to_value(storage, size);
}

void adopt(Socket& socket, UniqueFd fd, int family, ErrorCode& error) {
  if (family != AF_UNIX) {
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  socket.assign(Protocol(family, family == AF_UNIX ? 0 : IPPROTO_TCP), fd.get(), error);
  if (!error) fd.release();
}

bool is_quiet(int fd) {
  char byte = 0;
  return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace shared::httpd
