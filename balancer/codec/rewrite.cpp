#include "balancer/codec/rewrite.h"

#include <array>
#include <cstring>

#include "balancer/codec/chars.h"
#include "balancer/codec/field_line.h"
#include "balancer/codec/own_response.h"

namespace balancer::codec {

namespace {

using shared::lbconfig::XffMode;
using Kind = BodyFraming::Kind;

constexpr auto kHexPairs = [] {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<std::array<char, 2>, 256> pairs{};
  for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i] = {kDigits[i / 16], kDigits[i % 16]};
  return pairs;
}();

constexpr std::uint16_t kHttpPort = 80;
constexpr std::uint16_t kHttpsPort = 443;

// A folded value becomes one line: each byte of its line ends a space (RFC 9112 section 5.2).
void append_value(Buffer& out, const MessageHead& head, const Field& field) {
  const std::string_view value = head.value(field);
  if ((field.flags & kFolded) == 0) return out.append(value);
  for (const char c : value) out.append(c == '\r' || c == '\n' ? ' ' : c);
}

void append_lowered(Buffer& out, std::string_view text) {
  for (const char c : text) out.append(lower(c));
}

void append_field(Buffer& out, std::string_view name, std::string_view value) {
  out.append(name);
  out.append(": ");
  out.append(value);
  out.append("\r\n");
}

void append_field(Buffer& out, const MessageHead& head, const Field& field) {
  out.append(head.name(field));
  out.append(": ");
  append_value(out, head, field);
  out.append("\r\n");
}

void append_framing(Buffer& out, const BodyFraming& framing) {
  if (framing.kind == Kind::kChunked) {
    out.append("Transfer-Encoding: chunked\r\n");
  } else if (framing.kind == Kind::kLength) {
    out.append("Content-Length: ");
    out.append_decimal(framing.length);
    out.append("\r\n");
  }
}

// An option of Connection names this field. Fields the balancer itself acts on or owns have an id of their
// own and cannot be taken out this way (Connection: X-Forwarded-For, Host, Cookie).
bool named_by_connection(const MessageHead& head, const Field& field) {
  if (!head.connection_names_fields || field.id != FieldId::kOther) return false;
  const std::string_view name = head.name(field);
  for (const Field& connection : head.fields) {
    if (connection.id != FieldId::kConnection) continue;
    std::string_view rest = head.value(connection);
    std::string_view option;
    while (next_element(rest, option)) {
      if (equals_ignoring_case(option, name)) return true;
    }
  }
  return false;
}

constexpr std::uint32_t mask_of(std::initializer_list<FieldId> ids) {
  std::uint32_t mask = 0;
  for (const FieldId id : ids) mask |= 1U << static_cast<unsigned>(id);
  return mask;
}
constexpr bool in(std::uint32_t mask, FieldId id) { return (mask >> static_cast<unsigned>(id) & 1U) != 0; }

constexpr std::uint32_t kHopByHop =
    mask_of({FieldId::kConnection, FieldId::kKeepAlive, FieldId::kProxyConnection, FieldId::kTe,
             FieldId::kTrailer, FieldId::kTransferEncoding, FieldId::kUpgrade, FieldId::kProxyAuthenticate,
             FieldId::kProxyAuthorization, FieldId::kHttp2Settings});
// Written anew, or not at all.
constexpr std::uint32_t kNotFromClient =
    kHopByHop | mask_of({FieldId::kHost, FieldId::kContentLength, FieldId::kExpect, FieldId::kXForwardedFor,
                         FieldId::kXForwardedPort, FieldId::kXForwardedProto, FieldId::kXAmznTraceId,
                         FieldId::kReserved});
constexpr std::uint32_t kNotFromTarget = kHopByHop | mask_of({FieldId::kContentLength});

constexpr std::uint32_t kTrailerField = mask_of({FieldId::kTrailer});

bool passes(const MessageHead& head, const Field& field, std::uint32_t dropped) {
  return !in(dropped, field.id) && (field.flags & (kBadName | kBadValue | kSuspicious)) == 0 &&
         !named_by_connection(head, field);
}

bool name_is_plain(std::string_view name) {  // [-A-Za-z0-9]+
  for (const char c : name) {
    if (!is(c, kAlphaChar) && !is(c, kDigitChar) && c != '-') return false;
  }
  return true;
}

// Gateways make one variable of names that differ in these.
bool is_one_of(std::span<const std::string> names, std::string_view name) {
  for (const std::string& one : names) {
    const bool same = std::equal(one.begin(), one.end(), name.begin(), name.end(), [](char a, char b) {
      return lower(a == '_' ? '-' : a) == lower(b == '_' ? '-' : b);
    });
    if (same) return true;
  }
  return false;
}

void append_escaped(Buffer& out, std::string_view target) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : target) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f) {
      out.append(c);
      continue;
    }
    out.append('%');
    out.append(kDigits[byte >> 4]);
    out.append(kDigits[byte & 15]);
  }
}

