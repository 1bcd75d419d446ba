// HTTP/1.1 message heads, parsed without copying: a head holds offsets into the caller's bytes.
//
//   RequestParser parser;  RequestHead head;
//   switch (parser.parse(in.view(), head)) { ... }      // again with more bytes behind the same ones;
//   nothing is rescanned
//
// The heads are valid while the bytes they were parsed from are: call rebase() when the bytes moved as they
// are (Buffer grew), and write out what must live longer. Heads and parsers are reused: after the first
// requests nothing allocates. Not for HTTP/2. No I/O. The grammar is RFC 9112's, stricter than what most
// servers take (see docs/decisions.md); everything that two parsers could read differently is either an error
// or a Finding.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "balancer/codec/body.h"
#include "balancer/codec/desync.h"
#include "balancer/codec/fields.h"
#include "balancer/codec/refusal.h"

namespace balancer::codec {

// Limits of ALB (elastic load balancing quotas): line and header lengths are counted without the line end.
inline constexpr std::size_t kMaxRequestLine = 16 * 1024;
inline constexpr std::size_t kMaxFieldLine = 16 * 1024;
inline constexpr std::size_t kMaxRequestHead = 64 * 1024;  // all header lines, the request line counted apart
inline constexpr std::size_t kMaxResponseHead = 32 * 1024;  // status line and header lines
// A buffer of this size holds every request head the parser does not refuse.
inline constexpr std::size_t kMaxRequestHeadBytes = kMaxRequestLine + kMaxRequestHead + 16;
inline constexpr std::size_t kMaxFields = 128;
inline constexpr std::size_t kMaxMethod = 64;
// Options of Connection: each is compared with every field, so that their number bounds the work.
inline constexpr std::size_t kMaxConnectionOptions = 32;
inline constexpr std::size_t kMaxForwardedFor = 30;      // addresses; more are answered with 463
inline constexpr std::size_t kMaxLeadingEmptyLines = 1;  // before a request line (RFC 9112 section 2.2)

// Offsets, not pointers: they survive a move of the bytes.
struct Slice {
  std::uint32_t offset = 0;
  std::uint32_t size = 0;
};

enum FieldFlag : std::uint8_t {
  kBadName = 1,    // not a token: never passed on
  kBadValue = 2,   // holds NUL or CR: never passed on
  kFolded = 4,     // value spans lines (obs-fold): written as one line
  kSuspicious = 8  // looks like a framing field: never passed on
};

struct Field {
  Slice name;
  Slice value;  // without the spaces around it
  FieldId id = FieldId::kOther;
  std::uint8_t flags = 0;
};

static_assert(static_cast<unsigned>(FieldId::kCount) <= 32, "MessageHead keeps one bit for each");

// What requests and responses share. Filled by the parsers; read-only to everybody else.
struct MessageHead {
  const char* base = nullptr;
  std::vector<Field> fields;  // in order, duplicates kept
  std::array<std::int16_t, static_cast<std::size_t>(FieldId::kCount)>
      first{};                    // index into fields, -1 = none
  std::uint32_t repeated = 0;     // bit of each FieldId that occurs more than once
  bool http11 = false;            // false: HTTP/1.0
  bool connection_close = false;  // Connection: close
  bool connection_keep_alive = false;
  bool connection_upgrade = false;
  bool connection_names_fields = false;  // Connection holds other options: names of hop-by-hop fields

