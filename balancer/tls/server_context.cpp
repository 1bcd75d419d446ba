#include "balancer/tls/server_context.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <tuple>
#include <unordered_map>

#include "balancer/tls/openssl.h"
#include "balancer/tls/policy.h"
#include "shared/crypto/certificate.h"
#include "shared/crypto/hash.h"

namespace balancer::tls {

using shared::Blame;
using shared::Error;
using shared::Result;
using shared::crypto::Certificates;
using shared::crypto::KeyType;
using shared::crypto::PrivateKey;
using shared::lbconfig::ClientCertificates;
using shared::lbconfig::Config;
using shared::lbconfig::Listener;

namespace {

constexpr std::size_t kMaxHostName = 255;
// A second one would be for a client that opens two connections at once; each costs a handshake some
// microseconds and 250 bytes.
constexpr std::size_t kTicketsPerHandshake = 1;

// Without a dot at its end; empty: too long for a host.
std::string_view lowered(std::string_view host, std::array<char, kMaxHostName>& into) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.size() > into.size()) return {};
  std::transform(host.begin(), host.end(), into.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return {into.data(), host.size()};
}

}  // namespace

struct ServerContext::Loaded {
  std::string id;
  Certificates chain;
  PrivateKey key;
  bool expired = false;

  bool better_than(const Loaded& other) const {
    const auto rank = [](const Loaded& c) {
      const auto& facts = c.chain.leaf();
      return std::tuple(!c.expired, facts.signature_bits, facts.key.bits, facts.not_after);
    };
    return rank(*this) > rank(other);
  }
};

namespace {

// ALPN's wire form. A client that offers none of them is refused, as RFC 7301 has it; without a policy ALPN
// takes no part.
std::string protocols_of(shared::lbconfig::AlpnPolicy policy) {
  using shared::lbconfig::AlpnPolicy;
  switch (policy) {
    case AlpnPolicy::kNone:
      return {};
    case AlpnPolicy::kHttp1Only:
      return "\x08http/1.1\x08http/1.0";
    case AlpnPolicy::kHttp2Only:
      return "\x02h2";
    case AlpnPolicy::kHttp2Optional:
      return "\x08http/1.1\x08http/1.0\x02h2";
    case AlpnPolicy::kHttp2Preferred:
      return "\x02h2\x08http/1.1\x08http/1.0";
  }
  return {};
}

}  // namespace

ServerSettings settings_of(const Listener& listener, const Config& config, bool http2) {
  ServerSettings out{listener.id, listener.tls, http2 && listener.options.http2, {}, {}};
  out.stream = listener.protocol == shared::lbconfig::Protocol::kTls;
  if (out.stream) out.http2 = false;
  for (const std::string& id : listener.tls.certificates) {
    const auto at = std::find_if(config.certificates.begin(), config.certificates.end(),
                                 [&id](const auto& part) { return part->id == id; });
    if (at != config.certificates.end()) out.certificates.push_back(*at);
  }
  for (const auto& store : config.trust_stores) {
    if (listener.tls.client.mode == ClientCertificates::kVerify &&
        store->id == listener.tls.client.trust_store)
      out.trust_store = store;
  }
  return out;
}

// The argument of each is the ServerContext, which the connection keeps alive.
struct ServerContext::Hooks {
  static const ServerContext& of(void* arg) { return *static_cast<const ServerContext*>(arg); }

  static int choose_certificate(SSL* ssl, int*, void* arg) {
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
    const Native* found = of(arg).find_host(name);
    if (found == nullptr) return SSL_TLSEXT_ERR_NOACK;
    return SSL_set_SSL_CTX(ssl, found->get()) != nullptr ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
  }

