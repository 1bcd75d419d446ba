// Who listens on an address that we cannot have, for the error that says so. Reads /proc of this network
// namespace; only for errors, it walks over all processes. Thread: any; blocking, some milliseconds.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "balancer/loop/socket.h"

namespace balancer::loop {

// A line of /proc/net/tcp or tcp6 that listens where `at` would.
struct ListeningSocket {
  std::uint64_t inode = 0;
  std::uint32_t uid = 0;
};
// `table`: the file's text. Lines that are not understood are passed over.
std::vector<ListeningSocket> listening_at(std::string_view table, const Address& at);

// "held by nginx (pid 4711)"; where /proc does not show the process "held by a process of user 33"; empty:
// nobody listens there.
std::string describe_holder(const Address& at);

}  // namespace balancer::loop
