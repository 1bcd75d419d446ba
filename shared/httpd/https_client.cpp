#include "shared/httpd/https_client.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <optional>
#include <utility>

#include "shared/httpd/deadline.h"
#include "shared/httpd/dial.h"
#include "shared/httpd/parse.h"
#include "shared/httpd/socket.h"
#include "shared/httpd/wire.h"

namespace shared::httpd {
namespace {

namespace ssl = asio::ssl;

constexpr std::size_t kReadBytes = 16 * 1024;  // a TLS record
constexpr std::size_t kMaxHeadBytes = 64 * 1024;
constexpr Millis kDialGrace{1'000};

std::string last_reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* text = code != 0 ? ERR_reason_error_string(code) : nullptr;
  std::string out = text != nullptr ? text : "unknown";
  ERR_clear_error();
  return out;
}

// One call, from the look-up of the name to the end of the answer. Handlers that are under way own it and its
// connection; one that has ended has no `done_`.
class HttpsExchange : public std::enable_shared_from_this<HttpsExchange> {
 public:
  using Done = std::function<void(Result<http::Response>)>;

  HttpsExchange(IoLoop& loop, std::shared_ptr<ssl::context> context, net::HttpsUrl url, http::Request request,
                HttpsOptions options, Done done)
      : loop_(loop),
        context_(std::move(context)),
        url_(std::move(url)),
        request_(std::move(request)),
        options_(std::move(options)),
        done_(std::move(done)),
        deadline_(loop, [this] {
          fail("timeout", "no whole answer within " + std::to_string(options_.timeout.count()) + " ms");
        }) {}

  void start() {
    if (!done_) return;
    request_.target = url_.target;
    request_.headers.set("Host", url_.authority());
    request_.headers.set("Connection", "close");
    auto head = request_head(request_, "");
    if (!head) return finish(head.error());
    head_ = std::move(*head);
    deadline_.set(options_.timeout);
    // The dial's own limit comes later, so that it is the whole that is said to have taken too long.
    dial_ = Dial::start(loop_, url_.to, options_.timeout + kDialGrace,
                        [self = shared_from_this()](Result<Socket> socket) {
                          self->dial_.reset();
                          if (!socket) return self->finish(socket.error().within(self->what()));
                          self->shake_hands(std::move(*socket));
                        });
  }

  void abandon() {
    const auto self = shared_from_this();
    const Done dropped = std::exchange(done_, nullptr);
    disconnect();
  }

 private:
  struct Connection {
    Connection(Socket socket, ssl::context& context) : stream(std::move(socket), context) {}
    ssl::stream<Socket> stream;
    beast::flat_buffer in;
  };

  // Whom the certificate must name.
  bool expect_host(SSL* tls) const {
    const std::string& host = url_.to.address;
    X509_VERIFY_PARAM* const wanted = SSL_get0_param(tls);
    X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (net::is_ip_address(host)) return X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str()) == 1;
    return SSL_set_tlsext_host_name(tls, host.c_str()) == 1 &&
           X509_VERIFY_PARAM_set1_host(wanted, host.data(), host.size()) == 1;
  }

  void shake_hands(Socket socket) {
    connection_ = std::make_shared<Connection>(std::move(socket), *context_);
    if (!expect_host(connection_->stream.native_handle())) return fail("tls", last_reason());
    connection_->stream.async_handshake(
        ssl::stream_base::client, [self = shared_from_this(), connection = connection_](ErrorCode error) {
          if (self->connection_ != connection) return;
          if (error) return self->refused(error);
          self->send();
        });
  }

  void refused(ErrorCode error) {
    const long verdict = SSL_get_verify_result(connection_->stream.native_handle());
    fail("tls", verdict != X509_V_OK ? std::string("the server's certificate is refused: ") +
                                           X509_verify_cert_error_string(verdict)
                                     : error.message());
  }

  void send() {
    parser_.emplace(kMaxHeadBytes);
    if (request_.method == "HEAD") parser_->skip(true);
    const std::array<asio::const_buffer, 2> buffers = {asio::buffer(head_), asio::buffer(request_.body)};
    // A failed write is no verdict: the answer may have come before the request was taken whole.
    asio::async_write(connection_->stream, buffers,
                      [self = shared_from_this(), connection = connection_](ErrorCode, std::size_t) {});
    read_some();
  }

  void read_some() {
    connection_->stream.async_read_some(
        connection_->in.prepare(kReadBytes),
        [self = shared_from_this(), connection = connection_](ErrorCode error, std::size_t size) {
          if (self->connection_ == connection) self->on_read(error, size);
        });
  }

  void on_read(ErrorCode error, std::size_t size) {
    if (error == asio::error::eof) return on_eof();
    if (error) return fail("closed", error.message());
    connection_->in.commit(size);
    feed();
  }

