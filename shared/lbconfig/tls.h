// The TLS part of a configuration (ELBv2's Protocol, SslPolicy, Certificates, MutualAuthentication and
// ProtocolVersion): plain values. Certificates and trust stores are parts of the configuration that listeners
// name, so that a renewed certificate is one changed part and a changed rule does not carry keys.
#pragma once
#include <string>
#include <vector>

#include "shared/lbconfig/stream.h"
#include "shared/lbconfig/tls_policy.h"

namespace shared::lbconfig {

enum class Protocol { kHttp, kHttps, kTcp, kTls };     // of a listener, a target group; health checks: no TLS
enum class ProtocolVersion { kHttp1, kHttp2, kGrpc };  // of a target group
constexpr bool is_stream(Protocol p) { return p == Protocol::kTcp || p == Protocol::kTls; }
constexpr bool has_tls(Protocol p) { return p == Protocol::kHttps || p == Protocol::kTls; }
enum class ClientCertificates { kOff, kPassthrough, kVerify };

// PEM of what a listener shows. A JSON file may name files instead, which the balancer reads; control sends
// the text. What is in it is judged where it is used (shared/crypto/certificate.h).
struct Certificate {
  std::string id;                    // ARN, or any name
  std::string chain;                 // the certificate, then those that issued it
  std::string key;                   // not encrypted. A secret: never in a log or on a page
  std::string chain_file, key_file;  // instead of the texts; empty once they have been read
  bool operator==(const Certificate&) const = default;
};

// What client certificates are verified against.
struct TrustStore {
  std::string id;                 // ARN, or any name
  std::string ca_bundle;          // PEM
  std::vector<std::string> crls;  // PEM
  std::string ca_bundle_file;     // instead of the texts, as above
  std::vector<std::string> crl_files;
  bool operator==(const TrustStore&) const = default;
};

struct ClientAuthentication {
  ClientCertificates mode = ClientCertificates::kOff;
  std::string trust_store;          // id; kVerify only
  bool ignore_expiry = false;       // IgnoreClientCertificateExpiry
  bool advertise_ca_names = false;  // AdvertiseTrustStoreCaNames
  bool operator==(const ClientAuthentication&) const = default;
};

// Of a listener with Protocol HTTPS or TLS.
struct ListenerTls {
  std::string policy{kDefaultTlsPolicy};
  std::vector<std::string> certificates;  // ids; the first is the default one
  ClientAuthentication client;
  AlpnPolicy alpn = AlpnPolicy::kNone;  // TLS only; of HTTPS the option http2 decides
  bool operator==(const ListenerTls&) const = default;
};

// AWS: 25 beside the default one, which can be raised.
inline constexpr std::size_t kMaxListenerCertificates = 1'000;
inline constexpr std::size_t kMaxChainBytes = 64 * 1024;
inline constexpr std::size_t kMaxKeyBytes = 32 * 1024;
// AWS allows 50 MB of revocations; here the whole configuration has to fit into one message.
inline constexpr std::size_t kMaxCaBundleBytes = 1024 * 1024;
inline constexpr std::size_t kMaxCrlBytes = 4 * 1024 * 1024;  // of a trust store
inline constexpr std::size_t kMaxCrls = 30;

}  // namespace shared::lbconfig
