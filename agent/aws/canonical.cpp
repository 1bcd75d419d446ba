#include "agent/aws/canonical.h"

#include <algorithm>

#include "shared/crypto/hash.h"

namespace agent::aws {

using shared::Blame;
using shared::Error;
using shared::Result;
namespace http = shared::http;
namespace crypto = shared::crypto;

std::string canonical_path(std::string_view path) {
  std::vector<std::string_view> segments;
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::string_view segment = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(rest.size(), segment.size() + 1));
    if (segment.empty() || segment == ".") continue;
    if (segment != "..") {
      segments.push_back(segment);
    } else if (!segments.empty()) {
      segments.pop_back();
    }
  }
  std::string normal;
  for (const std::string_view segment : segments) normal.append("/").append(segment);
  if (normal.empty() || path.ends_with('/')) normal.push_back('/');
  return http::percent_encode(normal, http::Slash::kKeep);
}

std::string canonical_query(const FormFields& parameters) {
  FormFields encoded;
  for (const auto& [name, value] : parameters) {
    if (name == "X-Amz-Signature") continue;
    encoded.emplace_back(http::percent_encode(name, http::Slash::kEncode),
                         http::percent_encode(value, http::Slash::kEncode));
  }
  std::sort(encoded.begin(), encoded.end());
  std::string out;
  for (const auto& [name, value] : encoded) {
    if (!out.empty()) out.push_back('&');
    out.append(name).append("=").append(value);
  }
  return out;
}

std::optional<std::string> canonical_value(const http::Headers& headers, std::string_view name) {
  std::optional<std::string> out;
  for (const auto& [field, value] : headers.fields()) {
    if (!http::equals_ignoring_case(field, name)) continue;
    out = out ? *out + "," : std::string();
    bool gap = false;
    bool begun = false;
    for (const char c : value) {
      if (c == ' ' || c == '\t') {
        gap = begun;
        continue;
      }
      if (gap) out->push_back(' ');
      gap = false;
      begun = true;
      out->push_back(c);
    }
  }
  return out;
}

std::string scope_of(std::string_view date, std::string_view region, std::string_view service) {
  std::string scope(date);
  for (const std::string_view part : {region, service, kScopeEnd}) scope.append("/").append(part);
  return scope;
}

Result<std::string> signature_of(const SignatureInput& input, std::string_view secret) {
  std::string headers;
  std::string names;
  for (const std::string& name : input.signed_headers) {
    const auto value = canonical_value(input.request.headers, name);
    if (!value)
      return Error("absent_header", "signed header '" + name + "' is not in the request", Blame::kClient);
    headers.append(name).append(":").append(*value).append("\n");
    names.append(names.empty() ? "" : ";").append(name);
  }
  std::string canonical = input.request.method;
  const std::string path = canonical_path(input.request.path());
  const std::string query = canonical_query(input.query);
  for (const std::string_view part :
       {std::string_view(path), std::string_view(query), std::string_view(headers), std::string_view(names),
        input.payload_hash}) {
    canonical.append("\n").append(part);
  }
  std::string to_sign(kAlgorithm);
  to_sign.append("\n").append(input.amz_date).append("\n");
  to_sign.append(scope_of(input.date, input.region, input.service)).append("\n");
  to_sign.append(crypto::sha256_hex(canonical));

  std::string key = "AWS4" + std::string(secret);
  for (const std::string_view part : {input.date, input.region, input.service, kScopeEnd}) {
    key = crypto::hmac_sha256(key, part);
  }
  return crypto::to_hex(crypto::hmac_sha256(key, to_sign));
}

}  // namespace agent::aws
