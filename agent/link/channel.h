// A message channel between two roles: a websocket in production, a queue in simulation. Text messages, in
// order, until closed. Sending on a closed channel is dropped.
#pragma once
#include <string>

namespace agent::link {

class Channel {
 public:
  virtual ~Channel() = default;
  virtual void send(std::string text) = 0;
  virtual void close(const std::string& reason) = 0;
};

}  // namespace agent::link
