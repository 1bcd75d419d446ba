// A certificate of Certificate Manager: imported, or asked for and issued by an ACME server. ELBv2's trust
// stores.
#pragma once
#include <optional>

#include "agent/model/common.h"

namespace agent::model {

enum class RequestStatus { kPending, kIssued, kFailed, kTimedOut };

// What RequestCertificate asked for, and what became of it.
struct CertificateRequest {
  std::vector<std::string> names;  // the first is DomainName
  std::string key_algorithm;       // "RSA-2048"
  std::string validation_method;   // "DNS", "HTTP": as it was asked for
  std::string idempotency_token;   // may be empty
  RequestStatus status = RequestStatus::kPending;
  std::string failure_reason;  // one of ACM's words, kFailed only
  WallTime issued_at{};
  // Of the renewal that is under way, or of the last one; empty: there was none.
  std::string renewal_status;  // ACM's word
  WallTime renewal_updated_at{};
};

// Key: ARN.
struct Certificate {
  std::string arn;
  std::string body;   // PEM: the certificate alone; empty until there is one
  std::string chain;  // PEM: those that issued it; may be empty
  std::string key;    // PEM. A secret: only balancers get it
  // What the certificate says, read when it was imported.
  std::string domain_name;          // its common name, or the first of `names`; may be empty
  std::vector<std::string> names;   // DNS names, in lower case
  std::string subject, issuer;      // RFC 2253
  std::string serial;               // upper-case hexadecimal, two digits for each byte
  std::string key_algorithm;        // "RSA-2048", "EC-prime256v1"
  std::string signature_algorithm;  // "sha256WithRSAEncryption"
  WallTime not_before{}, not_after{};
  std::vector<Tag> tags;
  WallTime created_at{};
  WallTime imported_at{};                     // the last time; of those that were not asked for
  std::optional<CertificateRequest> request;  // none: imported
};

// A file of revocation lists in a trust store.
struct Revocation {
  std::int64_t id = 0;
  std::string lists;         // PEM
  std::int64_t entries = 0;  // revoked certificates
};

// What clients of listeners in mode "verify" are verified against. Key: ARN.
struct TrustStore {
  std::string arn;
  std::string name;
  std::string bundle;             // PEM
  std::int64_t certificates = 0;  // in the bundle
  std::vector<Revocation> revocations;
  std::int64_t next_revocation = 1;
  std::vector<Tag> tags;
  WallTime created_at{};
};

}  // namespace agent::model
