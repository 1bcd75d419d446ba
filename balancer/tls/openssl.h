// What the files of this folder share of OpenSSL: owners and words. Not for other folders.
#pragma once
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>

namespace balancer::tls {

template <auto Free>
struct FreedBy {
  template <class T>
  void operator()(T* held) const {
    Free(held);
  }
};
using ContextPtr = std::unique_ptr<SSL_CTX, FreedBy<SSL_CTX_free>>;

// OpenSSL's word for what failed last in this thread; the queue is empty afterwards.
inline std::string last_reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* text = code != 0 ? ERR_reason_error_string(code) : nullptr;
  std::string out = text != nullptr ? text : "unknown";
  ERR_clear_error();
  return out;
}

}  // namespace balancer::tls
