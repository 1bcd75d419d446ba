#include "agent/aws/sigv4.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "agent/aws/canonical.h"
#include "shared/base/check.h"
#include "shared/base/text.h"
#include "shared/crypto/hash.h"

namespace agent::aws {

using shared::Error;
using shared::Result;
using shared::WallTime;
namespace http = shared::http;
namespace crypto = shared::crypto;

namespace {

constexpr std::size_t kDateDigits = 8;  // of "20141106T010406Z"
constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";
constexpr std::string_view kSigV4a = "AWS4-ECDSA-P256-SHA256";

Error incomplete(std::string text) { return auth_error(AuthFailure::kIncomplete, std::move(text)); }

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

Result<void> read_credential(std::string_view text, Authorization& out) {
  const auto parts = split(text, '/');
  if (parts.size() != 5 || std::any_of(parts.begin(), parts.end(), [](auto part) { return part.empty(); })) {
    return incomplete("Credential must have the form <key>/<date>/<region>/<service>/aws4_request.");
  }
  if (parts[4] != kScopeEnd) {
    return auth_error(AuthFailure::kWrongScope,
                      "Credential should be scoped with a valid terminator: 'aws4_request'.");
  }
  out.access_key_id = parts[0];
  out.date = parts[1];
  out.region = parts[2];
  out.service = parts[3];
  return {};
}

Result<void> read_signed_headers(std::string_view text, Authorization& out) {
  for (const std::string_view name : split(text, ';')) {
    const bool lower_case =
        std::none_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    const bool repeated =
        std::find(out.signed_headers.begin(), out.signed_headers.end(), name) != out.signed_headers.end();
    if (name.empty() || !lower_case || repeated || out.signed_headers.size() == kMaxSignedHeaders) {
      return incomplete(
          "SignedHeaders must list lower-case header names, each once, separated by semicolons.");
    }
    out.signed_headers.emplace_back(name);
  }
  return {};
}

// X-Amz-Date, else Date (in either notation). Returns false when neither can be read.
bool read_header_date(const http::Headers& headers, Authorization& out) {
  if (headers.count("X-Amz-Date") > 1) return false;
  const auto amz = headers.get("X-Amz-Date");
  const auto plain = headers.get("Date");
  auto time = amz ? http::parse_amz_date(trim(*amz)) : std::nullopt;
  if (!amz && plain) {
    time = http::parse_http_date(trim(*plain));
    if (!time) time = http::parse_amz_date(trim(*plain));
  }
  if (!time) return false;
  out.time = *time;
  out.amz_date = http::amz_date(*time);
  return true;
}

Result<Authorization> parse_header(const http::Request& request, std::string_view header) {
  const std::string_view algorithm = header.substr(0, header.find(' '));
  if (algorithm == kSigV4a) {
    return auth_error(AuthFailure::kBadSignature,
                      "Signature algorithm " + std::string(kSigV4a) + " is not supported.");
  }
  if (algorithm != kAlgorithm)
    return incomplete("Authorization header must begin with " + std::string(kAlgorithm) + ".");
  header.remove_prefix(std::min(header.size(), algorithm.size() + 1));

  struct Part {
    std::string_view name;
    std::optional<std::string_view> value;
  };
  std::array<Part, 3> parts{{{"Credential", {}}, {"SignedHeaders", {}}, {"Signature", {}}}};
  for (const std::string_view piece : split(header, ',')) {
    const std::string_view pair = trim(piece);
    const std::size_t equals = pair.find('=');
    const auto part = std::find_if(parts.begin(), parts.end(), [&](const Part& p) {
      return equals != std::string_view::npos && p.name == pair.substr(0, equals);
    });
    if (part == parts.end() || part->value)
      return incomplete("Authorization header has an unexpected or repeated part.");
    part->value = trim(pair.substr(equals + 1));
  }
  for (const Part& part : parts) {
    if (!part.value || part.value->empty()) {
      return incomplete("Authorization header requires '" + std::string(part.name) + "' parameter.");
    }
  }
  Authorization out;
  if (auto read = read_credential(*parts[0].value, out); !read) return read.error();
  if (auto read = read_signed_headers(*parts[1].value, out); !read) return read.error();
  out.signature = *parts[2].value;
  if (!read_header_date(request.headers, out)) {
    return incomplete(
        "Authorization header requires existence of either a valid 'X-Amz-Date' or a 'Date' header.");
  }
  if (const auto token = request.headers.get("X-Amz-Security-Token")) out.session_token = trim(*token);
  return out;
}

Result<Authorization> parse_presigned(const FormFields& query) {
  struct Part {
    std::string_view name;
    std::optional<std::string_view> value;
  };
  std::array<Part, 6> parts{{{"X-Amz-Algorithm", {}},
                             {"X-Amz-Credential", {}},
                             {"X-Amz-Date", {}},
                             {"X-Amz-Expires", {}},
                             {"X-Amz-SignedHeaders", {}},
                             {"X-Amz-Signature", {}}}};
  Authorization out;
  out.form = SignatureForm::kPresignedQuery;
  for (const auto& [name, value] : query) {
    if (name == "X-Amz-Security-Token") {
      if (out.session_token) return incomplete("Query parameter 'X-Amz-Security-Token' is given twice.");
      out.session_token = value;
    }
    const auto part = std::find_if(parts.begin(), parts.end(),
                                   [&wanted = name](const Part& p) { return p.name == wanted; });
    if (part == parts.end()) continue;
    if (part->value) return incomplete("Query parameter '" + name + "' is given twice.");
    part->value = value;
  }
  if (!parts[0].value && !parts[5].value) return auth_error(AuthFailure::kMissing);
  for (const Part& part : parts) {
    if (!part.value || part.value->empty()) {
      return incomplete("Presigned request requires query parameter '" + std::string(part.name) + "'.");
    }
  }
  if (*parts[0].value != kAlgorithm) {
    return auth_error(AuthFailure::kBadSignature,
                      "Signature algorithm " + std::string(*parts[0].value) + " is not supported.");
  }
  if (auto read = read_credential(*parts[1].value, out); !read) return read.error();
  const auto time = http::parse_amz_date(*parts[2].value);
  if (!time) return incomplete("Query parameter 'X-Amz-Date' is not a date.");
  out.time = *time;
  out.amz_date = *parts[2].value;
  long long seconds = 0;
  const std::string_view expires = *parts[3].value;
  const auto [end, failed] = std::from_chars(expires.data(), expires.data() + expires.size(), seconds);
  if (failed != std::errc() || end != expires.data() + expires.size() || seconds < 1 ||
      seconds > kMaxPresignedLifetime.count()) {
    return incomplete("Query parameter 'X-Amz-Expires' must be a number of seconds from 1 to " +
                      std::to_string(kMaxPresignedLifetime.count()) + ".");
  }
  out.expires = std::chrono::seconds(seconds);
  if (auto read = read_signed_headers(*parts[4].value, out); !read) return read.error();
  out.signature = *parts[5].value;
  return out;
}

Result<FormFields> query_of(const http::Request& request) {
  auto query = http::parse_form(request.query());
  if (!query) return incomplete("The query string cannot be decoded: " + query.error().text() + ".");
  return query;
}

bool is_signed(const Authorization& authorization, std::string_view name) {
  const auto& names = authorization.signed_headers;
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Host, and each of the headers that decide what the request means, must be covered when present.
Result<void> check_coverage(const http::Request& request, const Authorization& authorization) {
  std::vector<std::string_view> required{"host"};
  for (const std::string_view name : {"x-amz-target", "x-amz-security-token", "x-amz-date"}) {
    if (request.headers.get(name)) required.push_back(name);
  }
  const bool header_form = authorization.form == SignatureForm::kHeader;
  if (header_form && !request.headers.get("x-amz-date")) required.push_back("date");
  for (const std::string_view name : required) {
    if (!is_signed(authorization, name)) {
      return auth_error(AuthFailure::kBadSignature,
                        "'" + std::string(name) + "' must be a 'SignedHeader' in the AWS Authorization.");
    }
    if (request.headers.count(name) > 1) {
      return auth_error(AuthFailure::kBadSignature,
                        "Header '" + std::string(name) + "' must not be repeated.");
    }
  }
  return {};
}

Result<void> check_scope(const Authorization& authorization, const ExpectedScope& expected) {
  if (authorization.service != expected.service) {
    return auth_error(AuthFailure::kWrongScope, "Credential should be scoped to correct service: '" +
                                                    std::string(expected.service) + "'.");
  }
  if (authorization.region != expected.region) {
    return auth_error(AuthFailure::kWrongScope, "Credential should be scoped to a valid region: '" +
                                                    std::string(expected.region) + "'.");
  }
  if (authorization.date != std::string_view(authorization.amz_date).substr(0, kDateDigits)) {
    return auth_error(AuthFailure::kWrongScope,
                      "Date in Credential scope does not match YYYYMMDD from ISO-8601 "
                      "version of date from HTTP.");
  }
  return {};
}

std::string minutes_text(shared::Millis skew) {
  return std::to_string(std::chrono::duration_cast<std::chrono::minutes>(skew).count()) + " min.)";
}

Result<void> check_time(const Authorization& authorization, WallTime now, shared::Millis skew) {
  const std::string sent = authorization.amz_date;
  if (authorization.time > now + skew) {
    return auth_error(AuthFailure::kNotYetCurrent, "Signature not yet current: " + sent +
                                                       " is still later than " + http::amz_date(now + skew) +
                                                       " (" + http::amz_date(now) + " + " +
                                                       minutes_text(skew));
  }
  if (authorization.form == SignatureForm::kPresignedQuery) {
    if (now <= authorization.time + authorization.expires) return {};
    return auth_error(AuthFailure::kExpired, "Signature expired: " + sent + " was valid for " +
                                                 std::to_string(authorization.expires.count()) +
                                                 " seconds, it is now " + http::amz_date(now));
  }
  if (authorization.time < now - skew) {
    return auth_error(AuthFailure::kExpired, "Signature expired: " + sent + " is now earlier than " +
                                                 http::amz_date(now - skew) + " (" + http::amz_date(now) +
                                                 " - " + minutes_text(skew));
  }
  return {};
}

Result<std::string> payload_hash(const http::Request& request, const Authorization& authorization,
                                 UnsignedPayload unsigned_payload) {
  const auto claimed = request.headers.get("X-Amz-Content-Sha256");
  if (claimed == kUnsignedPayload) {
    if (unsigned_payload == UnsignedPayload::kAccept && is_signed(authorization, "x-amz-content-sha256")) {
      return std::string(kUnsignedPayload);
    }
    return auth_error(AuthFailure::kBadSignature, "The payload of the request must be signed.");
  }
  std::string hash = crypto::sha256_hex(request.body);
  if (claimed && *claimed != hash) {
    return auth_error(AuthFailure::kBadSignature,
                      "'X-Amz-Content-Sha256' does not match the body of the request.");
  }
  return hash;
}

}  // namespace

Result<Authorization> parse_authorization(const http::Request& request) {
  if (request.headers.count("Authorization") > 1) return incomplete("Authorization header is given twice.");
  if (const auto header = request.headers.get("Authorization")) return parse_header(request, trim(*header));
  auto query = query_of(request);
  if (!query) return query.error();
  return parse_presigned(*query);
}

Result<void> verify(const http::Request& request, const Authorization& authorization, std::string_view secret,
                    WallTime now, const ExpectedScope& expected) {
  if (auto ok = check_coverage(request, authorization); !ok) return ok;
  if (auto ok = check_scope(authorization, expected); !ok) return ok;
  if (auto ok = check_time(authorization, now, expected.skew); !ok) return ok;
  const auto payload = payload_hash(request, authorization, expected.unsigned_payload);
  if (!payload) return payload.error();
  const auto query = query_of(request);
  if (!query) return query.error();
  const auto computed =
      signature_of({request, *query, authorization.signed_headers, *payload, authorization.amz_date,
                    authorization.date, authorization.region, authorization.service},
                   secret);
  if (!computed) return auth_error(AuthFailure::kBadSignature, computed.error().text());
  if (!crypto::equal_constant_time(*computed, authorization.signature)) {
    return auth_error(AuthFailure::kBadSignature);
  }
  return {};
}

void sign(http::Request& request, const Credentials& credentials, std::string_view region,
          std::string_view service, WallTime now) {
  BERTH_CHECK(request.headers.count("Host") == 1, "sign() needs the Host header");
  const std::string amz_date = http::amz_date(now);
  request.headers.set("X-Amz-Date", amz_date);
  request.headers.remove("X-Amz-Security-Token");
  if (!credentials.session_token.empty())
    request.headers.set("X-Amz-Security-Token", credentials.session_token);

  std::vector<std::string> names;
  for (const auto& [field, value] : request.headers.fields()) {
    std::string name = shared::lower_case(field);
    if (name == "host" || name == "content-type" || name.starts_with("x-amz-"))
      names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());

  const auto query = http::parse_form(request.query());
  BERTH_CHECK(query.has_value(), "sign() needs a well-formed query");
  const std::string date = amz_date.substr(0, kDateDigits);
  const auto signature = signature_of(
      {request, *query, names, crypto::sha256_hex(request.body), amz_date, date, region, service},
      credentials.secret_access_key);
  BERTH_CHECK(signature.has_value(), "a header vanished while it was signed");
  std::string list;
  for (const std::string& name : names) list.append(list.empty() ? "" : ";").append(name);
  request.headers.set("Authorization", std::string(kAlgorithm) + " Credential=" + credentials.access_key_id +
                                           "/" + scope_of(date, region, service) + ", SignedHeaders=" + list +
                                           ", Signature=" + *signature);
}

}  // namespace agent::aws
