#include "agent/acme/messages.h"

#include <algorithm>

#include "shared/base/text.h"
#include "shared/json/reader.h"

namespace agent::acme {
namespace {

using shared::Error;
using shared::Result;
using In = shared::json::Reader;

constexpr std::string_view kUrn = "urn:ietf:params:acme:error:";
constexpr std::size_t kMaxUrl = 2'048;
constexpr std::size_t kMaxToken = 200;
constexpr std::size_t kMaxAuthorizations = 200;

Problem read_problem(const In& in) {
  Problem out;
  out.type = in.string_or("type", "about:blank");
  if (out.type.starts_with(kUrn)) out.type.erase(0, kUrn.size());
  out.type = shared::shortened(out.type, kMaxDetail);
  out.detail = shared::shortened(in.string_or("detail", ""), kMaxDetail);
  out.status = in.integer_or<int>("status", 0);
  return out;
}

std::optional<Problem> read_problem(const In& in, std::string_view member) {
  const auto inner = in.child(member);
  if (!inner) return std::nullopt;
  return read_problem(*inner);
}

std::string read_url(const In& in, std::string_view member) {
  std::string url = in.required_string(member);
  if (in.ok() && !is_https_url(url)) in.fail(member, "is no https URL of at most 2048 bytes");
  return url;
}

bool is_base64url(std::string_view text) {
  return !text.empty() && text.size() <= kMaxToken && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

// In lower case; it goes into the configuration of balancers.
std::string read_host(const In& identifier) {
  constexpr std::size_t kMaxHost = 253;
  std::string host = shared::lower_case(identifier.required_string("value"));
  const bool good =
      !host.empty() && host.size() <= kMaxHost && std::all_of(host.begin(), host.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
      });
  if (identifier.ok() && !good) identifier.fail("value", "is no host name");
  return host;
}

template <class T, class Read>
Result<T> read_answer(std::string_view body, Read read) {
  const auto document = shared::json::Document::parse(body, std::string(kBadAnswer));
  if (!document) return document.error();
  T out;
  read(document->root(), out);
  if (auto ok = document->result(); !ok) return ok.error();
  return out;
}

}  // namespace

std::string to_string(const Problem& problem) {
  std::string out = problem.type;
  if (!problem.detail.empty()) out += ": " + problem.detail;
  if (problem.status != 0) out += " (" + std::to_string(problem.status) + ")";
  return out;
}

Problem problem_in(const shared::http::Response& response) {
  Problem out;
  const auto document = shared::json::Document::parse(response.body, std::string(kBadAnswer));
  if (document) out = read_problem(document->root());
  if (!document || !document->result()) {
    out.type = response.status >= 500 ? "serverInternal" : kBadAnswer;
    out.detail = "no problem document came with the answer";
  }
  out.status = response.status;
  return out;
}

bool is_https_url(std::string_view text) {
  constexpr std::string_view kScheme = "https://";
  return text.starts_with(kScheme) && text.size() > kScheme.size() && text.size() <= kMaxUrl &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

Result<Directory> parse_directory(std::string_view body) {
  return read_answer<Directory>(body, [](const In& in, Directory& out) {
    out.new_nonce = read_url(in, "newNonce");
    out.new_account = read_url(in, "newAccount");
    out.new_order = read_url(in, "newOrder");
    if (const auto meta = in.child("meta"))
      out.external_account = meta->boolean_or("externalAccountRequired", false);
  });
}

Result<Order> parse_order(std::string_view body) {
  return read_answer<Order>(body, [](const In& in, Order& out) {
    out.status = in.required_string("status");
    out.authorizations = in.strings_or_empty("authorizations");
    if (out.authorizations.size() > kMaxAuthorizations) in.fail("authorizations", "holds more than 200");
    for (const std::string& url : out.authorizations) {
      if (!is_https_url(url)) in.fail("authorizations", "holds what is no https URL of at most 2048 bytes");
    }
    out.finalize = read_url(in, "finalize");
    if (in.has("certificate")) out.certificate = read_url(in, "certificate");
    if (out.status == "valid" && out.certificate.empty()) in.fail("certificate", "is required when valid");
    out.error = read_problem(in, "error");
  });
}

Result<Authorization> parse_authorization(std::string_view body) {
  return read_answer<Authorization>(body, [](const In& in, Authorization& out) {
    out.status = in.required_string("status");
    if (const auto identifier = in.required_child("identifier")) out.host = read_host(*identifier);
    for (const In& challenge : in.children("challenges")) {
      if (challenge.string_or("type", "") != "http-01") continue;
      out.challenge_url = read_url(challenge, "url");
      out.token = challenge.required_string("token");
      if (in.ok() && !is_base64url(out.token))
        challenge.fail("token", "is no base64url of at most 200 bytes");
      out.error = read_problem(challenge, "error");
    }
  });
}

}  // namespace agent::acme