void append_target(Buffer& out, const RequestHead& head) {
  if (head.target_needs_escape) {
    append_escaped(out, head.path());
  } else {
    out.append(head.path());
  }
  if (head.has_query) {
    out.append('?');
    if (head.target_needs_escape) {
      append_escaped(out, head.query());
    } else {
      out.append(head.query());
    }
  }
}

void append_request_line(Buffer& out, const RequestHead& head, std::string_view new_target) {
  out.append(head.method());
  out.append(' ');
  if (new_target.empty()) {
    append_target(out, head);
  } else {
    out.append(new_target);
  }
  out.append(" HTTP/1.1\r\n");
}

// ALB's table of host header preservation. A port that differs from the listener's is kept, as behind a port
// mapping it is the only way for an application to know where its client sits.
void append_host(Buffer& out, const RequestHead& head, const RequestRewrite& options) {
  const std::string_view authority = routing_authority(head, options);
  out.append("Host: ");
  if (options.preserve_host || !options.new_host.empty()) {
    out.append(options.new_host.empty() ? authority : options.new_host);
    return out.append("\r\n");
  }
  const auto [host, port] = split_authority(authority);
  append_lowered(out, host);
  const bool well_known = options.listener_port == kHttpPort || options.listener_port == kHttpsPort;
  Buffer& to = out;
  if (port.empty() && !well_known) {
    to.append(':');
    to.append_decimal(options.listener_port);
  } else if (!port.empty() && !(well_known && port == (options.listener_port == kHttpPort ? "80" : "443"))) {
    to.append(':');
    to.append(port);
  }
  out.append("\r\n");
}

void append_peer(Buffer& out, const RequestRewrite& options) {
  const bool bracketed =
      options.xff_client_port && options.client_address.find(':') != std::string_view::npos;
  if (bracketed) out.append('[');
  out.append(options.client_address);
  if (bracketed) out.append(']');
  if (!options.xff_client_port) return;
  out.append(':');
  out.append_decimal(options.client_port);
}

void append_forwarded(Buffer& out, const RequestHead& head, const RequestRewrite& options) {
  if (options.xff == XffMode::kAppend) {
    out.append("X-Forwarded-For: ");
    for (const Field& field : head.fields) {
      if (field.id != FieldId::kXForwardedFor || field.value.size == 0 || (field.flags & kBadValue) != 0)
        continue;
      append_value(out, head, field);
      out.append(", ");
    }
    append_peer(out, options);
    out.append("\r\n");
  } else if (options.xff == XffMode::kPreserve) {
    for (const Field& field : head.fields) {
      if (field.id == FieldId::kXForwardedFor && (field.flags & kBadValue) == 0)
        append_field(out, head, field);
    }
  }
  append_field(out, "X-Forwarded-Proto", options.scheme);
  out.append("X-Forwarded-Port: ");
  out.append_decimal(options.listener_port);
  out.append("\r\n");
}

// Takes the next member off a trace header.
bool next_member(std::string_view& rest, std::string_view& member) {
  if (rest.empty()) return false;
  const std::size_t end = rest.find(';');
  member = trim(rest.substr(0, end));
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return true;
}

bool is_member(std::string_view member, std::string_view lowered_key) {
  return member.size() > lowered_key.size() && member[lowered_key.size()] == '=' &&
         equals_lowered(member.substr(0, lowered_key.size()), lowered_key);
}

// The client's trace header; empty when there is none that can be carried on.
std::string_view usable_trace(const RequestHead& head) {
  const Field* field = head.find(FieldId::kXAmznTraceId);
  if (field == nullptr || (field->flags & (kFolded | kBadValue)) != 0) return {};
  const std::string_view value = head.value(*field);
  return value.size() > kMaxTraceHeader ? std::string_view() : value;
}

bool has_root(std::string_view trace) {
  std::string_view member;
  while (next_member(trace, member)) {
    if (is_member(member, "root")) return true;
  }
  return false;
}

void append_trace(Buffer& out, const RequestHead& head, const TraceStamp& stamp) {
  out.append("X-Amzn-Trace-Id: ");
  out.append(trace_field(head));
  out.append(stamp.view());
  std::string_view rest = usable_trace(head);
  std::string_view member;
  while (next_member(rest, member)) {
    if (member.empty() || is_member(member, "self")) continue;
    out.append(';');
    out.append(member);
  }
  out.append("\r\n");
}

}  // namespace

TraceStamp make_trace_stamp(std::uint32_t epoch_seconds, std::uint64_t random_high,
                            std::uint64_t random_low) {
  TraceStamp stamp;
  char* at = stamp.text.data();
  const auto hex = [&](std::uint64_t value, int digits) {
    for (int shift = digits * 4 - 8; shift >= 0; shift -= 8) {
      std::memcpy(at, kHexPairs[value >> shift & 0xffU].data(), 2);
      at += 2;
    }
  };
  *at++ = '1';
  *at++ = '-';
  hex(epoch_seconds, 8);
  *at++ = '-';
  hex(random_high, 8);
  hex(random_low, 16);
  return stamp;
}

std::string_view trace_field(const RequestHead& head) {
  return has_root(usable_trace(head)) ? "Self=" : "Root=";
}

