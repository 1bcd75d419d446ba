// The heads as they are sent on. Every field that speaks about one connection (RFC 9110 section 7.6.1) is
// removed, and framing is written anew exactly once, so that what a target sees has one reading only.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "balancer/codec/buffer.h"
#include "balancer/codec/exchange.h"
#include "balancer/codec/head.h"
#include "balancer/codec/response_edits.h"
#include "shared/lbconfig/config.h"

namespace balancer::codec {

enum class Persist : std::uint8_t { kKeepAlive, kClose };

// An X-Amzn-Trace-Id value larger than this is discarded (ALB: 7 KB).
inline constexpr std::size_t kMaxTraceHeader = 7 * 1024;

// "1-67891233-abcdef012345678912345678": the time in seconds and 96 random bits, in hexadecimal.
struct TraceStamp {
  std::array<char, 35> text{};
  std::string_view view() const { return {text.data(), text.size()}; }
};
TraceStamp make_trace_stamp(std::uint32_t epoch_seconds, std::uint64_t random_high, std::uint64_t random_low);
// "Root=" or "Self=": the field under which the stamp was sent on, for the trace_id of the access log.
std::string_view trace_field(const RequestHead& head);

struct RequestRewrite {
  std::string_view scheme = "http";  // of the listener
  std::uint16_t listener_port = 80;
  std::string_view client_address{};  // numeric, without brackets
  std::uint16_t client_port = 0;
  std::string_view default_host{};  // HTTP/1.0 without Host: the load balancer's DNS name
  shared::lbconfig::XffMode xff = shared::lbconfig::XffMode::kAppend;
  bool xff_client_port = false;
  bool preserve_host = false;
  bool drop_invalid_headers = false;  // names outside [A-Za-z0-9-]
  std::string_view extra_fields{};    // complete lines with CRLF, which no client can send: about its TLS
  // Names of fields that no client can send beside those of ours; `_` is taken for `-`.
  std::span<const std::string> reserved{};
  // In place of what came, written as they are (routing::transform); empty: what came.
  std::string_view new_host{};    // valid_authority
  std::string_view new_target{};  // path and query, origin-form
  TraceStamp trace;
  std::string_view traceparent{};        // added where not empty (trace_context.h)
  Persist target = Persist::kKeepAlive;  // kClose: the target is told that no other request follows
};

// Appends the head for the target. The body follows as head.body says: BodyForm::kChunked for chunked, else
// plain. Precondition: judge() did not refuse the head.
void write_request_head(Buffer& out, const RequestHead& head, const RequestRewrite& options);

struct ResponseRewrite {
  std::string_view date{};               // IMF-fixdate, added when the target sent none; empty: never
  std::string_view extra_fields{};       // complete lines with CRLF, such as the stickiness cookies
  const ResponseEdits* edits = nullptr;  // of the listener; not for interim responses
  // Of a response that is compressed on its way, or would be for another client.
  bool vary_by_coding = false;
  bool weaken_etag = false;
  std::string_view content_coding{};  // empty: it goes as it is
};

// Appends the head for the client (a final, an interim or a 101 one).
void write_response_head(Buffer& out, const ResponseHead& head, const ResponsePlan& plan,
                         const RequestFacts& request, const ResponseRewrite& options);

// The host of an authority ("a:80" -> "a", "[::1]:80" -> "[::1]"), and its port digits, empty without.
struct HostPort {
  std::string_view host{};
  std::string_view port{};
};
HostPort split_authority(std::string_view authority);
// RFC 3986 host and an optional port up to 65535. No user information, no list, no empty host.
bool valid_authority(std::string_view authority);

// The authority that rules and redirects see: Host when host preservation is on, else absolute target before
// Host; default_host when the request names none.
std::string_view routing_authority(const RequestHead& head, const RequestRewrite& options);

}  // namespace balancer::codec
