#include "balancer/handover/service_manager.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "balancer/handover/attachment.h"
#include "balancer/loop/socket.h"

namespace balancer::handover {

namespace {

constexpr int kFirstPassed = 3;  // SD_LISTEN_FDS_START

int number_of(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return 0;
  int number = 0;
  const auto [end, error] = std::from_chars(text, text + std::strlen(text), number);
  return error == std::errc() && *end == '\0' ? number : 0;
}

bool listens(int fd) {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) != 0 || value == 0) return false;
  size = sizeof value;
  if (::getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &size) != 0) return false;
  return value == IPPROTO_TCP;
}

// Names must not have a colon.
std::string name_of(std::string address) {
  std::replace(address.begin(), address.end(), ':', '_');
  return "FDNAME=" + address;
}

}  // namespace

Passed take_passed_sockets() {
  Passed passed;
  const bool for_us = number_of("LISTEN_PID") == ::getpid();
  const int count = for_us ? number_of("LISTEN_FDS") : 0;
  for (const char* variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(variable);
  for (int number = kFirstPassed; number < kFirstPassed + count; ++number) {
    shared::UniqueFd fd(number);
    if (!listens(number)) {
      passed.problems.push_back("descriptor " + std::to_string(number) + ": no listening TCP socket");
      continue;
    }
    ::fcntl(number, F_SETFD, FD_CLOEXEC);
    ::fcntl(number, F_SETFL, ::fcntl(number, F_GETFL) | O_NONBLOCK);
    const int on = 1;
    ::setsockopt(number, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    passed.listeners[loop::to_string(loop::local_address(number))].push_back(std::move(fd));
  }
  return passed;
}

ServiceManager ServiceManager::from_environment() {
  ServiceManager manager;
  if (const char* address = std::getenv("NOTIFY_SOCKET")) manager.address_ = address;
  return manager;
}

void ServiceManager::keep(const std::string& address, int fd) const {
  send("FDSTORE=1\n" + name_of(address), fd);
}

void ServiceManager::forget(const std::string& address) const {
  send("FDSTOREREMOVE=1\n" + name_of(address), -1);
}

void ServiceManager::send(const std::string& lines, int fd) const {
  sockaddr_un to{};
  if (address_.empty() || address_.size() >= sizeof to.sun_path) return;
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, address_.data(), address_.size());
  if (to.sun_path[0] == '@') to.sun_path[0] = '\0';  // the abstract namespace
  const shared::UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  OutgoingMessage message(lines, fd);
  message.native().msg_name = &to;
  message.native().msg_namelen = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  // Who manages services and does not listen has no use for it.
  (void)!::sendmsg(socket.get(), &message.native(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace balancer::handover
