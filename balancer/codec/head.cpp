#include "balancer/codec/head.h"

#include <cstring>

#include "balancer/codec/chars.h"
#include "balancer/codec/field_line.h"
#include "balancer/codec/request.h"

namespace balancer::codec {

void MessageHead::add(const Field& field) {
  std::int16_t& index = first[static_cast<std::size_t>(field.id)];
  if (index < 0) {
    index = static_cast<std::int16_t>(fields.size());
  } else {
    repeated |= 1U << static_cast<unsigned>(field.id);
  }
  fields.push_back(field);
}

void MessageHead::clear_fields() {
  base = nullptr;
  fields.clear();
  first.fill(-1);
  repeated = 0;
  http11 = false;
  connection_close = connection_keep_alive = connection_upgrade = connection_names_fields = false;
}

void RequestHead::clear() {
  clear_fields();
  method_slice = target_slice = path_slice = query_slice = authority_slice = Slice();
  form = TargetForm::kOrigin;
  has_query = head_method = keep_alive = websocket = takes_trailers = expects_continue = target_needs_escape =
      false;
  suspicious_te = suspicious_cl = false;
  body = BodyFraming();
  findings.clear();
  refusal = Refusal::kNone;
}

void ResponseHead::clear() {
  clear_fields();
  status = 0;
  reason_slice = Slice();
}

namespace {

// The next line of `bytes` from `start` on, without its line end. Bare LF ends a line here.
struct Line {
  std::string_view text;
  std::size_t next = 0;  // 0: no complete line
  bool bare_lf = false;
};
inline Line next_line(std::string_view bytes, std::size_t start, std::size_t& scanned) {
  Line line;
  const std::size_t from = scanned > start ? scanned : start;
  const void* found =
      from < bytes.size() ? std::memchr(bytes.data() + from, '\n', bytes.size() - from) : nullptr;
  if (found == nullptr) {
    scanned = bytes.size();
    return line;
  }
  const auto newline = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
  line.next = newline + 1;
  line.bare_lf = newline == start || bytes[newline - 1] != '\r';
  line.text = {bytes.data() + start, newline - start - (line.bare_lf ? 0 : 1)};
  scanned = line.next;
  return line;
}

void note_oddities(RequestHead& head, std::uint8_t oddities) {
  Findings& findings = head.findings;
  if ((oddities & kNoColon) != 0) findings.add(Finding::kMissingHeaderColon);
  if ((oddities & kEmptyName) != 0) findings.add(Finding::kEmptyHeader);
  if ((oddities & (kNameWithNulOrCr | kValueWithNulOrCr)) != 0) findings.add(Finding::kBadHeader);
  if ((oddities & kLooksLikeFraming) != 0) findings.add(Finding::kSuspiciousHeader);
  if ((oddities & (kNameNotToken | kValueWithControl)) != 0) findings.add(Finding::kNonCompliantHeader);
  if ((oddities & kSpaceAfterName) != 0) findings.add(Finding::kSpaceBeforeColon);
}

}  // namespace

ParseState RequestParser::fail(RequestHead& head, Refusal refusal) {
  head.refusal = refusal;
  phase_ = Phase::kDone;
  return ParseState::kError;
}

ParseState RequestParser::parse(std::string_view bytes, RequestHead& head) {
  if (position_ == 0 && phase_ == Phase::kRequestLine) head.clear();
  head.rebase(bytes.data());
  if (phase_ == Phase::kDone)
    return head.refusal == Refusal::kNone ? ParseState::kComplete : ParseState::kError;
  for (;;) {
    const bool request_line = phase_ == Phase::kRequestLine;
    const Line line = next_line(bytes, position_, scanned_);
    const std::size_t length = line.next == 0 ? bytes.size() - position_ : line.text.size();
    // One byte more while the line end is missing: it may be the CR.
    if (length > (request_line ? kMaxRequestLine : kMaxFieldLine) + (line.next == 0 ? 1 : 0)) {
      return fail(head, request_line ? Refusal::kTargetTooLong : Refusal::kFieldTooLong);
    }
    if (!request_line && (line.next == 0 ? bytes.size() : line.next) - fields_start_ > kMaxRequestHead) {
      return fail(head, Refusal::kHeadTooLong);
    }
    if (line.next == 0) return ParseState::kIncomplete;
    if (line.bare_lf) head.findings.add(Finding::kNonCrLfLineTermination);
    const std::size_t offset = position_;
    position_ = line.next;
    if (request_line) {
      if (line.text.empty()) {
        if (++empty_lines_ > kMaxLeadingEmptyLines) return fail(head, Refusal::kBadRequestLine);
        continue;
      }
      parse_request_line(line.text, offset, head);
      if (head.refusal != Refusal::kNone) return fail(head, head.refusal);
      fields_start_ = position_;
      phase_ = Phase::kFields;
    } else if (line.text.empty()) {
      finish_request(head);
      phase_ = Phase::kDone;
      return head.refusal == Refusal::kNone ? ParseState::kComplete : ParseState::kError;
    } else if (!take_field(line.text, offset, head)) {
      return fail(head, head.refusal);
    }
  }
}

bool RequestParser::take_field(std::string_view line, std::size_t offset, RequestHead& head) {
  if (is_space(line.front())) {
    if (dropped_line_) {  // the continuation of a line that is no field
      head.findings.add(Finding::kMultilineHeader);
      return true;
    }
    if (head.fields.empty()) {
      head.refusal = Refusal::kBadFieldLine;  // RFC 9112 section 2.2: space before the first field
      return false;
    }
    Field& last = head.fields.back();
    note_oddities(head, fold_field_line(last, line, offset));
    if (last.id != FieldId::kContentType) head.findings.add(Finding::kMultilineHeader);
    return true;
  }
  const FieldLine parsed = parse_field_line(line, offset);
  note_oddities(head, parsed.oddities);
  dropped_line_ = (parsed.oddities & (kNoColon | kEmptyName)) != 0;
  if (dropped_line_) return true;
  if (head.fields.size() == kMaxFields) {
    head.refusal = Refusal::kTooManyFields;
    return false;
  }
  if (parsed.look_alike == LookAlike::kTransferEncoding) head.suspicious_te = true;
  if (parsed.look_alike == LookAlike::kContentLength) head.suspicious_cl = true;
  head.add(parsed.field);
  return true;
}

namespace {

// "HTTP/1.1 200 OK"; the reason and the space before it may be missing. False when malformed.
bool parse_status_line(std::string_view line, std::size_t offset, ResponseHead& head) {
  constexpr std::size_t kStatusAt = 9;
  constexpr std::size_t kReasonAt = 13;
  if (line.size() < kStatusAt + 3 || !line.starts_with("HTTP/1.") || line[8] != ' ') return false;
  if (line[7] != '0' && line[7] != '1') return false;
  head.http11 = line[7] == '1';
  if (!all(line.substr(kStatusAt, 3), kDigitChar)) return false;
  for (std::size_t i = kStatusAt; i < kStatusAt + 3; ++i) head.status = head.status * 10 + (line[i] - '0');
  if (head.status < 100) return false;
  if (line.size() == kStatusAt + 3) return true;
  if (line[kStatusAt + 3] != ' ') return false;
  for (const char c : line.substr(kReasonAt)) {
    if (is(c, kControlChar) && c != '\t') return false;
  }
  head.reason_slice = {static_cast<std::uint32_t>(offset + kReasonAt),
                       static_cast<std::uint32_t>(line.size() - kReasonAt)};
  return true;
}

// Empty: taken. Else the word for what is wrong.
std::string_view take_response_field(std::string_view line, std::size_t offset, ResponseHead& head) {
  if (is_space(line.front())) {
    if (head.fields.empty()) return "bad_header_line";
    const std::uint8_t folded = fold_field_line(head.fields.back(), line, offset);
    return (folded & kValueWithNulOrCr) != 0 ? "bad_header_value" : "";
  }
  const FieldLine parsed = parse_field_line(line, offset);
  if ((parsed.oddities & (kNoColon | kEmptyName)) != 0) return "bad_header_line";
  if ((parsed.oddities & kNameWithNulOrCr) != 0) return "bad_header_name";
  if ((parsed.oddities & kValueWithNulOrCr) != 0) return "bad_header_value";
  // A framing field behind a space or a strange byte: some client reads it, another does not.
  if ((parsed.oddities & kLooksLikeFraming) != 0 && (parsed.oddities & kNameNotToken) != 0) {
    return "suspicious_header";
  }
  if (head.fields.size() == kMaxFields) return "too_many_headers";
  head.add(parsed.field);
  return "";
}

}  // namespace

ParseState ResponseParser::parse(std::string_view bytes, ResponseHead& head) {
  if (position_ == 0) head.clear();
  head.rebase(bytes.data());
  if (phase_ == Phase::kDone) return problem_.empty() ? ParseState::kComplete : ParseState::kError;
  const auto failed = [this](std::string_view problem) {
    problem_ = problem;
    phase_ = Phase::kDone;
    return ParseState::kError;
  };
  for (;;) {
    const Line line = next_line(bytes, position_, scanned_);
    if ((line.next == 0 ? bytes.size() : line.next) > kMaxResponseHead) return failed("headers_too_long");
    if (line.next == 0) return ParseState::kIncomplete;
    const std::size_t offset = position_;
    position_ = line.next;
    if (phase_ == Phase::kStatusLine) {
      if (!parse_status_line(line.text, offset, head)) return failed("bad_status_line");
      phase_ = Phase::kFields;
    } else if (line.text.empty()) {
      phase_ = Phase::kDone;
      if (read_connection(head) > kMaxConnectionOptions) return failed("too_many_connection_options");
      return ParseState::kComplete;
    } else if (const std::string_view problem = take_response_field(line.text, offset, head);
               !problem.empty()) {
      return failed(problem);
    }
  }
}

}  // namespace balancer::codec
