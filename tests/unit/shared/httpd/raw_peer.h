// A peer that speaks bytes, not HTTP: for everything that a well-behaved client or server would never do.
#pragma once
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "shared/base/unique_fd.h"
#include "shared/env/executor.h"
#include "shared/httpd/io_loop.h"
#include "shared/net/endpoint.h"

namespace shared::httpd {

// Long enough that only a hang reaches it.
constexpr Millis kPatience{20'000};

class RawPeer {
 public:
  RawPeer(IoLoop& loop, const net::Endpoint& to);
  RawPeer(IoLoop& loop, UniqueFd connected);

  void send(std::string_view bytes);
  bool wait_for(std::string_view text);  // until `text` has been received
  bool wait_for_close();
  void half_close();
  void reset();  // closes with a TCP reset
  void close();
  const std::string& received() const { return received_; }
  std::string take();
  bool closed() const { return closed_; }
  bool was_reset() const { return was_reset_; }

 private:
  void watch();
  void read();
  IoLoop& loop_;
  UniqueFd fd_;
  env::Timer watch_;
  std::string received_;
  bool closed_ = false;
  bool was_reset_ = false;
};

class RawListener {
 public:
  explicit RawListener(IoLoop& loop);
  net::Endpoint endpoint() const { return endpoint_; }
  RawPeer& next();  // waits for the next connection; stays owned here

 private:
  IoLoop& loop_;
  UniqueFd fd_;
  net::Endpoint endpoint_;
  std::deque<std::unique_ptr<RawPeer>> peers_;
};

// A path in a directory of its own, removed with it.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  std::string path(std::string_view name) const { return dir_ + "/" + std::string(name); }

 private:
  std::string dir_;
};

}  // namespace shared::httpd
