// The newer process's side: asks the one that runs for what it has, and later tells it to end. Thread: the
// IoLoop's; take() blocks.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "balancer/handover/channel.h"
#include "shared/base/result.h"
#include "shared/base/time.h"
#include "shared/httpd/io_loop.h"

namespace balancer::handover {

// Listening sockets by address ("10.0.0.1:80").
using Sockets = std::map<std::string, std::vector<shared::UniqueFd>>;

struct Offer {
  Sockets listeners;
  shared::UniqueFd lock;
  std::string tickets;  // hex
  shared::Millis tickets_age{0};
};

class Taker {
 public:
  // Blocks until the other one has offered all, each packet for kOfferLimit at most. Error code "nobody":
  // there is none.
  static shared::Result<std::unique_ptr<Taker>> take(const std::string& path, Offer& offer);

  int older() const { return channel_.peer_pid(); }
  // Says that every worker accepts. `yours` once the older one has stopped (also where it ended without a
  // word), `ended` once it is not there any more.
  void serving(shared::httpd::IoLoop& loop, std::function<void()> yours, std::function<void()> ended);

 private:
  explicit Taker(Channel channel) : channel_(std::move(channel)) {}
  void on_channel();
  Channel channel_;
  shared::env::Timer watch_;
  std::function<void()> yours_;
  std::function<void()> ended_;
};

}  // namespace balancer::handover
