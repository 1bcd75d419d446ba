#include "balancer/tls/client_context.h"

#include <string>

#include "balancer/tls/openssl.h"
#include "balancer/tls/policy.h"

namespace balancer::tls {

using shared::Error;
using shared::Result;

Result<std::shared_ptr<const ClientContext>> ClientContext::make(TargetProtocol protocol,
                                                                 std::string_view policy) {
  ERR_clear_error();
  const shared::lbconfig::TlsPolicy* known = shared::lbconfig::find_tls_policy(policy);
  if (known == nullptr) return Error("tls", "no security policy '" + std::string(policy) + "'");
  std::shared_ptr<SSL_CTX> out(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (!out) return Error("tls", "make a context: " + last_reason());
  if (auto done = carry_out(*known, *out); !done) return done.error();
  SSL_CTX_set_verify(out.get(), SSL_VERIFY_NONE, nullptr);
  // Targets of before RFC 5746 are served as well; nothing is renegotiated with anybody.
  SSL_CTX_set_options(out.get(),
                      SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(out.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(out.get(), 1);
  SSL_CTX_set_session_cache_mode(out.get(), SSL_SESS_CACHE_OFF);
  if (protocol == TargetProtocol::kHttp2) {
    constexpr std::string_view kH2 = "\x02h2";
    SSL_CTX_set_alpn_protos(out.get(), reinterpret_cast<const unsigned char*>(kH2.data()), kH2.size());
  }
  ERR_clear_error();
  return std::shared_ptr<const ClientContext>(new ClientContext(std::move(out)));
}

Result<std::shared_ptr<const ClientContext>> ClientContexts::of(TargetProtocol protocol) {
  auto& context = made_[protocol];
  if (context == nullptr) {
    auto made = ClientContext::make(protocol);
    if (!made) return made.error();
    context = std::move(*made);
  }
  return context;
}

}  // namespace balancer::tls
