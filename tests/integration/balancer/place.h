// What the tests of a balancer on a host that is in trouble share.
#pragma once
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/integration/balancer/harness.h"

namespace balancer::test {

inline void answer_all(Wire& wire, int) {
  for (;;) {
    const Message request = wire.read_message();
    if (request.head.empty()) return;
    if (!wire.send(response(200, request.head))) return;
  }
}

inline int status_of(std::uint16_t port) {
  Wire wire = Wire::connect(port);
  if (!wire.valid() || !wire.send(get("/"))) return 0;
  return wire.read_message().status;
}

// A directory with a token and a place for state; gone with the test.
struct Place {
  explicit Place(std::uint16_t port)
      : path(::testing::TempDir() + "/berth-resilience-" + std::to_string(port)) {
    std::filesystem::create_directories(path);
    std::ofstream(path + "/token") << "t";
  }
  ~Place() { std::filesystem::remove_all(path); }
  std::vector<std::string> arguments(const std::string& control) const {
    return {"--control", control, "--token-file", path + "/token", "--state-dir", path + "/state"};
  }
  std::vector<std::string> arguments(std::uint16_t control_port) const {
    return arguments("http://127.0.0.1:" + std::to_string(control_port));
  }
  const std::string path;
};

}  // namespace balancer::test