  std::string_view text(Slice slice) const { return {base + slice.offset, slice.size}; }
  std::string_view name(const Field& field) const { return text(field.name); }
  std::string_view value(const Field& field) const { return text(field.value); }
  const Field* find(FieldId id) const {
    const std::int16_t index = first[static_cast<std::size_t>(id)];
    return index < 0 ? nullptr : &fields[static_cast<std::size_t>(index)];
  }
  bool has(FieldId id) const { return find(id) != nullptr; }
  bool is_repeated(FieldId id) const { return (repeated >> static_cast<unsigned>(id) & 1U) != 0; }
  // Value of the first field of that kind; empty when there is none.
  std::string_view value(FieldId id) const {
    const Field* field = find(id);
    return field == nullptr ? std::string_view() : value(*field);
  }
  void add(const Field& field);
  void clear_fields();
  // The bytes lie elsewhere now, otherwise unchanged.
  void rebase(const char* new_base) { base = new_base; }
};

enum class TargetForm : std::uint8_t { kOrigin, kAbsolute, kAsterisk };

struct RequestHead : MessageHead {
  Slice method_slice, target_slice, path_slice, query_slice, authority_slice;
  TargetForm form = TargetForm::kOrigin;
  bool has_query = false;            // a '?' was there, even with nothing behind it
  bool head_method = false;          // HEAD
  bool keep_alive = false;           // the client is willing to send another request
  bool websocket = false;            // a well-formed websocket handshake (RFC 6455 section 4.1)
  bool takes_trailers = false;       // of the response: TE: trailers (RFC 9110 section 10.1.4)
  bool expects_continue = false;     // answer kContinue before reading the body, unless it is refused
  bool target_needs_escape = false;  // UTF-8; in monitor mode also spaces and control bytes
  bool suspicious_te = false, suspicious_cl = false;  // a look-alike of that field was seen
  BodyFraming body;
  Findings findings;
  Refusal refusal = Refusal::kNone;  // holds whatever the desync mode

  std::string_view method() const { return text(method_slice); }
  std::string_view target() const { return text(target_slice); }  // as received: for the log
  std::string_view path() const {  // as received, without the query; "/" when an absolute target has none
    return path_slice.size == 0 ? std::string_view("/") : text(path_slice);
  }
  std::string_view query() const { return text(query_slice); }  // without '?'
  std::string_view host_field() const { return MessageHead::value(FieldId::kHost); }
  // Whom the client wants to speak to, with the port if it named one: an absolute target goes before Host
  // (RFC 9112 section 3.2.2). Empty only for HTTP/1.0 without Host. With host preservation on, ALB's rules
  // look at Host instead.
  std::string_view authority() const {
    return form == TargetForm::kAbsolute ? text(authority_slice) : host_field();
  }
  void clear();
};

struct ResponseHead : MessageHead {
  int status = 0;
  Slice reason_slice;

  std::string_view reason() const { return text(reason_slice); }
  void clear();
};

enum class ParseState : std::uint8_t { kIncomplete, kComplete, kError };

// Keeps its place between calls, so a head that arrives byte by byte is still read once.
class RequestParser {
 public:
  // `bytes` begins where the request begins and holds at least what the call before held. kError:
  // head.refusal says why (judge() turns it into an answer); the connection must close after it. After
  // kComplete or kError: reset().
  ParseState parse(std::string_view bytes, RequestHead& head);
  std::size_t head_bytes() const { return position_; }              // after kComplete: where the body begins
  bool started() const { return position_ != 0 || scanned_ != 0; }  // any byte of a request seen
  void reset() { *this = RequestParser(); }

 private:
  enum class Phase : std::uint8_t { kRequestLine, kFields, kDone };
  ParseState fail(RequestHead& head, Refusal refusal);
  bool take_field(std::string_view line, std::size_t offset, RequestHead& head);

  Phase phase_ = Phase::kRequestLine;
  std::size_t position_ = 0;      // start of the line that is not complete yet
  std::size_t scanned_ = 0;       // no LF between position_ and here
  std::size_t fields_start_ = 0;  // first byte behind the request line
  std::size_t empty_lines_ = 0;
  bool dropped_line_ = false;  // the line before was no field, and neither are its continuations
};

class ResponseParser {
 public:
  // As RequestParser::parse. kError: problem() says why; the target's connection must close.
  ParseState parse(std::string_view bytes, ResponseHead& head);
  std::size_t head_bytes() const { return position_; }
  bool started() const { return position_ != 0 || scanned_ != 0; }
  std::string_view problem() const { return problem_; }  // "bad_status_line"; a word for the log
  void reset() { *this = ResponseParser(); }

 private:
  enum class Phase : std::uint8_t { kStatusLine, kFields, kDone };
  Phase phase_ = Phase::kStatusLine;
  std::size_t position_ = 0;
  std::size_t scanned_ = 0;
  std::string_view problem_;
};

inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace balancer::codec
