#include "shared/httpd/session.h"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <utility>
#include <variant>

#include "shared/log/log.h"

namespace shared::httpd {
namespace {

constexpr std::size_t kRequestReadBytes = 16 * 1024;
// Bytes of an answer handed to the kernel at once; progress moves the deadline.
constexpr std::size_t kWriteBytes = 256 * 1024;
// How long and how much we go on reading after the last answer. Closing with unread bytes makes the kernel
// send a reset, which can destroy the answer on its way (RFC 9112 section 9.6).
constexpr Millis kLingerTime{2'000};
constexpr std::size_t kLingerBytes = 4 * 1024 * 1024;
// A WebSocket key is 16 bytes in base64 (RFC 6455 section 4.1).
constexpr std::size_t kWebSocketKeyChars = 24;
// Between two lines of the log that say that the server is full.
constexpr Millis kComplaintPause{60'000};

class Streamed final : public BodyStream {
 public:
  explicit Streamed(std::weak_ptr<Session> session) : session_(std::move(session)) {}
  ~Streamed() override {
    if (const auto session = session_.lock()) session->end_stream();
  }
  void send(std::string bytes) override {
    if (const auto session = session_.lock()) session->send_streamed(std::move(bytes));
  }
  std::size_t waiting() const override {
    const auto session = session_.lock();
    return session ? session->waiting() : 0;
  }

 private:
  std::weak_ptr<Session> session_;
};

class ReplyState final : public Reply::State {
 public:
  explicit ReplyState(std::weak_ptr<Session> session) : session_(std::move(session)) {}
  ~ReplyState() override {
    if (!sent_) send(http::make_response(500, "text/plain", "the request was not answered\n"));
  }
  void send(http::Response response) override {
    sent_ = true;
    if (const auto session = session_.lock()) session->respond(std::move(response));
  }
  std::unique_ptr<BodyStream> stream(http::Response head, StreamHandlers handlers) override {
    sent_ = true;
    if (const auto session = session_.lock()) session->begin_stream(std::move(head), std::move(handlers));
    return std::make_unique<Streamed>(session_);
  }

 private:
  std::weak_ptr<Session> session_;
  bool sent_ = false;
};

http::Response plain(int status) {
  return http::make_response(status, "text/plain", std::string(http::reason_phrase(status)) + "\n");
}

// Counts one more until it is dropped.
std::shared_ptr<void> count_in(const ServerCore::Count& count) {
  ++*count;
  return {nullptr, [count](void*) { --*count; }};
}

std::string text_of(int status, const ServerLimits& limits, std::size_t max_body) {
  switch (status) {
    case 408:
      return "The request was not received within " + std::to_string(limits.idle_timeout.count()) + " ms.";
    case 413:
      return "The body of the request is larger than " + std::to_string(max_body) + " bytes.";
    case 417:
      return "The only expectation that is met is 100-continue.";
    case 426:
      return "This takes a WebSocket of version 13.";
    case 431:
      return "The head of the request is larger than " + std::to_string(limits.max_head_bytes) + " bytes.";
    default:
      return "This is not an HTTP/1.1 request, or one that can be read in more than one way.";
  }
}

// By the server's Refuser, which may destroy the server.
http::Response worded(const ServerCore& core, int status, const std::string& text,
                      const http::Request& head) {
  const auto refuser = core.refuser;
  return refuser && *refuser ? (*refuser)(status, text, head) : plain(status);
}

}  // namespace

http::Response too_many(ServerCore& core, Full full, const http::Request& head) {
  const std::string what = full == Full::kConnections ? "connections" : "websockets";
  if (core.loop.now() >= core.next_complaint) {
    core.next_complaint = core.loop.now() + kComplaintPause;
    log::warn("server_full",
              {{"too_many", what}, {"connections", *core.open}, {"websockets", *core.websockets}});
  }
  http::Response response =
      worded(core, 503, "There are too many " + what + "; try again in a moment.", head);
  response.headers.set("Retry-After", std::to_string(kRetryAfter.count() / 1000));
  return response;
}

Session::Session(std::shared_ptr<ServerCore> core, Socket socket, net::Endpoint peer, Seat seat)
    : core_(std::move(core)),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      slot_(count_in(seat == Seat::kTaken ? core_->open : core_->unseated)),
      seat_(seat),
      deadline_(core_->loop, [this] { on_deadline(); }) {}

void Session::start() {
  core_->sessions.insert(shared_from_this());
  begin_request();
}

void Session::begin_request() {
  state_ = State::kReading;
  parser_.emplace(core_->limits.max_head_bytes, core_->limits.max_body_bytes, core_->limits.larger_body);
  request_begun_ = false;
  continue_sent_ = false;
  answer_to_ = AnswerTo{};
  deadline_.set(patience());
  feed();
}

void Session::feed() {
  for (;;) {
    const auto buffered = in_.cdata();
    const std::string_view bytes(static_cast<const char*>(buffered.data()), buffered.size());
    // RFC 9112 section 2.2: an empty line before a request is skipped.
    if (!parser_->got_some() && bytes.starts_with("\r\n")) {
      in_.consume(2);
      continue;
    }
    if (bytes.empty() || (!parser_->got_some() && bytes == "\r")) return read_some();
    if (!std::exchange(request_begun_, true)) deadline_.set(patience());

    beast::error_code error;
    in_.consume(parser_->put(in_.cdata(), error));
    if (error && error != beast::http::error::need_more) return refuse(parser_->refusal(error));
    if (seat_ == Seat::kNone && parser_->is_header_done() && !wants_websocket()) {
      take_seat();
      if (seat_ == Seat::kNone) return refuse_with(too_many(*core_, Full::kConnections, parser_->request()));
    }
    if (error) {
      // Trailers and chunk extensions have no limit of their own.
      if (in_.size() >= core_->limits.max_head_bytes) return refuse(parser_->is_header_done() ? 400 : 431);
      return read_some();
    }
    if (parser_->is_done()) return on_request();
    if (in_.size() == 0 && parser_->expects_continue() && !std::exchange(continue_sent_, true)) {
      return send_continue();
    }
  }
}

void Session::read_some() {
  socket_.async_read_some(
      in_.prepare(kRequestReadBytes),
      [self = shared_from_this()](ErrorCode error, std::size_t size) { self->on_read(error, size); });
}

void Session::on_read(ErrorCode error, std::size_t size) {
  if (state_ != State::kReading) return;
  if (error) return close();
  in_.commit(size);
  feed();
}

void Session::send_continue() {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(socket_, asio::buffer(kContinue),
                    [self = shared_from_this()](ErrorCode error, std::size_t) {
                      if (self->state_ != State::kReading) return;
                      if (error) return self->close();
                      self->read_some();
                    });
}

void Session::on_request() {
  const auto self = shared_from_this();
  http::Request& request = parser_->request();
  request.peer = peer_;
  answer_to_.head_method = request.method == "HEAD";
  answer_to_.http10 = parser_->http10();
  answer_to_.keep_alive = parser_->keep_alive() ? KeepAlive::kYes : KeepAlive::kNo;
  state_ = State::kHandling;
  deadline_.clear();
  if (wants_websocket()) return offer_upgrade(core_->acceptor);
  const auto handler = core_->handler;
  (*handler)(std::move(request), Reply(std::make_unique<ReplyState>(weak_from_this())));
}

// One that has become free meanwhile.
void Session::take_seat() {
  if (*core_->open >= core_->limits.max_connections) return;
  slot_ = count_in(core_->open);
  seat_ = Seat::kTaken;
  deadline_.set(patience());
}

Millis Session::patience() const {
  const Millis usual = core_->limits.idle_timeout;
  return seat_ == Seat::kTaken ? usual : std::min(usual, core_->limits.unseated_timeout);
}

bool Session::wants_websocket() {
  // "Upgrade: h2c" and others are offers that may be ignored (RFC 9110 section 7.8).
  const http::Headers& headers = parser_->request().headers;
  return parser_->upgrade() && !parser_->http10() &&
         has_token(headers.get("Upgrade").value_or(""), "websocket");
}

// By value: the acceptor may destroy the server that is asking it.
void Session::offer_upgrade(std::shared_ptr<const Server::Acceptor> acceptor) {
  const http::Request& request = parser_->request();
  if (!acceptor || !*acceptor) return respond(refusal(426));
  if (request.headers.get("Sec-WebSocket-Version") != "13") {
    http::Response response = refusal(426);
    response.headers.add("Sec-WebSocket-Version", "13");
    return respond(std::move(response));
  }
  const bool bad_key = request.headers.get("Sec-WebSocket-Key").value_or("").size() != kWebSocketKeyChars;
  // A client must not send frames before it is accepted, and a GET has no body.
  if (request.method != "GET" || bad_key || in_.size() > 0 || !request.body.empty()) return refuse(400);
  if (*core_->websockets >= core_->limits.max_websockets)
    return refuse_with(too_many(*core_, Full::kWebSockets, request));

  auto verdict = (*acceptor)(request);
  if (state_ != State::kHandling) return;  // the acceptor destroyed the server
  if (auto* refusal = std::get_if<http::Response>(&verdict)) return respond(std::move(*refusal));
  // Not each time: that would make the return of all hosts quadratic.
  if (core_->upgraded.size() > 2 * *core_->websockets)
    std::erase_if(core_->upgraded, [](const auto& weak) { return weak.expired(); });
  core_->upgraded.push_back(accept_websocket(core_->loop, std::move(socket_), request,
                                             std::get<WebSocketHandlers>(std::move(verdict)),
                                             count_in(core_->websockets)));
  close();
}

void Session::refuse(int status) { refuse_with(refusal(status)); }

void Session::refuse_with(http::Response response) {
  if (state_ == State::kClosed) return;  // the refuser destroyed the server
  answer_to_.keep_alive = KeepAlive::kNo;
  answer_to_.head_method = parser_->request().method == "HEAD";
  write(std::move(response));
}

http::Response Session::refusal(int status) {
  return worded(*core_, status, text_of(status, core_->limits, parser_->max_body()), parser_->request());
}

void Session::respond(http::Response response) {
  if (state_ != State::kHandling) return;
  if (seat_ == Seat::kNone || has_token(response.headers.get("Connection").value_or(""), "close"))
    answer_to_.keep_alive = KeepAlive::kNo;
  write(std::move(response));
}

void Session::write(http::Response response) {
  state_ = State::kWriting;
  response_ = std::move(response);
  head_ = response_head(response_, answer_to_, core_->loop.wall_now());
  std::array<asio::const_buffer, 2> buffers = {asio::buffer(head_), asio::const_buffer()};
  if (sends_body(response_, answer_to_)) buffers[1] = asio::buffer(response_.body);
  const auto progress = [this](ErrorCode error, std::size_t) -> std::size_t {
    if (error || state_ != State::kWriting) return 0;
    deadline_.set(patience());
    return kWriteBytes;
  };
  asio::async_write(socket_, buffers, progress, [self = shared_from_this()](ErrorCode error, std::size_t) {
    if (self->state_ != State::kWriting) return;
    if (error) return self->close();
    self->response_ = http::Response();
    if (self->answer_to_.keep_alive == KeepAlive::kNo) return self->linger();
    self->begin_request();
  });
}

void Session::begin_stream(http::Response head, StreamHandlers handlers) {
  if (state_ != State::kHandling) return;
  answer_to_.keep_alive = KeepAlive::kNo;
  answer_to_.streamed = true;
  state_ = State::kStreaming;
  stream_ = std::move(handlers);
  waiting_ = response_head(head, answer_to_, core_->loop.wall_now());
  in_.clear();
  watch_client();
  write_streamed();
}

void Session::send_streamed(std::string bytes) {
  if (state_ != State::kStreaming || ending_) return;
  waiting_ += bytes;
  write_streamed();
}

void Session::end_stream() {
  if (state_ != State::kStreaming || ending_) return;
  ending_ = true;
  stream_ = {};
  if (waiting() == 0) linger();
}

void Session::write_streamed() {
  if (!sending_.empty() || waiting_.empty()) return;
  sending_ = std::exchange(waiting_, {});
  deadline_.set(patience());
  const auto progress = [this](ErrorCode error, std::size_t) -> std::size_t {
    if (error || state_ != State::kStreaming) return 0;
    deadline_.set(patience());
    return kWriteBytes;
  };
  asio::async_write(socket_, asio::buffer(sending_), progress,
                    [self = shared_from_this()](ErrorCode error, std::size_t) {
                      if (self->state_ != State::kStreaming) return;
                      if (error) return self->close();
                      self->sending_.clear();
                      self->deadline_.clear();
                      if (!self->waiting_.empty()) return self->write_streamed();
                      if (self->ending_) return self->linger();
                      if (const auto taken = self->stream_.taken) taken();
                    });
}

// A client of a stream has nothing more to say; what it says is not kept.
void Session::watch_client() {
  in_.clear();
  socket_.async_read_some(in_.prepare(kRequestReadBytes),
                          [self = shared_from_this()](ErrorCode error, std::size_t size) {
                            if (self->state_ != State::kStreaming) return;
                            self->discarded_ += size;
                            if (error || self->discarded_ > kLingerBytes) return self->close();
                            self->watch_client();
                          });
}

void Session::linger() {
  state_ = State::kLingering;
  ErrorCode error;
  socket_.shutdown(Socket::shutdown_send, error);
  if (error) return close();
  deadline_.set(kLingerTime);
  if (answer_to_.streamed) socket_.cancel(error);  // the read of watch_client
  discard();
}

void Session::discard() {
  in_.clear();
  socket_.async_read_some(in_.prepare(kRequestReadBytes),
                          [self = shared_from_this()](ErrorCode error, std::size_t size) {
                            if (self->state_ != State::kLingering) return;
                            self->discarded_ += size;
                            if (error || self->discarded_ > kLingerBytes) return self->close();
                            self->discard();
                          });
}

void Session::on_deadline() {
  const auto self = shared_from_this();
  if (state_ != State::kReading || (!request_begun_ && seat_ == Seat::kTaken)) return close();
  // A read is still waiting; its handler finds the state changed.
  ErrorCode ignored;
  socket_.cancel(ignored);
  if (seat_ == Seat::kNone) return refuse_with(too_many(*core_, Full::kConnections, parser_->request()));
  refuse(408);
}

void Session::close() {
  if (state_ == State::kClosed) return;
  core_->sessions.erase(shared_from_this());
  abort();
}

void Session::abort() {
  state_ = State::kClosed;
  deadline_.clear();
  slot_.reset();
  ErrorCode ignored;
  socket_.close(ignored);
  if (const auto closed = std::exchange(stream_, {}).closed) closed();
}

}  // namespace shared::httpd
