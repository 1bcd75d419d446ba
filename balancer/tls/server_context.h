// All that one HTTPS listener needs for its handshakes: certificates, security policy, protocols, tickets,
// client certificates. Immutable; shared by all workers and by the connections that began with it, so that a
// new configuration replaces it without touching them.
//
// Which certificate a client gets (ALB, "Server Name Indication"): of those that name the host exactly, else
// by a wildcard of one label, the best RSA and the best ECDSA one, of which OpenSSL takes ECDSA where the
// client can; better is not expired, then a stronger signature, a longer key, a later end. A host that none
// names, and a client without SNI, gets the first one of the listener. Expiry is judged when this is made.
// An expired certificate is served where there is no other, as ALB does; notes() says so.
//
// Tickets: stateless, sealed by TicketKeys, good within one listener only; none where client certificates are
// asked for (ALB resumes nothing there). No renegotiation, no early data, no compression. Thread: any.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "balancer/tls/ticket_keys.h"
#include "shared/base/result.h"
#include "shared/base/time.h"
#include "shared/lbconfig/config.h"

struct ssl_st;
struct ssl_ctx_st;
struct x509_st;
struct x509_store_st;

namespace balancer::tls {

// CAs between a client's certificate and the trust store's, that one included.
inline constexpr int kMaxClientChainDepth = 4;
// Of a client's certificate message; ALB says ClientCertMaxSizeExceeded of longer ones.
inline constexpr long kMaxClientChainBytes = 32 * 1024;

// A listener of a valid configuration, with the parts that it names.
struct ServerSettings {
  std::string listener;  // its id: tickets of another one do not resume here
  shared::lbconfig::ListenerTls tls;
  bool http2 = false;  // offer h2 before http/1.1
  std::vector<shared::lbconfig::Part<shared::lbconfig::Certificate>>
      certificates;  // the first is the default
  std::optional<shared::lbconfig::Part<shared::lbconfig::TrustStore>> trust_store;
  bool stream = false;  // of a TLS listener: tls.alpn says what is offered

  bool operator==(const ServerSettings&) const = default;
};
// `http2`: whether h2 is served at all; the listener's own option counts as well.
ServerSettings settings_of(const shared::lbconfig::Listener& listener, const shared::lbconfig::Config& config,
                           bool http2);

class ServerContext {
 public:
  // Errors (blame client) name the part, its member and the reason: "certificate 'web': key: does not belong
  // to the certificate".
  static shared::Result<std::shared_ptr<const ServerContext>> make(ServerSettings settings,
                                                                   std::shared_ptr<TicketKeys> tickets,
                                                                   shared::WallTime now);
  ~ServerContext();
  ServerContext(const ServerContext&) = delete;
  ServerContext& operator=(const ServerContext&) = delete;

  const ServerSettings& settings() const { return settings_; }
  // What an operator should know and that is no error, a line each: an expired certificate, a policy whose
  // post-quantum groups this OpenSSL does not have.
  const std::vector<std::string>& notes() const { return notes_; }
  // The listener's certificate of that OpenSSL object, by id; empty: none of them.
  std::string_view id_of(const x509_st* certificate) const;
  ssl_ctx_st* native() const { return default_.get(); }

 private:
  struct Loaded;  // a certificate of the settings, parsed
  using Native = std::shared_ptr<ssl_ctx_st>;
  using Hosts = std::map<std::string, Native, std::less<>>;

  ServerContext(ServerSettings settings, std::shared_ptr<TicketKeys> tickets);
  shared::Result<void> load(shared::WallTime now);
  shared::Result<void> load_trust_store();
  shared::Result<Native> make_native(const std::vector<const Loaded*>& shown);
  void ask_for_client_certificate(ssl_ctx_st& context) const;
  const Native* find_host(std::string_view host) const;
  struct Hooks;  // OpenSSL's calls back

  const ServerSettings settings_;
  const std::shared_ptr<TicketKeys> tickets_;
  std::vector<std::string> notes_;
  std::vector<Loaded> loaded_;
  std::shared_ptr<x509_store_st> store_;  // kVerify
  std::string protocols_;                 // ALPN's wire form, in the order of preference
  Native default_;
  Hosts exact_;
  Hosts wildcard_;  // by what follows "*."
};

}  // namespace balancer::tls
