// One blocking HTTP/1.1 client connection that judges every answer by its bytes: whole, short, reset or late.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace tests::load {

enum class Outcome { kAnswered, kConnectFailed, kReset, kClosedEarly, kShortBody, kTimeout, kMalformed };

struct Answer {
  Outcome outcome = Outcome::kAnswered;
  int status = 0;
  std::string body;
};

struct Target {
  std::string host;  // numeric IPv4
  std::uint16_t port = 0;
  std::string host_header;
};

class Client {
 public:
  Client(Target target, std::chrono::milliseconds timeout) : target_(std::move(target)), timeout_(timeout) {}
  ~Client() { disconnect(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // A kept connection that the server closed between requests (no byte of an answer, nothing lost by HTTP's
  // rules for GET) is reported as kReset all the same: a balancer must not do that to a client that has just
  // sent a request.
  Answer get(const std::string& path);
  void disconnect();
  bool connected() const { return fd_ >= 0; }

 private:
  bool connect_now();
  Answer fail(Outcome outcome, int status = 0);

  Target target_;
  std::chrono::milliseconds timeout_;
  int fd_ = -1;
  std::string pending_;
};

}  // namespace tests::load
