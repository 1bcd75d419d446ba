// HTTP/1.1 client for management calls: the engine's unix socket, control's API, registries. Idle connections
// are kept and reused. Thread: the IoLoop's; callbacks never run inside the call that started them.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>

#include "shared/base/result.h"
#include "shared/base/time.h"
#include "shared/http/message.h"
#include "shared/httpd/io_loop.h"
#include "shared/httpd/websocket.h"
#include "shared/net/endpoint.h"

namespace shared::httpd {

struct CallOptions {
  Millis connect_timeout{5'000};
  Millis timeout{30'000};                         // until the response is complete; 0 = none (event streams)
  std::size_t max_body_bytes = 64 * 1024 * 1024;  // of the collected body
  std::function<void(std::string_view)>
      on_chunk{};  // given: the body of a 2xx answer is streamed here, not collected
  std::function<void(const http::Response&)> on_head{};  // status and headers are there, body is not
};

// A running call. Dropping it cancels: the callback is then not called.
class Call {
 public:
  struct State {
    virtual ~State() = default;  // cancels
    virtual void detach() {}     // makes the destructor leave the call alone
  };
  Call() = default;
  explicit Call(std::unique_ptr<State> state) : state_(std::move(state)) {}
  void cancel() { state_.reset(); }
  // Lets the call go on without an owner; its callback must not refer to anything that can die before the
  // loop.
  void detach() {
    if (state_) state_->detach();
    state_.reset();
  }

 private:
  std::unique_ptr<State> state_;
};

class Client {
 public:
  // Dials `to` (TCP, host names allowed, or a unix socket). Host header is set by the caller or derived from
  // `to`.
  static std::unique_ptr<Client> create(IoLoop& loop, net::Endpoint to);
  virtual ~Client() = default;

  // Error codes: "connect" (blame target, retry yes: nothing was sent), "timeout", "closed", "too_large",
  // "malformed". A call on a reused connection that dies before any response byte is repeated once on a fresh
  // connection when the method is idempotent.
  [[nodiscard]] virtual Call request(http::Request request, CallOptions options,
                                     std::function<void(Result<http::Response>)> done) = 0;
  // Opens a websocket with the request's target and headers. A refusal (non-101) is on_close with code
  // "refused" and the response body in the text. The socket lives on its own; dropping the Call before
  // on_open cancels the attempt.
  [[nodiscard]] virtual Call websocket(http::Request request, WebSocketHandlers handlers) = 0;
};

}  // namespace shared::httpd