  // RFC 7301 section 3.2: a client that offers protocols and none of ours gets no_application_protocol.
  static int choose_protocol(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offer,
                             unsigned offer_size, void* arg) {
    const std::string& ours = of(arg).protocols_;
    unsigned char* chosen = nullptr;
    const int state =
        SSL_select_next_proto(&chosen, size, reinterpret_cast<const unsigned char*>(ours.data()),
                              static_cast<unsigned>(ours.size()), offer, offer_size);
    if (state != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
  }

  // Of the host that a ClientHello asks for; null: none that a certificate names.
  static void* mark_of(const ServerContext& self, std::string_view host) {
    std::array<char, kMaxHostName> lower;
    host = lowered(host, lower);
    if (self.find_host(host) == nullptr) return nullptr;
    return reinterpret_cast<void*>(std::hash<std::string_view>()(host) | 1);
  }
  static int mark_index() {
    static const int made = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return made;
  }

  // OpenSSL reads the name after a ticket of TLS 1.2, which must not be good for another host (RFC 6066
  // section 3).
  static int note_host(SSL* ssl, int*, void* arg) {
    const unsigned char* bytes = nullptr;
    std::size_t size = 0;
    // List length, type, name length, name.
    constexpr std::size_t kBefore = 5;
    void* mark = nullptr;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &size) == 1 && size > kBefore)
      mark = mark_of(of(arg), {reinterpret_cast<const char*>(bytes) + kBefore, size - kBefore});
    SSL_set_ex_data(ssl, mark_index(), mark);
    return SSL_CLIENT_HELLO_SUCCESS;
  }

  static SSL_TICKET_RETURN judge_ticket(SSL* ssl, SSL_SESSION* session, const unsigned char*, std::size_t,
                                        SSL_TICKET_STATUS status, void* arg) {
    switch (status) {
      case SSL_TICKET_SUCCESS:
      case SSL_TICKET_SUCCESS_RENEW: {
        const char* host = SSL_SESSION_get0_hostname(session);
        void* mark = host != nullptr ? mark_of(of(arg), host) : nullptr;
        if (mark != SSL_get_ex_data(ssl, mark_index())) return SSL_TICKET_RETURN_IGNORE_RENEW;
        return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
      }
      case SSL_TICKET_EMPTY:
      case SSL_TICKET_NO_DECRYPT:
        return SSL_TICKET_RETURN_IGNORE_RENEW;
      default:
        return SSL_TICKET_RETURN_ABORT;
    }
  }

  // 1: done; 2: done, and a new ticket should follow; 0: not one of ours; -1: failed.
  static int seal_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                         EVP_MAC_CTX* mac, int sealing) {
    const auto* self = static_cast<const ServerContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    const auto generations = self->tickets_->generations();
    const TicketKeys::Key* key = &generations->front();
    if (sealing == 0) {
      const auto at = std::find_if(generations->begin(), generations->end(), [name](const auto& each) {
        return std::memcmp(each.name.data(), name, each.name.size()) == 0;
      });
      if (at == generations->end()) return 0;
      key = &*at;
    } else {
      std::memcpy(name, key->name.data(), key->name.size());
      if (RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1) return -1;
    }
    std::array<char, 7> digest{"SHA256"};
    const std::array<OSSL_PARAM, 3> params{
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<unsigned char*>(key->mac.data()),
                                          key->mac.size()),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
        OSSL_PARAM_construct_end()};
    if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key->cipher.data(), iv, sealing) != 1 ||
        EVP_MAC_CTX_set_params(mac, params.data()) != 1)
      return -1;
    return sealing == 0 && key != &generations->front() ? 2 : 1;
  }

  static int pass_through(int, X509_STORE_CTX*) { return 1; }

  static int verify(int good, X509_STORE_CTX* chain) {
    SSL* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
    const auto* self = static_cast<const ServerContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    const int error = X509_STORE_CTX_get_error(chain);
    const bool forgiven =
        // A CA without a revocation list revokes nothing.
        error == X509_V_ERR_UNABLE_TO_GET_CRL ||
        (error == X509_V_ERR_CERT_HAS_EXPIRED && X509_STORE_CTX_get_error_depth(chain) == 0 &&
         self->settings_.tls.client.ignore_expiry);
    if (good == 0 && !forgiven) return 0;
    if (good == 0) X509_STORE_CTX_set_error(chain, X509_V_OK);
    if (X509_STORE_CTX_get_error_depth(chain) != 0) return 1;
    // Of what ALB takes: version 3, RSA 2048 to 8192 or one of three curves.
    const X509* leaf = X509_STORE_CTX_get_current_cert(chain);
    if (X509_get_version(leaf) == X509_VERSION_3 && shared::crypto::facts_of(*leaf)) return 1;
    X509_STORE_CTX_set_error(chain, X509_V_ERR_UNSUPPORTED_SIGNATURE_ALGORITHM);
    return 0;
  }
};

ServerContext::ServerContext(ServerSettings settings, std::shared_ptr<TicketKeys> tickets)
    : settings_(std::move(settings)), tickets_(std::move(tickets)) {}
ServerContext::~ServerContext() = default;

Result<std::shared_ptr<const ServerContext>> ServerContext::make(ServerSettings settings,
                                                                 std::shared_ptr<TicketKeys> tickets,
                                                                 shared::WallTime now) {
  std::shared_ptr<ServerContext> made(new ServerContext(std::move(settings), std::move(tickets)));
  if (auto done = made->load(now); !done) return done.error();
  return std::shared_ptr<const ServerContext>(std::move(made));
}

