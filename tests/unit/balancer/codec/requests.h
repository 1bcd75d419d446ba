// Requests that more than one test file writes.
#pragma once
#include <string>

namespace balancer::codec {

// "GET / HTTP/1.1", Host, then `fields`, then the empty line.
inline std::string get(const std::string& fields) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n\r\n";
}

}  // namespace balancer::codec
