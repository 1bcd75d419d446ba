// A websocket connection (RFC 6455), either side. Text frames only; one JSON document per message in all our
// protocols. Thread: the IoLoop's. A WebSocket stays usable until on_close was called; sends after that are
// dropped.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "shared/base/error.h"

namespace shared::httpd {

class WebSocket {
 public:
  virtual ~WebSocket() = default;
  virtual void send(std::string text) = 0;  // queued, in order; the queue has a limit (kMaxQueuedBytes),
                                            // beyond it: close 1013
  virtual void close(unsigned short code, std::string reason) = 0;
  static constexpr std::size_t kMaxQueuedBytes = 64 * 1024 * 1024;
  static constexpr std::size_t kMaxMessageBytes = 16 * 1024 * 1024;
};

// on_close is called exactly once for a socket that was opened, whoever ended it; nothing is called
// afterwards.
struct WebSocketHandlers {
  std::function<void(std::shared_ptr<WebSocket>)> on_open{};
  std::function<void(std::string)> on_text{};
  std::function<void(Error)> on_close{};
};

}  // namespace shared::httpd