Result<void> ServerContext::load(shared::WallTime now) {
  ERR_clear_error();
  protocols_ = settings_.http2 ? "\x02h2\x08http/1.1" : "\x08http/1.1";
  if (settings_.stream) protocols_ = protocols_of(settings_.tls.alpn);
  if (auto done = load_trust_store(); !done) return done;
  const shared::lbconfig::TlsPolicy* policy = shared::lbconfig::find_tls_policy(settings_.tls.policy);
  if (policy != nullptr && policy->post_quantum && !has_post_quantum_groups())
    notes_.push_back("policy " + settings_.tls.policy +
                     ": this OpenSSL has no post-quantum groups; the classical ones are offered");
  for (const auto& part : settings_.certificates) {
    const std::string where = "certificate '" + part->id + "'";
    auto chain = Certificates::parse_chain(part->chain);
    if (!chain) return chain.error().within(where + ": chain");
    auto key = PrivateKey::parse(part->key);
    if (!key) return key.error().within(where + ": key");
    if (auto pair = shared::crypto::check_pair(*chain, *key); !pair)
      return pair.error().within(where + ": key");
    const bool expired = now > chain->leaf().not_after;
    if (expired) notes_.push_back(where + ": has expired");
    if (now < chain->leaf().not_before) notes_.push_back(where + ": is not valid yet");
    loaded_.push_back({part->id, std::move(chain).value(), std::move(key).value(), expired});
  }
  if (loaded_.empty()) return Error("InvalidConfig", "certificates: there is none", Blame::kClient);

  std::map<std::vector<const Loaded*>, Native> made;
  const auto native_of = [&](const std::vector<const Loaded*>& shown) -> Result<Native> {
    const auto known = made.find(shown);
    if (known != made.end()) return known->second;
    auto context = make_native(shown);
    if (context) made.emplace(shown, *context);
    return context;
  };
  auto first = native_of({&loaded_.front()});
  if (!first) return first.error();
  default_ = *first;

  struct Best {
    const Loaded* rsa = nullptr;
    const Loaded* ecdsa = nullptr;
  };
  std::map<std::string, Best, std::less<>> best;
  for (const Loaded& each : loaded_) {
    for (const std::string& name : each.chain.leaf().names) {
      Best& of_name = best[name];
      const Loaded*& place = each.key.facts().type == KeyType::kRsa ? of_name.rsa : of_name.ecdsa;
      if (place == nullptr || each.better_than(*place)) place = &each;
    }
  }
  for (const auto& [name, of_name] : best) {
    std::vector<const Loaded*> shown;
    for (const Loaded* each : {of_name.ecdsa, of_name.rsa}) {
      const Loaded* other = each == of_name.rsa ? of_name.ecdsa : of_name.rsa;
      if (each != nullptr && !(each->expired && other != nullptr && !other->expired)) shown.push_back(each);
    }
    auto context = native_of(shown);
    if (!context) return context.error();
    const bool wild = name.starts_with("*.");
    const std::string_view host = std::string_view(name).substr(wild ? 2 : 0);
    if (host.find('*') != std::string_view::npos) continue;  // no browser takes such a name
    (wild ? wildcard_ : exact_).emplace(host, *context);
  }
  return {};
}

Result<void> ServerContext::load_trust_store() {
  if (settings_.tls.client.mode != ClientCertificates::kVerify) return {};
  if (!settings_.trust_store) return Error("InvalidConfig", "client.trust_store: is missing", Blame::kClient);
  const auto& part = **settings_.trust_store;
  const std::string where = "trust store '" + part.id + "'";
  auto bundle = Certificates::parse_bundle(part.ca_bundle);
  if (!bundle) return bundle.error().within(where + ": ca_bundle");
  store_.reset(X509_STORE_new(), X509_STORE_free);
  for (std::size_t i = 0; i < bundle->size(); ++i) X509_STORE_add_cert(store_.get(), bundle->native(i));
  unsigned long flags = 0;
  for (std::size_t i = 0; i < part.crls.size(); ++i) {
    auto lists = shared::crypto::RevocationList::parse(part.crls[i]);
    if (!lists) return lists.error().within(where + ": crls[" + std::to_string(i) + "]");
    for (const auto& list : *lists) X509_STORE_add_crl(store_.get(), list.native());
    flags = X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
  }
  // An intermediate CA in the store is trusted as it stands: the bundle says what is.
  X509_STORE_set_flags(store_.get(), flags | X509_V_FLAG_PARTIAL_CHAIN);
  ERR_clear_error();
  return {};
}

