#include "shared/httpd/client.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "shared/httpd/exchange.h"
#include "shared/httpd/websocket_session.h"
#include "shared/httpd/wire.h"

namespace shared::httpd {
namespace {

// Websocket attempts have no options of their own.
constexpr Millis kWebSocketConnectTimeout{5'000};
// Of an upgrade request; Beast's fields throw when one of them has more than 64 KiB.
constexpr std::size_t kMaxUpgradeHeadBytes = 32 * 1024;

class ExchangeHandle final : public Call::State {
 public:
  explicit ExchangeHandle(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  ~ExchangeHandle() override {
    if (exchange_) exchange_->abandon();
  }
  void detach() override { exchange_.reset(); }

 private:
  std::shared_ptr<Exchange> exchange_;
};

// From the dial to the opened websocket.
class Attempt : public std::enable_shared_from_this<Attempt> {
 public:
  Attempt(IoLoop& loop, net::Endpoint to, http::Request request, WebSocketHandlers handlers)
      : loop_(loop), to_(std::move(to)), request_(std::move(request)), handlers_(std::move(handlers)) {}

  void start() {
    if (abandoned_) return;
    if (auto checked = check_request(request_); !checked) return fail(checked.error());
    std::size_t bytes = request_.target.size();
    for (const auto& [name, value] : request_.headers.fields()) bytes += name.size() + value.size();
    if (bytes > kMaxUpgradeHeadBytes)
      return fail(Error("malformed", "the head of the upgrade request is too long"));
    if (!request_.headers.get("Host")) request_.headers.set("Host", host_header(to_));
    dial_ =
        Dial::start(loop_, to_, kWebSocketConnectTimeout, [self = shared_from_this()](Result<Socket> socket) {
          self->dial_.reset();
          if (!socket) return self->fail(socket.error());
          self->session_ = connect_websocket(self->loop_, std::move(*socket), self->request_,
                                             net::to_string(self->to_), std::exchange(self->handlers_, {}));
        });
  }

  void abandon() {
    abandoned_ = true;
    const auto dropped = std::exchange(handlers_, {});
    if (const auto dial = std::exchange(dial_, {}).lock()) dial->cancel();
    if (const auto session = session_.lock()) session->abandon();
  }

 private:
  void fail(const Error& error) {
    const auto handlers = std::exchange(handlers_, {});
    if (handlers.on_close) handlers.on_close(error);
  }

  IoLoop& loop_;
  net::Endpoint to_;
  http::Request request_;
  WebSocketHandlers handlers_;
  std::weak_ptr<Dial> dial_;  // weak: a pending dial owns us
  std::weak_ptr<WebSocketControl> session_;
  bool abandoned_ = false;
};

class AttemptHandle final : public Call::State {
 public:
  explicit AttemptHandle(std::shared_ptr<Attempt> attempt) : attempt_(std::move(attempt)) {}
  ~AttemptHandle() override {
    if (attempt_) attempt_->abandon();
  }
  void detach() override { attempt_.reset(); }

 private:
  std::shared_ptr<Attempt> attempt_;
};

class ClientImpl final : public Client {
 public:
  ClientImpl(IoLoop& loop, net::Endpoint to) : pool_(std::make_shared<ConnectionPool>(loop, std::move(to))) {}
  ~ClientImpl() override { pool_->close(); }

  Call request(http::Request request, CallOptions options,
               std::function<void(Result<http::Response>)> done) override {
    auto exchange =
        std::make_shared<Exchange>(pool_, std::move(request), std::move(options), std::move(done));
    asio::post(pool_->loop.impl().context, [exchange] { exchange->start(); });
    return Call(std::make_unique<ExchangeHandle>(std::move(exchange)));
  }

  Call websocket(http::Request request, WebSocketHandlers handlers) override {
    auto attempt = std::make_shared<Attempt>(pool_->loop, pool_->to, std::move(request), std::move(handlers));
    asio::post(pool_->loop.impl().context, [attempt] { attempt->start(); });
    return Call(std::make_unique<AttemptHandle>(std::move(attempt)));
  }

 private:
  std::shared_ptr<ConnectionPool> pool_;
};

}  // namespace

std::unique_ptr<Client> Client::create(IoLoop& loop, net::Endpoint to) {
  return std::make_unique<ClientImpl>(loop, std::move(to));
}

}  // namespace shared::httpd
