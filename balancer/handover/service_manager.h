// What a service manager of systemd's kind gives to a process and hears from it: listening sockets by
// LISTEN_FDS (sd_listen_fds(3), also those that it keeps over a restart), states by NOTIFY_SOCKET
// (sd_notify(3)). Both protocols are a handful of variables and datagrams that systemd promises to keep; its
// library would bring four compressors and a cipher library into the process that strangers talk to.
// Thread: main.
#pragma once
#include <string>
#include <vector>

#include "balancer/handover/taker.h"

namespace balancer::handover {

// Descriptors that were passed to this process, and the reasons why some are not used ("descriptor 4: no
// listening TCP socket"). Those are closed; the variables are removed, so that no child takes them for its
// own.
struct Passed {
  Sockets listeners;
  std::vector<std::string> problems;
};
Passed take_passed_sockets();

class ServiceManager {
 public:
  // By NOTIFY_SOCKET; without one nothing is said. The variable stays, for a process that follows.
  static ServiceManager from_environment();
  bool there() const { return !address_.empty(); }
  void tell(const std::string& lines) const { send(lines, -1); }  // "READY=1\nSTATUS=..."
  // Keeps a duplicate of a listening socket for the next process, under a name of its address.
  void keep(const std::string& address, int fd) const;
  void forget(const std::string& address) const;

 private:
  void send(const std::string& lines, int fd) const;
  std::string address_;
};

}  // namespace balancer::handover
