// A TLS server at 127.0.0.1 on a thread of its own, one connection after another, for clients that the code
// under test is. Link OpenSSL::SSL and OpenSSL::Crypto.
#pragma once
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "shared/base/unique_fd.h"
#include "tests/support/certificates.h"

namespace tests::support {

// What follows an answer: close_notify and the end, the bare end, or nothing until the client closes.
enum class Goodbye { kNotified, kCut, kNever };

class TlsPeer {
 public:
  // What is said to a request's head; on the server's thread.
  using Answer = std::function<std::string(const std::string& head)>;

  TlsPeer(const Issued& identity, Answer answer, Goodbye goodbye = Goodbye::kNotified, std::uint16_t port = 0)
      : answer_(std::move(answer)), goodbye_(goodbye), context_(SSL_CTX_new(TLS_server_method())) {
    std::signal(SIGPIPE, SIG_IGN);
    X509* certificate = certificates_detail::certificate_of(identity.certificate);
    EVP_PKEY* key = certificates_detail::private_key_of(identity.key);
    SSL_CTX_use_certificate(context_, certificate);
    SSL_CTX_use_PrivateKey(context_, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
    listener_ = shared::UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof in;
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&in), sizeof in), 0);
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
    EXPECT_EQ(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&in), &size), 0);
    port_ = ntohs(in.sin_port);
    EXPECT_EQ(::pipe2(stop_, O_CLOEXEC), 0);
    thread_ = std::thread([this] { serve(); });
  }
  TlsPeer(const Issued& identity, std::string answer, Goodbye goodbye = Goodbye::kNotified)
      : TlsPeer(
            identity, [answer = std::move(answer)](const std::string&) { return answer; }, goodbye) {}

  ~TlsPeer() {
    ::close(stop_[1]);
    thread_.join();
    ::close(stop_[0]);
    SSL_CTX_free(context_);
  }
  TlsPeer(const TlsPeer&) = delete;
  TlsPeer& operator=(const TlsPeer&) = delete;

  std::uint16_t port() const { return port_; }
  // All that was asked.
  std::string seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  int requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  // By which it was asked last (SNI).
  std::string server_name() const {
    const std::lock_guard lock(mutex_);
    return server_name_;
  }

 private:
  bool readable(int fd) const {
    pollfd watched[] = {{fd, POLLIN, 0}, {stop_[0], POLLIN, 0}};
    ::poll(watched, 2, -1);
    return watched[1].revents == 0;
  }

  void serve() {
    while (readable(listener_.get())) {
      const shared::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      SSL* tls = SSL_new(context_);
      SSL_set_fd(tls, fd.get());
      if (SSL_accept(tls) == 1) talk(tls, fd.get());
      SSL_free(tls);
    }
  }

  void talk(SSL* tls, int fd) {
    std::string got;
    char buffer[4096];
    while (got.find("\r\n\r\n") == std::string::npos) {
      if (SSL_pending(tls) == 0 && !readable(fd)) return;
      const int count = SSL_read(tls, buffer, sizeof buffer);
      if (count <= 0) return;
      got.append(buffer, static_cast<std::size_t>(count));
    }
    {
      const std::lock_guard lock(mutex_);
      seen_ += got;
      ++requests_;
      const char* name = SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name);
      server_name_ = name != nullptr ? name : "";
    }
    const std::string answer = answer_(got);
    if (!answer.empty()) SSL_write(tls, answer.data(), static_cast<int>(answer.size()));
    if (goodbye_ == Goodbye::kNotified) SSL_shutdown(tls);
    if (goodbye_ == Goodbye::kNever) readable(fd);
  }

  const Answer answer_;
  const Goodbye goodbye_;
  SSL_CTX* const context_;
  shared::UniqueFd listener_;
  std::uint16_t port_ = 0;
  int stop_[2] = {-1, -1};
  mutable std::mutex mutex_;
  std::string seen_;
  int requests_ = 0;
  std::string server_name_;
  std::thread thread_;
};

}  // namespace tests::support
