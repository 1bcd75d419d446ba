#include "balancer/codec/request.h"

#include <algorithm>

#include "balancer/codec/chars.h"
#include "balancer/codec/field_line.h"
#include "balancer/codec/rewrite.h"

namespace balancer::codec {

namespace {

void refuse(RequestHead& head, Refusal refusal) {
  if (head.refusal == Refusal::kNone) head.refusal = refusal;
}
void refuse(RequestHead& head, Finding finding, Refusal refusal) {
  head.findings.add(finding);
  refuse(head, refusal);
}

// RFC 9112 section 2.3. Minor versions above 1 are spoken to as 1.1 (RFC 9110 section 6.2).
void read_version(std::string_view text, RequestHead& head) {
  if (text.size() != 8 || !text.starts_with("HTTP/") || !is(text[5], kDigitChar) || text[6] != '.' ||
      !is(text[7], kDigitChar)) {
    return refuse(head, Finding::kBadVersion, Refusal::kBadVersion);
  }
  if (text[5] != '1') return refuse(head, Finding::kNonCompliantVersion, Refusal::kVersionNotSupported);
  head.http11 = text[7] != '0';
  if (text[7] > '1') head.findings.add(Finding::kNonCompliantVersion);
}

// Bytes from 0x80 on are escaped on the way (RFC 9112 section 3.2, RFC 3986 section 2.5), and must be UTF-8:
// of other encodings, overlong forms among them, nobody can say what a target reads in them.
void note_target_bytes(std::string_view target, RequestHead& head) {
  bool high = false;
  for (const char c : target) {
    if (is(c, kPlainUriChar) || c == '%') continue;
    if (c == '#') {
      refuse(head, Refusal::kBadTarget);
      continue;
    }
    head.target_needs_escape = true;
    if (static_cast<unsigned char>(c) >= 0x80) {
      high = true;
      continue;
    }
    if (c == '\0') refuse(head, Finding::kBadUri, Refusal::kBadTarget);
    head.findings.add(c == ' ' ? Finding::kSpaceInUri : Finding::kAmbiguousUri);
  }
  if (high && !is_utf8(target)) refuse(head, Finding::kBadUri, Refusal::kBadTarget);
}

// An escaped NUL ends a path early for programs that keep it as a C string.
bool has_escaped_nul(std::string_view path) { return path.find("%00") != std::string_view::npos; }

Slice sub(Slice whole, std::size_t begin, std::size_t size) {
  return {whole.offset + static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(size)};
}

// RFC 9112 section 3.2: origin form, absolute form (http and https), asterisk form for OPTIONS.
void read_target(std::string_view target, std::string_view method, RequestHead& head) {
  std::size_t path_at = 0;
  if (target == "*") {
    head.form = TargetForm::kAsterisk;
    if (method != "OPTIONS") refuse(head, Refusal::kBadTarget);
  } else if (target.front() != '/') {
    head.form = TargetForm::kAbsolute;
    const std::size_t scheme = target.find("://");
    if (scheme == std::string_view::npos || (!equals_lowered(target.substr(0, scheme), "http") &&
                                             !equals_lowered(target.substr(0, scheme), "https"))) {
      return refuse(head, Refusal::kBadTarget);
    }
    const std::size_t authority = scheme + 3;
    path_at = std::min(target.find_first_of("/?", authority), target.size());
    head.authority_slice = sub(head.target_slice, authority, path_at - authority);
    if (!valid_authority(target.substr(authority, path_at - authority))) refuse(head, Refusal::kBadTarget);
  }
  const std::size_t question = std::min(target.find('?', path_at), target.size());
  head.path_slice = sub(head.target_slice, path_at, question - path_at);
  if (has_escaped_nul(target.substr(path_at, question - path_at))) {
    refuse(head, Finding::kBadUri, Refusal::kBadTarget);
  }
  head.has_query = question < target.size();
  if (head.has_query) head.query_slice = sub(head.target_slice, question + 1, target.size() - question - 1);
}

void read_host(RequestHead& head) {
  const Field* host = head.find(FieldId::kHost);
  if (host == nullptr) {
    if (head.http11) refuse(head, Refusal::kMissingHost);
    return;
  }
  if (head.is_repeated(FieldId::kHost)) return refuse(head, Refusal::kDuplicateHost);
  const bool clean = (host->flags & (kBadValue | kFolded)) == 0;
  if (!clean || !valid_authority(head.host_field())) refuse(head, Refusal::kBadHost);
}

bool read_transfer_encoding(RequestHead& head) {
  const Codings codings = read_codings(head);
  switch (codings) {
    case Codings::kAbsent:
      return false;
    case Codings::kChunked:
      break;
    case Codings::kIdentity:
      refuse(head, Refusal::kBadTransferEncoding);
      break;
    case Codings::kKnownOther:
      refuse(head, Refusal::kUnknownTransferCoding);
      break;
    case Codings::kUnknown:
      refuse(head, Finding::kBadTransferEncoding, Refusal::kUnknownTransferCoding);
      break;
    case Codings::kChunkedTwice:
      refuse(head, Finding::kMultipleTransferEncodingChunked, Refusal::kBadTransferEncoding);
      break;
    case Codings::kChunkedNotLast:  // RFC 9112 section 6.3: the end of the body cannot be known
    case Codings::kMalformed:
      refuse(head, Finding::kBadTransferEncoding, Refusal::kBadTransferEncoding);
      break;
  }
  if (!head.http11) {
    refuse(head, Finding::kUndefinedTransferEncodingSemantics, Refusal::kTransferEncodingOnHttp10);
  }
  head.body.kind = BodyFraming::Kind::kChunked;
  head.body.trailers = true;
  return true;
}

bool read_content_length(RequestHead& head) {
  std::uint64_t length = 0;
  switch (read_length(head, length)) {
    case Length::kAbsent:
      return false;
    case Length::kOne:
      break;
    case Length::kSameTwice:
      head.findings.add(Finding::kDuplicateContentLength);
      break;
    case Length::kDifferent:
      refuse(head, Finding::kMultipleContentLength, Refusal::kMultipleContentLength);
      break;
    case Length::kMalformed:
      refuse(head, Finding::kBadContentLength, Refusal::kBadContentLength);
      break;
  }
  if (head.body.kind != BodyFraming::Kind::kChunked) head.body = {BodyFraming::Kind::kLength, length};
  return true;
}

// Look-alikes are dropped and do not frame; here only how suspicious they make the head.
void note_look_alikes(RequestHead& head, bool te, bool cl) {
  if (!head.suspicious_te && !head.suspicious_cl) return;
  if ((te || head.suspicious_te) && (cl || head.suspicious_cl)) {
    head.findings.add(Finding::kSuspiciousTeClPresent);
  }
  if (te && head.suspicious_te) head.findings.add(Finding::kMultipleTransferEncodingChunked);
  if (!head.suspicious_cl || !cl) return;
  for (const Field& field : head.fields) {
    if ((field.flags & kSuspicious) == 0 || look_alike(head.name(field)) != LookAlike::kContentLength)
      continue;
    if (head.value(field) != head.value(FieldId::kContentLength)) {
      head.findings.add(Finding::kMultipleContentLength);
    }
  }
}

void read_framing(RequestHead& head) {
  const bool te = read_transfer_encoding(head);
  const bool cl = read_content_length(head);
  if (te && cl) head.findings.add(Finding::kBothTeClPresent);
  note_look_alikes(head, te, cl);
  // RFC 9110 sections 9.3.1 and 9.3.2: content in GET and HEAD has no defined meaning.
  if (!head.head_method && head.method() != "GET") return;
  if (te) head.findings.add(Finding::kUndefinedTransferEncodingSemantics);
  if (!cl || te) return;
  head.findings.add(head.body.length == 0 ? Finding::kGetHeadZeroContentLength
                                          : Finding::kUndefinedContentLengthSemantics);
}

void read_expect(RequestHead& head) {
  if (!head.has(FieldId::kExpect)) return;
  for (const Field& field : head.fields) {
    if (field.id == FieldId::kExpect && !equals_lowered(head.value(field), "100-continue")) {
      return refuse(head, Refusal::kUnknownExpectation);
    }
  }
  head.expects_continue = head.http11 && head.body.has_bytes();  // RFC 9110 section 10.1.1
}

void read_forwarded_for(RequestHead& head) {
  if (!head.has(FieldId::kXForwardedFor)) return;
  std::size_t addresses = 0;
  for (const Field& field : head.fields) {
    if (field.id != FieldId::kXForwardedFor) continue;
    std::string_view rest = head.value(field);
    std::string_view address;
    while (next_element(rest, address)) {
      if (!address.empty() && ++addresses > kMaxForwardedFor)
        return refuse(head, Refusal::kTooManyForwardedFor);
    }
  }
}

}  // namespace

void parse_request_line(std::string_view line, std::size_t offset, RequestHead& head) {
  const std::size_t method_end = std::min(line.find(' '), line.size());
  const std::string_view method = line.substr(0, method_end);
  if (method.empty() || method.size() > kMaxMethod || !all(method, kTokenChar)) {
    return refuse(head, Finding::kBadMethod, Refusal::kBadMethod);
  }
  head.method_slice = {static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(method.size())};
  head.head_method = method == "HEAD";
  std::string_view rest = line.substr(method_end);
  if (is_space(rest.empty() ? 'x' : rest.back())) head.findings.add(Finding::kExtraSpaceInRequestLine);
  while (!rest.empty() && is_space(rest.back())) rest.remove_suffix(1);
  const std::size_t version_at = rest.rfind(' ');
  if (version_at == std::string_view::npos) {
    return refuse(head, Finding::kMissingUri, Refusal::kBadRequestLine);
  }
  const std::string_view version = rest.substr(version_at + 1);
  std::string_view target = rest.substr(0, version_at);
  if (target.empty()) {  // two words only: no target, or HTTP/0.9, which has no version
    if (version.starts_with("HTTP/")) return refuse(head, Finding::kMissingUri, Refusal::kBadRequestLine);
    return refuse(head, Finding::kNonCompliantVersion, Refusal::kVersionNotSupported);
  }
  target.remove_prefix(1);
  const std::string_view inner = trim(target);
  if (inner.empty()) return refuse(head, Finding::kMissingUri, Refusal::kBadRequestLine);
  if (inner.size() != target.size()) head.findings.add(Finding::kExtraSpaceInRequestLine);
  head.target_slice = {
      static_cast<std::uint32_t>(offset + static_cast<std::size_t>(inner.data() - line.data())),
      static_cast<std::uint32_t>(inner.size())};
  note_target_bytes(inner, head);
  read_version(version, head);
  if (head.refusal != Refusal::kNone) return;
  if (method == "CONNECT" || method == "TRACE") return refuse(head, Refusal::kMethodNotAllowed);
  read_target(inner, method, head);
}

void finish_request(RequestHead& head) {
  if (read_connection(head) > kMaxConnectionOptions) refuse(head, Refusal::kTooManyConnectionOptions);
  read_host(head);
  read_framing(head);
  read_expect(head);
  read_forwarded_for(head);
  head.keep_alive = !head.connection_close && (head.http11 || head.connection_keep_alive);
  head.takes_trailers = head.http11 && head.has(FieldId::kTe) && lists(head, FieldId::kTe, "trailers");
  const Field* key = head.find(FieldId::kSecWebSocketKey);
  head.websocket = head.http11 && head.connection_upgrade && head.method() == "GET" &&
                   !head.body.has_bytes() && key != nullptr && (key->flags & kBadValue) == 0 &&
                   lists(head, FieldId::kUpgrade, "websocket");
}

}  // namespace balancer::codec
