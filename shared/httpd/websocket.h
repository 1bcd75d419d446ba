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
  // Queued, in order. Beyond kMaxQueuedBytes waiting, the socket closes with 1013; a message beyond
  // kMaxMessageBytes, either way, closes it with 1009.
  virtual void send(std::string text) = 0;
  // After what was sent before; on_close follows the peer's answer, which is waited for some seconds.
  virtual void close(unsigned short code, std::string reason) = 0;
  static constexpr std::size_t kMaxQueuedBytes = 64 * 1024 * 1024;
  static constexpr std::size_t kMaxMessageBytes = 16 * 1024 * 1024;
};

// on_close is called exactly once for a socket that was opened, whoever ended it, and for a client's attempt
// that failed; nothing is called afterwards. Only when its Server or its IoLoop dies does a socket end (with
// 1001) without on_close: the owner of the handlers is then going too. A silent peer is pinged and in the end
// given up. Error codes: "closed" (with a close frame from either side; number and reason in the text),
// "lost" (without one), "timeout" (silent peer), "too_large", "too_slow" (queue limit), "malformed" (binary
// or broken frames); attempts also "connect" and "refused".
struct WebSocketHandlers {
  std::function<void(std::shared_ptr<WebSocket>)> on_open{};
  std::function<void(std::string)> on_text{};
  std::function<void(Error)> on_close{};
};

}  // namespace shared::httpd
