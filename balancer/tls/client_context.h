// What the balancer offers to targets of a group with protocol HTTPS. Nothing of the target is verified, as
// ALB has it: any certificate, expired or self-signed, of any name. Immutable, shared by workers. Thread:
// any.
#pragma once
#include <map>
#include <memory>
#include <string_view>

#include "shared/base/result.h"
#include "shared/lbconfig/tls_policy.h"

struct ssl_ctx_st;

namespace balancer::tls {

// What is offered by ALPN: nothing (HTTP/1.1 targets that know no ALPN refuse none), or h2 alone.
enum class TargetProtocol { kHttp1, kHttp2 };

class ClientContext {
 public:
  // Error: OpenSSL does not have the policy's ciphers.
  static shared::Result<std::shared_ptr<const ClientContext>> make(
      TargetProtocol protocol, std::string_view policy = shared::lbconfig::kTargetTlsPolicy);
  ssl_ctx_st* native() const { return held_.get(); }

 private:
  explicit ClientContext(std::shared_ptr<ssl_ctx_st> held) : held_(std::move(held)) {}
  std::shared_ptr<ssl_ctx_st> held_;
};

// One of each kind, made when it is first asked for. Thread: its owner's.
class ClientContexts {
 public:
  shared::Result<std::shared_ptr<const ClientContext>> of(TargetProtocol protocol);

 private:
  std::map<TargetProtocol, std::shared_ptr<const ClientContext>> made_;
};

}  // namespace balancer::tls
