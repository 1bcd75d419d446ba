#include "balancer/codec/fields.h"

#include <array>

#include "balancer/codec/chars.h"

namespace balancer::codec {

namespace {

constexpr std::size_t kLongestOwned = 24;
constexpr std::size_t kShortestOwned = 12;  // "x-amzn-tls-?"

FieldId exact_id(std::string_view name) {
  const auto either = [&](std::string_view lowered, FieldId id) {
    return equals_lowered(name, lowered) ? id : FieldId::kOther;
  };
  const char c = lower(name.empty() ? '\0' : name.front());
  switch (name.size()) {
    case 2:
      return either("te", FieldId::kTe);
    case 4:
      return c == 'h' ? either("host", FieldId::kHost) : either("date", FieldId::kDate);
    case 6:
      if (c == 'c') return either("cookie", FieldId::kCookie);
      return c == 's' ? either("server", FieldId::kServer) : either("expect", FieldId::kExpect);
    case 7:
      if (c == 'u') return either("upgrade", FieldId::kUpgrade);
      return c == 't' ? either("trailer", FieldId::kTrailer) : either("referer", FieldId::kReferer);
    case 8:
      return either("location", FieldId::kLocation);
    case 10:
      if (c == 'u') return either("user-agent", FieldId::kUserAgent);
      if (c == 's') return either("set-cookie", FieldId::kSetCookie);
      return c == 'k' ? either("keep-alive", FieldId::kKeepAlive)
                      : either("connection", FieldId::kConnection);
    case 12:
      return either("content-type", FieldId::kContentType);
    case 14:
      return c == 'h' ? either("http2-settings", FieldId::kHttp2Settings)
                      : either("content-length", FieldId::kContentLength);
    case 15:
      if (c != 'x') return FieldId::kOther;
      return lower(name[2]) == 'f' ? either("x-forwarded-for", FieldId::kXForwardedFor)
                                   : either("x-amzn-trace-id", FieldId::kXAmznTraceId);
    case 16:
      return c == 'x' ? either("x-forwarded-port", FieldId::kXForwardedPort)
                      : either("proxy-connection", FieldId::kProxyConnection);
    case 17:
      if (c == 't') return either("transfer-encoding", FieldId::kTransferEncoding);
      return c == 'x' ? either("x-forwarded-proto", FieldId::kXForwardedProto)
                      : either("sec-websocket-key", FieldId::kSecWebSocketKey);
    case 18:
      return either("proxy-authenticate", FieldId::kProxyAuthenticate);
    case 19:
      return either("proxy-authorization", FieldId::kProxyAuthorization);
    case 20:
      return either("sec-websocket-accept", FieldId::kSecWebSocketAccept);
    default:
      return FieldId::kOther;
  }
}

bool is_reserved(std::string_view name) {
  if (name.size() < kShortestOwned || lower(name.front()) != 'x') return false;
  std::array<char, kLongestOwned> folded;
  const std::size_t size = name.size() < folded.size() ? name.size() : folded.size();
  for (std::size_t i = 0; i < size; ++i) folded[i] = name[i] == '_' ? '-' : lower(name[i]);
  const std::string_view plain(folded.data(), size);
  for (const std::string_view prefix : {"x-amzn-mtls-", "x-amzn-oidc-", "x-amzn-tls-"}) {
    if (plain.starts_with(prefix)) return true;
  }
  for (const std::string_view owned :
       {"x-forwarded-for", "x-forwarded-port", "x-forwarded-proto", "x-amzn-trace-id"}) {
    if (name.size() == owned.size() && plain == owned) return true;  // exact spellings were found before
  }
  return false;
}

// The next letter or digit of `name` from `i` on, lower case; '\0' at the end.
char next_alphanumeric(std::string_view name, std::size_t& i) {
  while (i < name.size()) {
    const char c = name[i++];
    if (is(c, kAlphaChar) || is(c, kDigitChar)) return lower(c);
    if (i >= name.size()) break;
    const auto first = static_cast<unsigned char>(c);
    const auto second = static_cast<unsigned char>(name[i]);
    if (first == 0xc5 && second == 0xbf) return ++i, 's';  // U+017F LATIN SMALL LETTER LONG S
    if (first == 0xc4 && second == 0xb1) return ++i, 'i';  // U+0131 LATIN SMALL LETTER DOTLESS I
  }
  return '\0';
}

}  // namespace

FieldId field_id(std::string_view name) {
  const FieldId id = exact_id(name);
  return id == FieldId::kOther && is_reserved(name) ? FieldId::kReserved : id;
}

LookAlike look_alike(std::string_view name) {
  constexpr std::string_view kTe = "transferencoding";
  constexpr std::string_view kCl = "contentlength";
  if (name.size() < kCl.size()) return LookAlike::kNone;
  std::size_t at = 0;
  char c = next_alphanumeric(name, at);
  if (c != 't' && c != 'c') return LookAlike::kNone;
  const std::string_view wanted = c == 't' ? kTe : kCl;
  for (const char expected : wanted) {
    if (c != expected) return LookAlike::kNone;
    c = next_alphanumeric(name, at);
  }
  if (c != '\0' || equals_lowered(name, wanted == kTe ? "transfer-encoding" : "content-length")) {
    return LookAlike::kNone;
  }
  return wanted == kTe ? LookAlike::kTransferEncoding : LookAlike::kContentLength;
}

}  // namespace balancer::codec