  void on_eof() {
    beast::error_code error;
    if (!parser_->got_some() || !parser_->is_header_done()) return fail("closed", "closed without an answer");
    parser_->put_eof(error);
    if (error) return fail("closed", "closed in the middle of the answer");
    if (take_body()) finish(std::move(parser_->response()));
  }

  void feed() {
    auto& in = connection_->in;
    while (in.size() > 0) {
      beast::error_code error;
      in.consume(parser_->put(in.cdata(), error));
      const bool need_more = error == beast::http::error::need_more;
      if (error && !need_more) return fail("malformed", error.message());
      if (parser_->is_header_done() && parser_->response().status < 200) {
        if (parser_->response().status == 101) return fail("malformed", "switches protocols unasked");
        parser_.emplace(kMaxHeadBytes);
        if (request_.method == "HEAD") parser_->skip(true);
        continue;
      }
      if (!take_body()) return;
      if (parser_->is_done()) return finish(std::move(parser_->response()));
      if (need_more && in.size() >= kMaxHeadBytes) return fail("malformed", "a head that is too long");
      if (need_more) break;
    }
    read_some();
  }

  // False when the call is over: too long, or dropped by whom the bytes were given to.
  bool take_body() {
    if (!parser_->is_header_done()) return true;
    const bool head = !std::exchange(head_told_, true);
    if (head && options_.on_head) options_.on_head(parser_->response());
    if (!done_) return false;
    std::string& body = parser_->response().body;
    if (options_.on_chunk && parser_->response().status < 300) {
      const std::string chunk = std::exchange(body, {});
      if (!chunk.empty()) options_.on_chunk(chunk);
      return done_ != nullptr;
    }
    if (body.size() <= options_.max_body_bytes) return true;
    fail("too_large", "the body is longer than " + std::to_string(options_.max_body_bytes) + " bytes");
    return false;
  }

  void fail(const std::string& code, const std::string& why) {
    finish(Error(code, what() + ": " + why, Blame::kTarget));
  }

  void finish(Result<http::Response> result) {
    const auto self = shared_from_this();
    const Done done = std::exchange(done_, nullptr);
    disconnect();
    if (done) done(std::move(result));
  }

  void disconnect() {
    deadline_.clear();
    if (const auto dial = std::exchange(dial_, {}).lock()) dial->cancel();
    if (!connection_) return;
    ErrorCode ignored;
    std::exchange(connection_, nullptr)->stream.lowest_layer().close(ignored);
  }

  // Without the query, which may hold secrets.
  std::string what() const {
    return request_.method + " https://" + url_.authority() + url_.target.substr(0, url_.target.find('?'));
  }

  IoLoop& loop_;
  std::shared_ptr<ssl::context> context_;
  net::HttpsUrl url_;
  http::Request request_;
  HttpsOptions options_;
  std::string head_;
  Done done_;
  std::weak_ptr<Dial> dial_;  // weak: a pending dial owns us
  std::shared_ptr<Connection> connection_;
  std::optional<ResponseParser> parser_;
  bool head_told_ = false;
  Deadline deadline_;
};

class Handle final : public Call::State {
 public:
  explicit Handle(std::shared_ptr<HttpsExchange> exchange) : exchange_(std::move(exchange)) {}
  ~Handle() override {
    if (exchange_) exchange_->abandon();
  }
  void detach() override { exchange_.reset(); }

 private:
  std::shared_ptr<HttpsExchange> exchange_;
};

class HttpsClientImpl final : public HttpsClient {
 public:
  HttpsClientImpl(IoLoop& loop, std::shared_ptr<ssl::context> context)
      : loop_(loop), context_(std::move(context)) {}

  Call request(const net::HttpsUrl& url, http::Request request, HttpsOptions options,
               std::function<void(Result<http::Response>)> done) override {
    auto exchange = std::make_shared<HttpsExchange>(loop_, context_, url, std::move(request),
                                                    std::move(options), std::move(done));
    asio::post(loop_.impl().context, [exchange] { exchange->start(); });
    return Call(std::make_unique<Handle>(std::move(exchange)));
  }

 private:
  IoLoop& loop_;
  std::shared_ptr<ssl::context> context_;
};

}  // namespace

Result<std::unique_ptr<HttpsClient>> HttpsClient::create(IoLoop& loop, const std::string& ca_file) {
  ERR_clear_error();
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  SSL_CTX* const native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_default_verify_paths(native);
  if (!ca_file.empty() && SSL_CTX_load_verify_file(native, ca_file.c_str()) != 1) {
    return Error("tls", "CA certificates of " + ca_file + ": " + last_reason());
  }
  ERR_clear_error();
  return std::unique_ptr<HttpsClient>(std::make_unique<HttpsClientImpl>(loop, std::move(context)));
}

}  // namespace shared::httpd
