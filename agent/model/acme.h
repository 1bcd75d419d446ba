// The ACME side of certificates that were asked for: our account with a server, and what is under way for
// each certificate.
#pragma once
#include "agent/model/common.h"

namespace agent::model {

// Key: the directory's URL.
struct AcmeAccount {
  std::string directory;
  std::string key;           // PEM. A secret
  std::string thumbprint;    // of the key's public half (RFC 7638)
  std::string url;           // empty until the server has it
  std::uint64_t serial = 0;  // rises with every change: a reply to what was asked before counts no more
  int failures = 0;          // in a row
  WallTime next_at{};        // nothing is asked before
};

// What comes next. The store has the numbers: they stay what they are.
enum class AcmePhase {
  kKey = 0,        // the certificate's key is made
  kOrder = 1,      // the server is asked for an order
  kAuthorize = 2,  // what it wants proved is read
  kPublish = 3,    // every balancer is to answer the challenges
  kRespond = 4,    // the server is told to look
  kPoll = 5,       // until it has
  kFinalize = 6,   // it gets the certificate request
  kIssue = 7,      // until the certificate is there
  kDownload = 8
};

struct AcmeAuthorization {
  std::string url;
  std::string host{};  // empty until it was read
  std::string challenge_url{}, token{};
  bool valid = false;  // proved
  bool told = false;   // the server may look
};

// Key: the certificate's ARN. There as long as the certificate is being issued or renewed.
struct AcmeOrder {
  std::string certificate;
  std::string directory;  // of the account that it is ordered by
  AcmePhase phase = AcmePhase::kKey;
  std::string key;  // PEM, of the new certificate. A secret
  std::string url, finalize_url, certificate_url;
  std::vector<AcmeAuthorization> authorizations;
  // kPublish: the configuration that has the challenges; 0: none yet.
  std::uint64_t publish_version = 0;
  std::uint64_t serial = 0;  // as the account's
  int failures = 0;          // in a row
  int polls = 0;             // of this order
  WallTime next_at{};
  WallTime began_at{};
  std::string problem;  // why it is not through yet
};

}  // namespace agent::model