void write_request_head(Buffer& out, const RequestHead& head, const RequestRewrite& options) {
  append_request_line(out, head, options.new_target);
  append_host(out, head, options);
  const std::uint32_t dropped = head.body.trailers ? kNotFromClient & ~kTrailerField : kNotFromClient;
  for (const Field& field : head.fields) {
    if (!passes(head, field, dropped)) continue;
    if (options.drop_invalid_headers && !name_is_plain(head.name(field))) continue;
    if (!options.reserved.empty() && is_one_of(options.reserved, head.name(field))) continue;
    append_field(out, head, field);
  }
  append_forwarded(out, head, options);
  out.append(options.extra_fields);
  append_trace(out, head, options.trace);
  if (!options.traceparent.empty()) append_field(out, "traceparent", options.traceparent);
  append_framing(out, head.body);
  const bool close = options.target == Persist::kClose;
  if (head.websocket) {
    out.append("Connection: upgrade\r\nUpgrade: websocket\r\n");
  } else if (head.takes_trailers) {  // TE is about one connection, and says so
    out.append(close ? "TE: trailers\r\nConnection: TE, close\r\n" : "TE: trailers\r\nConnection: TE\r\n");
  } else if (close) {
    out.append("Connection: close\r\n");
  }
  out.append("\r\n");
}

namespace {

void append_status_line(Buffer& out, const ResponseHead& head) {
  out.append("HTTP/1.1 ");
  out.append_decimal(static_cast<std::uint64_t>(head.status));
  out.append(' ');
  out.append(head.reason());
  out.append("\r\n");
}

// HEAD and 304 tell the length of a body that is not sent; 1xx and 204 must not (RFC 9110 section 8.6).
void append_response_framing(Buffer& out, const ResponseHead& head, const ResponsePlan& plan,
                             const RequestFacts& request) {
  if (plan.out.kind != Kind::kNone) return append_framing(out, plan.out);
  if (!request.head_method && head.status != 304) return;
  std::uint64_t length = 0;
  const Length told = read_length(head, length);
  const bool known = told == Length::kOne || told == Length::kSameTwice;
  if (head.status != 204 && known && !head.has(FieldId::kTransferEncoding)) {
    append_framing(out, BodyFraming{Kind::kLength, length});
  }
}

// What is said of bytes that the client does not get.
bool is_about_bytes(std::string_view name) {
  for (const std::string_view lowered :
       {"accept-ranges", "content-digest", "content-md5", "digest", "repr-digest"}) {
    if (equals_lowered(name, lowered)) return true;
  }
  return false;
}

// False: the field goes on as it is. RFC 9110 section 8.8.1: a strong validator is of the same bytes.
bool append_recoded(Buffer& out, const ResponseHead& head, const Field& field,
                    const ResponseRewrite& options) {
  const std::string_view name = head.name(field);
  if (!options.content_coding.empty() && is_about_bytes(name)) return true;
  if (!options.weaken_etag || !equals_lowered(name, "etag") || head.value(field).starts_with("W/"))
    return false;
  out.append(name);
  out.append(": W/");
  append_value(out, head, field);
  out.append("\r\n");
  return true;
}

bool varies_by_coding(const ResponseHead& head) {
  for (const Field& field : head.fields) {
    if (!equals_lowered(head.name(field), "vary")) continue;
    std::string_view rest = head.value(field);
    std::string_view element;
    while (next_element(rest, element)) {
      if (element == "*" || equals_lowered(element, "accept-encoding")) return true;
    }
  }
  return false;
}

}  // namespace

void write_response_head(Buffer& out, const ResponseHead& head, const ResponsePlan& plan,
                         const RequestFacts& request, const ResponseRewrite& options) {
  append_status_line(out, head);
  const std::uint32_t dropped = plan.out.trailers ? kNotFromTarget & ~kTrailerField : kNotFromTarget;
  const ResponseEdits* edits = plan.kind == ResponseKind::kInterimForward ? nullptr : options.edits;
  for (const Field& field : head.fields) {
    if (!passes(head, field, dropped) || (edits != nullptr && edits->sets(head.name(field)))) continue;
    if (options.vary_by_coding && append_recoded(out, head, field, options)) continue;
    append_field(out, head, field);
  }
  if (edits != nullptr) out.append(edits->lines());
  if (options.vary_by_coding) {
    if (!options.content_coding.empty()) append_field(out, "Content-Encoding", options.content_coding);
    if (!varies_by_coding(head)) append_field(out, "Vary", "Accept-Encoding");
  }
  if (plan.kind == ResponseKind::kUpgrade) {
    out.append("Connection: upgrade\r\nUpgrade: websocket\r\n");
  } else if (plan.kind == ResponseKind::kFinal) {
    if (!options.date.empty() && !head.has(FieldId::kDate)) append_field(out, "Date", options.date);
    append_response_framing(out, head, plan, request);
    if (!plan.keep_client) {
      out.append("Connection: close\r\n");
    } else if (!request.http11) {
      out.append("Connection: keep-alive\r\n");
    }
  }
  if (plan.kind != ResponseKind::kInterimForward) out.append(options.extra_fields);
  out.append("\r\n");
}

}  // namespace balancer::codec
