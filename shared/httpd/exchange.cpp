#include "shared/httpd/exchange.h"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "shared/httpd/wire.h"

namespace shared::httpd {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::size_t kMaxHeadBytes = 256 * 1024;
constexpr std::size_t kMaxIdleConnections = 8;
// Less than the 60 to 75 seconds after which common servers close.
constexpr Millis kMaxIdleTime{50'000};

bool is_idempotent(std::string_view method) {
  static constexpr std::array<std::string_view, 6> kMethods = {"GET",    "HEAD",    "PUT",
                                                               "DELETE", "OPTIONS", "TRACE"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

}  // namespace

struct ConnectionPool::Idle {
  Idle(Socket with, IoLoop& loop) : socket(std::move(with)), deadline(loop, [this] { expire(); }) {}
  void expire() {
    if (const auto owner = pool.lock()) owner->drop(self.lock());
  }
  Socket socket;
  std::weak_ptr<ConnectionPool> pool;
  std::weak_ptr<Idle> self;
  Deadline deadline;
};

std::optional<Socket> ConnectionPool::take() {
  while (!idle_.empty()) {
    const auto idle = std::move(idle_.back());
    idle_.pop_back();
    idle->deadline.clear();
    ErrorCode ignored;
    idle->socket.cancel(ignored);  // ends the watch below
    if (is_quiet(idle->socket.native_handle())) return std::move(idle->socket);
    idle->socket.close(ignored);
  }
  return std::nullopt;
}

void ConnectionPool::give(Socket socket) {
  if (closed_) return;
  if (idle_.size() >= kMaxIdleConnections) drop(std::shared_ptr(idle_.front()));
  auto idle = std::make_shared<Idle>(std::move(socket), loop);
  idle->pool = weak_from_this();
  idle->self = idle;
  idle->deadline.set(kMaxIdleTime);
  // A peer that closes, or sends what nobody asked for, ends the keeping.
  idle->socket.async_wait(Socket::wait_read, [idle](ErrorCode error) {
    if (!error) idle->expire();
  });
  idle_.push_back(std::move(idle));
}

void ConnectionPool::close() {
  closed_ = true;
  for (const auto& idle : std::exchange(idle_, {})) drop(idle);
}

void ConnectionPool::drop(const std::shared_ptr<Idle>& idle) {
  if (!idle) return;
  std::erase(idle_, idle);
  idle->deadline.clear();
  ErrorCode ignored;
  idle->socket.close(ignored);
}

Exchange::Exchange(std::shared_ptr<ConnectionPool> pool, http::Request request, CallOptions options,
                   Done done)
    : pool_(std::move(pool)),
      request_(std::move(request)),
      options_(std::make_shared<const CallOptions>(std::move(options))),
      done_(std::move(done)),
      deadline_(pool_->loop, [this] {
        fail(Error("timeout",
                   what() + ": no answer within " + std::to_string(options_->timeout.count()) + " ms",
                   Blame::kTarget));
      }) {}

void Exchange::start() {
  if (!options_) return;
  auto head = request_head(request_, host_header(pool_->to));
  if (!head) return finish(head.error());
  head_ = std::move(*head);
  if (options_->timeout.count() > 0) deadline_.set(options_->timeout);
  connect(Source::kKeptOrFresh);
}

void Exchange::abandon() {
  if (!options_) return;
  const auto self = shared_from_this();
  const Done dropped = std::exchange(done_, nullptr);
  const auto options = std::exchange(options_, nullptr);
  deadline_.clear();
  disconnect();
}

void Exchange::connect(Source source) {
  head_seen_ = false;
  got_bytes_ = false;
  response_ = http::Response();
  if (source == Source::kKeptOrFresh) {
    if (auto kept = pool_->take()) {
      reused_ = true;
      return send(std::move(*kept));
    }
  }
  reused_ = false;
  dial_ = Dial::start(pool_->loop, pool_->to, options_->connect_timeout,
                      [self = shared_from_this()](Result<Socket> socket) {
                        self->dial_.reset();
                        if (!socket) return self->fail(socket.error());
                        self->send(std::move(*socket));
                      });
}

void Exchange::send(Socket socket) {
  connection_ = std::make_shared<Connection>(std::move(socket));
  parser_.emplace(kMaxHeadBytes);
  if (request_.method == "HEAD") parser_->skip(true);
  const std::array<asio::const_buffer, 2> buffers = {asio::buffer(head_), asio::buffer(request_.body)};
  // A failed write is no verdict: the answer may have come before the request was taken whole. Reading tells.
  asio::async_write(connection_->socket, buffers,
                    [self = shared_from_this(), connection = connection_](ErrorCode error, std::size_t) {
                      if (!error) connection->writing = false;
                    });
  read_some();
}

void Exchange::read_some() {
  connection_->socket.async_read_some(
      connection_->in.prepare(kReadBytes),
      [self = shared_from_this(), connection = connection_](ErrorCode error, std::size_t size) {
        if (self->connection_ == connection) self->on_read(error, size);
      });
}

void Exchange::on_read(ErrorCode error, std::size_t size) {
  if (error == asio::error::eof) return on_eof();
  if (error) return lost(error.message());
  got_bytes_ = true;
  connection_->in.commit(size);
  feed();
}

void Exchange::on_eof() {
  beast::error_code error;
  if (!parser_->got_some() || !parser_->is_header_done()) return lost("the peer closed the connection");
  parser_->put_eof(error);
  if (error) return lost("the peer closed the connection in the middle of the answer");
  if (take_body()) complete();
}

void Exchange::feed() {
  for (;;) {
    auto& in = connection_->in;
    if (in.size() == 0) return read_some();
    beast::error_code error;
    in.consume(parser_->put(in.cdata(), error));
    const bool need_more = error == beast::http::error::need_more;
    if (error && !need_more) return fail(Error("malformed", what() + ": " + error.message(), Blame::kTarget));
    if (!on_progress()) return;
    if (!parser_) {  // an interim answer is over
      parser_.emplace(kMaxHeadBytes);
      if (request_.method == "HEAD") parser_->skip(true);
      continue;
    }
    if (parser_->is_done()) return complete();
    if (need_more && in.size() >= kMaxHeadBytes) {
      return fail(Error("malformed", what() + ": the head or a trailer is too long", Blame::kTarget));
    }
    if (need_more) return read_some();
  }
}

// Passes on what the parser has found. False if the call ended, by error or by its owner.
bool Exchange::on_progress() {
  if (!parser_->is_header_done()) return true;
  if (!head_seen_) {
    http::Response& head = parser_->response();
    if (head.status < 200) {
      if (head.status == 101) {
        fail(Error("malformed", what() + ": the answer switches protocols unasked", Blame::kTarget));
        return false;
      }
      parser_.reset();
      return true;
    }
    head_seen_ = true;
    response_.status = head.status;
    response_.headers = head.headers;
    streaming_ = options_->on_chunk && head.status < 300;
    const auto options = options_;
    if (options->on_head) options->on_head(response_);
    if (!options_) return false;
  }
  return take_body();
}

bool Exchange::take_body() {
  std::string& body = parser_->response().body;
  if (streaming_) {
    if (body.empty()) return true;
    const auto options = options_;
    const std::string chunk = std::exchange(body, {});
    options->on_chunk(chunk);
    return options_ != nullptr;
  }
  if (body.size() <= options_->max_body_bytes) return true;
  fail(Error("too_large",
             what() + ": the body is longer than " + std::to_string(options_->max_body_bytes) + " bytes",
             Blame::kTarget));
  return false;
}

void Exchange::complete() {
  response_.body = std::move(parser_->response().body);
  // An answer that overtook its request leaves the connection in the middle of that request.
  if (parser_->keep_alive() && !connection_->writing && connection_->in.size() == 0) {
    pool_->give(std::move(connection_->socket));
    connection_.reset();
  }
  finish(std::move(response_));
}

void Exchange::lost(const std::string& why) {
  if (reused_ && !got_bytes_ && is_idempotent(request_.method)) {
    disconnect();
    return connect(Source::kFresh);
  }
  const Retry retry = reused_ && !got_bytes_ ? Retry::kOnlyIfReused : Retry::kNo;
  finish(Error("closed", what() + ": " + why, Blame::kTarget, retry));
}

void Exchange::fail(Error error) { finish(std::move(error)); }

void Exchange::finish(Result<http::Response> result) {
  const auto self = shared_from_this();
  deadline_.clear();
  disconnect();
  const auto options = std::exchange(options_, nullptr);
  if (const Done done = std::exchange(done_, nullptr)) done(std::move(result));
}

void Exchange::disconnect() {
  if (const auto dial = std::exchange(dial_, {}).lock()) dial->cancel();
  if (!connection_) return;
  ErrorCode ignored;
  std::exchange(connection_, nullptr)->socket.close(ignored);
}

std::string Exchange::what() const {
  return request_.method + " " + std::string(request_.path()) + " from " + net::to_string(pool_->to);
}

}  // namespace shared::httpd
