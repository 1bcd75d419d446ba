// Serves HTTP/1.1 and websockets for management APIs, on TCP or a unix socket. Binds in listen(), stops in
// the destructor (open connections are closed). Not for the balancer's traffic (balancer/proxy). Thread: the
// IoLoop's. Keep-alive always; every answer has Date, and Content-Length unless it is a stream (AWS SDKs
// correct their clock by it).
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "shared/base/result.h"
#include "shared/base/time.h"
#include "shared/http/message.h"
#include "shared/httpd/io_loop.h"
#include "shared/httpd/websocket.h"
#include "shared/net/endpoint.h"

namespace shared::httpd {

// Connections beyond max_connections that are let in to say what they want. Those beyond get their 503
// unheard.
inline constexpr std::size_t kMaxUnseated = 256;
// Retry-After of a 503.
inline constexpr Millis kRetryAfter{5'000};

// Requests with this header, whose value begins with `prefix`, may have a larger body than others.
struct LargerBody {
  std::string header;  // "X-Amz-Target"
  std::string prefix;
  std::size_t bytes = 0;  // 0: there are none
};

struct ServerLimits {
  std::size_t max_body_bytes = 1024 * 1024;  // 413 beyond
  LargerBody larger_body = {};
  std::size_t max_head_bytes = 64 * 1024;  // 431 beyond
  // Open connections that are no websockets. A further one may still become a websocket; any other request
  // of it gets 503, and it is closed.
  std::size_t max_connections = 1024;
  // Websockets; a further upgrade gets 503. Two of each of 5,000 hosts, and balancers.
  std::size_t max_websockets = 12'000;
  Millis idle_timeout{65'000};     // between requests and while reading one
  Millis unseated_timeout{5'000};  // the same of a connection beyond max_connections
};

// A body that is sent as it comes, until this is dropped: the connection then ends with what was sent, as its
// client does by leaving. Thread: the IoLoop's.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  virtual void send(std::string bytes) = 0;  // nothing once the client has left
  // Bytes that the kernel has not taken yet. They are kept, so that whoever sends a lot looks here first; a
  // client that takes none of them for idle_timeout is given up.
  virtual std::size_t waiting() const = 0;
};
struct StreamHandlers {
  std::function<void()> taken;  // nothing is waiting any more
  // The client has left, or the server was stopped. May drop the stream.
  std::function<void()> closed;
};

// Answers one request exactly once, at once or later. Dropping it unsent answers 500. Move-only.
class Reply {
 public:
  struct State {
    virtual ~State() = default;
    virtual void send(http::Response response) = 0;
    virtual std::unique_ptr<BodyStream> stream(http::Response head, StreamHandlers handlers) = 0;
  };
  explicit Reply(std::unique_ptr<State> state) : state_(std::move(state)) {}
  void send(http::Response response) {
    if (state_) state_->send(std::move(response));
    state_.reset();
  }
  // Begins an answer of unknown length; `head` has no body. Takes one of max_connections while it lasts. The
  // handlers are never called from in here.
  std::unique_ptr<BodyStream> stream(http::Response head, StreamHandlers handlers) {
    return std::exchange(state_, nullptr)->stream(std::move(head), std::move(handlers));
  }

 private:
  std::unique_ptr<State> state_;
};

class Server {
 public:
  using Handler = std::function<void(http::Request, Reply)>;
  // Asked for every upgrade request: handlers to accept, a response to refuse. Without one, 426.
  using Acceptor = std::function<std::variant<WebSocketHandlers, http::Response>(const http::Request&)>;

  // Words what the server itself refuses: 400 (unreadable), 408, 413, 417, 426, 431, 503 (too many
  // connections or websockets). `head` is what was read of the request, of one that was not heard nothing.
  // Without one the answer is the status' phrase as plain text.
  using Refuser =
      std::function<http::Response(int status, const std::string& text, const http::Request& head)>;

  // Errors: "address_in_use", "bind", "listen" with the endpoint in the text. Port 0 is fine, see endpoint().
  static Result<std::unique_ptr<Server>> listen(IoLoop& loop, const net::Endpoint& at, ServerLimits limits,
                                                Handler handler, Acceptor acceptor = nullptr,
                                                Refuser refuser = nullptr);
  virtual ~Server() = default;
  virtual net::Endpoint endpoint() const = 0;
};

}  // namespace shared::httpd
