// Header field names the balancer acts on. Everything else is kOther and travels untouched.
#pragma once
#include <cstdint>
#include <string_view>

namespace balancer::codec {

enum class FieldId : std::uint8_t {
  kOther,
  kConnection,
  kContentLength,
  kContentType,
  kCookie,
  kDate,
  kExpect,
  kHost,
  kHttp2Settings,
  kKeepAlive,
  kLocation,
  kProxyAuthenticate,
  kProxyAuthorization,
  kProxyConnection,
  kReferer,
  kSecWebSocketAccept,
  kSecWebSocketKey,
  kServer,
  kSetCookie,
  kTe,
  kTrailer,
  kTransferEncoding,
  kUpgrade,
  kUserAgent,
  kXAmznTraceId,
  kXForwardedFor,
  kXForwardedPort,
  kXForwardedProto,
  // Names the load balancer alone may speak (X-Amzn-Mtls-*, X-Amzn-Oidc-*, X-Amzn-Tls-*), and spellings of
  // names it owns that CGI-like applications cannot tell from the real ones (X_Forwarded_For). Never passed
  // on from a client.
  kReserved,
  kCount
};

// Ignores case (RFC 9110 section 5.1).
FieldId field_id(std::string_view name);

// Name reads as Transfer-Encoding or Content-Length once everything but letters and digits is dropped (and
// the two Unicode letters that case-fold to ASCII ones are mapped), without being spelled exactly so: ELB's
// SuspiciousHeader.
enum class LookAlike : std::uint8_t { kNone, kTransferEncoding, kContentLength };
LookAlike look_alike(std::string_view name);

}  // namespace balancer::codec