Result<ServerContext::Native> ServerContext::make_native(const std::vector<const Loaded*>& shown) {
  Native out(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!out) return Error("tls", "make a context: " + last_reason());
  SSL_CTX& context = *out;
  const shared::lbconfig::TlsPolicy* policy = shared::lbconfig::find_tls_policy(settings_.tls.policy);
  if (policy == nullptr)
    return Error("InvalidConfig", "no security policy '" + settings_.tls.policy + "'", Blame::kClient);
  if (auto done = carry_out(*policy, context); !done) return done.error();
  for (const Loaded* each : shown) {
    bool done = SSL_CTX_use_certificate(&context, each->chain.native(0)) == 1 &&
                SSL_CTX_use_PrivateKey(&context, each->key.native()) == 1;
    for (std::size_t i = 1; done && i < each->chain.size(); ++i)
      done = SSL_CTX_add1_chain_cert(&context, each->chain.native(i)) == 1;
    if (!done)
      return Error("InvalidCertificate",
                   "certificate '" + each->id + "': policy " + settings_.tls.policy +
                       " does not take it: " + last_reason(),
                   Blame::kClient);
  }
  SSL_CTX_set_app_data(&context, this);
  // A client may end without close_notify (RFC 9112 section 9.8); TlsTransport tells it from a cut record.
  SSL_CTX_set_options(&context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_RENEGOTIATION |
                                    SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(&context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(&context, 1);
  SSL_CTX_set_tlsext_servername_callback(&context, Hooks::choose_certificate);
  SSL_CTX_set_tlsext_servername_arg(&context, this);
  if (!protocols_.empty()) SSL_CTX_set_alpn_select_cb(&context, Hooks::choose_protocol, this);
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_early_data(&context, 0);
  SSL_CTX_set_timeout(&context, static_cast<long>(kTicketGenerations * kTicketRotation.count() / 1000));
  const std::string scope = shared::crypto::sha256_hex(settings_.listener).substr(0, SSL_MAX_SID_CTX_LENGTH);
  SSL_CTX_set_session_id_context(&context, reinterpret_cast<const unsigned char*>(scope.data()),
                                 static_cast<unsigned>(scope.size()));
  if (settings_.tls.client.mode == ClientCertificates::kOff) {
    SSL_CTX_set_num_tickets(&context, kTicketsPerHandshake);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(&context, Hooks::seal_ticket);
    SSL_CTX_set_client_hello_cb(&context, Hooks::note_host, this);
    SSL_CTX_set_session_ticket_cb(&context, nullptr, Hooks::judge_ticket, this);
  } else {
    SSL_CTX_set_options(&context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(&context, 0);
    ask_for_client_certificate(context);
  }
  ERR_clear_error();
  return out;
}

void ServerContext::ask_for_client_certificate(SSL_CTX& context) const {
  SSL_CTX_set_max_cert_list(&context, kMaxClientChainBytes);
  if (settings_.tls.client.mode == ClientCertificates::kPassthrough) {
    SSL_CTX_set_verify(&context, SSL_VERIFY_PEER, Hooks::pass_through);
    return;
  }
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, Hooks::verify);
  // OpenSSL counts what is between the certificate and the trusted one.
  SSL_CTX_set_verify_depth(&context, kMaxClientChainDepth - 1);
  SSL_CTX_set1_cert_store(&context, store_.get());
  if (!settings_.tls.client.advertise_ca_names) return;
  STACK_OF(X509_OBJECT)* objects = X509_STORE_get0_objects(store_.get());
  for (int i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
    X509* ca = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
    if (ca != nullptr) SSL_CTX_add_client_CA(&context, ca);
  }
}

const ServerContext::Native* ServerContext::find_host(std::string_view host) const {
  std::array<char, kMaxHostName> lower;
  host = lowered(host, lower);
  if (host.empty()) return nullptr;
  if (const auto at = exact_.find(host); at != exact_.end()) return &at->second;
  const std::size_t dot = host.find('.');
  if (dot == std::string_view::npos || dot == 0) return nullptr;
  const auto at = wildcard_.find(host.substr(dot + 1));
  return at != wildcard_.end() ? &at->second : nullptr;
}

std::string_view ServerContext::id_of(const X509* certificate) const {
  for (const Loaded& each : loaded_) {
    if (each.chain.native(0) == certificate) return each.id;
  }
  return {};
}

}  // namespace balancer::tls
