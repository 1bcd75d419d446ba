// What an ACME server (RFC 8555) is asked and what it says, as values. Pure; thread: any.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/base/time.h"
#include "shared/http/message.h"

namespace agent::acme {

inline constexpr std::size_t kMaxAnswerBytes = 1024 * 1024;
inline constexpr std::size_t kMaxDetail = 500;  // bytes of a problem's text that are kept

// Types of our own, beside RFC 8555's (section 6.7), which are without "urn:ietf:params:acme:error:" here.
inline constexpr std::string_view kUnreachable = "unreachable";  // no answer of HTTP
inline constexpr std::string_view kBadAnswer = "badAnswer";      // one that is none of the protocol's

struct Problem {
  std::string type;    // "rateLimited"
  std::string detail;  // for people
  int status = 0;      // of HTTP; 0: none
  bool operator==(const Problem&) const = default;
};
// "rateLimited: too many certificates (429)"
std::string to_string(const Problem& problem);
// Of an answer that is no success, whatever its body is.
Problem problem_in(const shared::http::Response& response);

struct Directory {
  std::string new_nonce, new_account, new_order;
  bool external_account = false;  // accounts need one elsewhere first
};

struct Order {
  std::string status;  // pending, ready, processing, valid, invalid
  std::vector<std::string> authorizations;
  std::string finalize;
  std::string certificate;  // once it is valid
  std::optional<Problem> error;
};

struct Authorization {
  std::string status;  // pending, valid, invalid, deactivated, expired, revoked
  std::string host;
  // The http-01 challenge; none: empty.
  std::string challenge_url;
  std::string token;
  std::optional<Problem> error;  // of the challenge
};

// Errors have the code kBadAnswer and name the member. Every URL in an answer is an https one.
shared::Result<Directory> parse_directory(std::string_view body);
shared::Result<Order> parse_order(std::string_view body);
shared::Result<Authorization> parse_authorization(std::string_view body);

bool is_https_url(std::string_view text);

// One thing that is wanted: a key made, or one signed request. Complete: whoever carries it out knows
// nothing else.
struct Ask {
  enum class Kind {
    kMakeKey,     // `algorithm`
    kNewAccount,  // `contact`; the account's URL need not be known
    kNewOrder,    // `names`
    kRead,        // `url`, as POST-as-GET
    kRespond,     // `url` of a challenge: it may be validated
    kFinalize,    // `url`, `names`, `certificate_key`
  };
  Kind kind = Kind::kRead;
  std::string account_key;  // PEM
  std::string account_url;
  std::string url;
  std::vector<std::string> names{};
  std::vector<std::string> contact{};  // "mailto:..."
  std::string certificate_key{};       // PEM
  std::string algorithm{};             // shared/crypto/signing_key.h
};

struct Reply {
  std::optional<Problem> problem{};
  std::string body{};
  std::string location{};
  std::optional<shared::Millis> retry_after{};
  std::string key{};         // kMakeKey: PEM
  std::string thumbprint{};  // likewise, of a key that can sign for an account
};

}  // namespace agent::acme
