#include "shared/httpd/websocket_session.h"

#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <deque>
#include <optional>
#include <utility>

#include "shared/base/text.h"
#include "shared/httpd/deadline.h"

namespace shared::httpd {
namespace {

namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;

constexpr std::chrono::seconds kHandshakeTimeout{10};
// A silent peer is pinged at half of this and given up at the whole.
constexpr std::chrono::seconds kIdleTimeout{60};
// For the peer's answer to our close frame, with what was queued before it.
constexpr Millis kCloseTimeout{5'000};
constexpr std::size_t kWriteBufferBytes = 64 * 1024;  // a masked frame goes out in pieces of this size
constexpr std::size_t kKeptBufferBytes = 256 * 1024;  // a larger read buffer is freed after its message
constexpr std::size_t kMaxCloseReason = 123;          // RFC 6455 section 5.5

constexpr int kServerErrors = 500;  // statuses from here on say nothing against the request
constexpr unsigned short kGoingAway = 1001;
constexpr unsigned short kUnknownData = 1003;
constexpr unsigned short kTooBig = 1009;
constexpr unsigned short kTryAgainLater = 1013;

enum class Side { kServer, kClient };

class WsSession final : public WebSocketControl, public std::enable_shared_from_this<WsSession> {
 public:
  WsSession(IoLoop& loop, Socket socket, Side side, std::string peer, WebSocketHandlers handlers,
            std::shared_ptr<void> slot)
      : side_(side),
        peer_(std::move(peer)),
        handlers_(std::make_shared<const WebSocketHandlers>(std::move(handlers))),
        slot_(std::move(slot)),
        stream_(std::move(socket)),
        deadline_(loop, [this] { finish(*cause_); }) {
    stream_.set_option(websocket::stream_base::timeout{kHandshakeTimeout, kIdleTimeout, true});
    stream_.read_message_max(WebSocket::kMaxMessageBytes);
    stream_.auto_fragment(false);
    stream_.write_buffer_bytes(kWriteBufferBytes);
    stream_.text(true);
  }

  void accept(const http::Request& request, std::string date);
  void connect(const http::Request& request);
  void send(std::string text);
  void close(unsigned short code, std::string reason) {
    close_with(code, reason, Error("closed", "closed here with " + std::to_string(code) + ": " + reason));
  }
  void go_away() override;
  void abandon() override;

 private:
  void on_opened(beast::error_code error);
  void read();
  void on_read(beast::error_code error);
  void write_next();
  void on_written(beast::error_code error);
  void close_with(unsigned short code, const std::string& reason, Error cause);
  void start_close();
  void finish(const Error& error);
  Error explain(beast::error_code error) const;

  Side side_;
  std::string peer_;
  std::shared_ptr<const WebSocketHandlers> handlers_;  // null: nobody is to be called any more
  std::shared_ptr<void> slot_;
  websocket::stream<Socket, false> stream_;
  websocket::request_type upgrade_;
  websocket::response_type answer_;
  beast::flat_buffer in_;
  std::deque<std::string> queue_;  // the front is being written while writing_
  std::size_t queued_bytes_ = 0;
  websocket::close_reason goodbye_;
  std::optional<Error> cause_;  // why we are ending it; set before deadline_ is
  bool opened_ = false;
  bool writing_ = false;
  bool broken_ = false;   // a write failed; the read will tell why
  bool closing_ = false;  // by us
  bool finished_ = false;
  Deadline deadline_;
};

class Handle final : public WebSocket {
 public:
  explicit Handle(std::weak_ptr<WsSession> session) : session_(std::move(session)) {}
  void send(std::string text) override {
    if (const auto session = session_.lock()) session->send(std::move(text));
  }
  void close(unsigned short code, std::string reason) override {
    if (const auto session = session_.lock()) session->close(code, std::move(reason));
  }

 private:
  std::weak_ptr<WsSession> session_;
};

void WsSession::accept(const http::Request& request, std::string date) {
  // Rebuilt from checked parts, since Beast's fields throw on what they cannot hold.
  namespace bh = beast::http;
  upgrade_.method(bh::verb::get);
  upgrade_.target("/");
  upgrade_.version(11);
  upgrade_.set(bh::field::host, "localhost");
  upgrade_.set(bh::field::upgrade, "websocket");
  upgrade_.set(bh::field::connection, "Upgrade");
  const std::string_view key = request.headers.get("Sec-WebSocket-Key").value_or("");
  upgrade_.set(bh::field::sec_websocket_key, beast::string_view(key.data(), key.size()));
  upgrade_.set(bh::field::sec_websocket_version, "13");
  stream_.set_option(
      websocket::stream_base::decorator([date = std::move(date)](websocket::response_type& response) {
        response.set(beast::http::field::server, "berth");
        response.set(beast::http::field::date, date);
      }));
  stream_.async_accept(upgrade_,
                       [self = shared_from_this()](beast::error_code error) { self->on_opened(error); });
}

void WsSession::connect(const http::Request& request) {
  const std::string host(request.headers.get("Host").value_or("localhost"));
  stream_.set_option(
      websocket::stream_base::decorator([headers = request.headers](websocket::request_type& upgrade) {
        for (const auto& [name, value] : headers.fields()) {
          const bool ours = upgrade.count(name) > 0 && !http::equals_ignoring_case(name, "User-Agent");
          if (!ours) upgrade.insert(name, value);
        }
      }));
  stream_.async_handshake(answer_, host, request.target,
                          [self = shared_from_this()](beast::error_code error) { self->on_opened(error); });
}

void WsSession::on_opened(beast::error_code error) {
  if (finished_) return;
  if (error == websocket::error::upgrade_declined) {
    const int status = static_cast<int>(answer_.result_int());
    return finish(
        Error("refused",
              std::to_string(status) + " " + std::string(http::reason_phrase(status)) + ": " + answer_.body(),
              Blame::kTarget, status >= kServerErrors ? Retry::kYes : Retry::kNo));
  }
  if (error) return finish(explain(error));
  opened_ = true;
  answer_ = {};
  const auto handlers = handlers_;
  if (handlers && handlers->on_open) handlers->on_open(std::make_shared<Handle>(weak_from_this()));
  read();
}

void WsSession::read() {
  if (closing_ || finished_) return;
  stream_.async_read(
      in_, [self = shared_from_this()](beast::error_code error, std::size_t) { self->on_read(error); });
}

void WsSession::on_read(beast::error_code error) {
  if (finished_) return;
  if (error) return finish(closing_ ? *cause_ : explain(error));
  if (closing_) return in_.clear();  // the close operation reads the rest
  if (!stream_.got_text()) {
    return close_with(kUnknownData, "text only",
                      Error("malformed", peer_ + " sent a binary message", Blame::kTarget));
  }
  std::string text = beast::buffers_to_string(in_.cdata());
  if (in_.capacity() > kKeptBufferBytes) {
    in_ = beast::flat_buffer();
  } else {
    in_.clear();
  }
  const auto handlers = handlers_;
  if (handlers && handlers->on_text) handlers->on_text(std::move(text));
  read();
}

void WsSession::send(std::string text) {
  if (closing_ || finished_ || broken_) return;
  if (text.size() > WebSocket::kMaxMessageBytes) {
    return close_with(kTooBig, "message too big",
                      Error("too_large", "a message for " + peer_ + " is too big"));
  }
  if (queued_bytes_ + text.size() > WebSocket::kMaxQueuedBytes) {
    // What waits will not be read in time; only the frame that is half sent must go on.
    queue_.resize(writing_ ? 1 : 0);
    return close_with(kTryAgainLater, "too slow",
                      Error("too_slow", peer_ + " does not read fast enough", Blame::kTarget));
  }
  queued_bytes_ += text.size();
  queue_.push_back(std::move(text));
  if (!writing_) write_next();
}

void WsSession::write_next() {
  writing_ = true;
  stream_.async_write(
      asio::buffer(queue_.front()),
      [self = shared_from_this()](beast::error_code error, std::size_t) { self->on_written(error); });
}

void WsSession::on_written(beast::error_code error) {
  writing_ = false;
  queued_bytes_ -= queue_.front().size();
  queue_.pop_front();
  if (finished_) return;
  if (error && closing_) return finish(*cause_);
  if (error) {
    broken_ = true;
    cause_ = explain(error);
    deadline_.set(kCloseTimeout);
    return;
  }
  if (!queue_.empty()) return write_next();
  if (closing_) start_close();
}

void WsSession::close_with(unsigned short code, const std::string& reason, Error cause) {
  if (closing_ || finished_) return;
  closing_ = true;
  cause_ = std::move(cause);
  goodbye_.code = code;
  goodbye_.reason = shortened(reason, kMaxCloseReason);
  deadline_.set(kCloseTimeout);
  if (!writing_) start_close();
}

void WsSession::start_close() {
  stream_.async_close(goodbye_,
                      [self = shared_from_this()](beast::error_code) { self->finish(*self->cause_); });
}

void WsSession::go_away() {
  const auto dropped = std::exchange(handlers_, nullptr);
  if (!opened_) return finish(Error("closed", "closed here"));
  close_with(kGoingAway, "going away", Error("closed", "closed here"));
}

void WsSession::abandon() {
  if (opened_) return;
  const auto dropped = std::exchange(handlers_, nullptr);
  finish(Error("closed", "closed here"));
}

void WsSession::finish(const Error& error) {
  if (finished_) return;
  const auto self = shared_from_this();
  const Error cause = error;  // may be *cause_
  finished_ = true;
  deadline_.clear();
  slot_.reset();
  beast::error_code ignored;
  stream_.next_layer().close(ignored);
  const auto handlers = std::exchange(handlers_, nullptr);
  // A client is told of an attempt that failed; a server never heard of it.
  if (handlers && handlers->on_close && (opened_ || side_ == Side::kClient)) handlers->on_close(cause);
}

Error WsSession::explain(beast::error_code error) const {
  if (error == websocket::error::closed) {
    const auto& reason = stream_.reason();
    return Error("closed",
                 peer_ + " closed with " + std::to_string(reason.code) + ": " + reason.reason.c_str(),
                 Blame::kTarget);
  }
  if (error == beast::error::timeout) return Error("timeout", peer_ + " is silent", Blame::kTarget);
  if (error == websocket::error::message_too_big || error == websocket::error::buffer_overflow) {
    return Error("too_large", peer_ + " sent a message that is too big", Blame::kTarget);
  }
  const bool broke_rules = error == websocket::condition::protocol_violation ||
                           error == websocket::condition::handshake_failed ||
                           error.category() == make_error_code(beast::http::error::bad_method).category();
  if (broke_rules && error != beast::http::error::end_of_stream) {
    return Error("malformed", peer_ + ": " + error.message(), Blame::kTarget);
  }
  return Error("lost", "connection with " + peer_ + ": " + error.message(), Blame::kTarget);
}

}  // namespace

std::shared_ptr<WebSocketControl> accept_websocket(IoLoop& loop, Socket socket, const http::Request& request,
                                                   WebSocketHandlers handlers, std::shared_ptr<void> slot) {
  auto session =
      std::make_shared<WsSession>(loop, std::move(socket), Side::kServer, net::to_string(request.peer),
                                  std::move(handlers), std::move(slot));
  session->accept(request, http::http_date(loop.wall_now()));
  return session;
}

std::shared_ptr<WebSocketControl> connect_websocket(IoLoop& loop, Socket socket, const http::Request& request,
                                                    std::string peer, WebSocketHandlers handlers) {
  auto session = std::make_shared<WsSession>(loop, std::move(socket), Side::kClient, std::move(peer),
                                             std::move(handlers), nullptr);
  session->connect(request);
  return session;
}

}  // namespace shared::httpd
