#include "balancer/codec/own_response.h"

#include <array>

namespace balancer::codec {

namespace {

struct Phrase {
  int status;
  std::string_view text;
};
constexpr std::array kPhrases = {
    Phrase{200, "OK"},
    Phrase{201, "Created"},
    Phrase{202, "Accepted"},
    Phrase{204, "No Content"},
    Phrase{206, "Partial Content"},
    Phrase{301, "Moved Permanently"},
    Phrase{302, "Found"},
    Phrase{400, "Bad Request"},
    Phrase{401, "Unauthorized"},
    Phrase{402, "Payment Required"},
    Phrase{403, "Forbidden"},
    Phrase{404, "Not Found"},
    Phrase{405, "Method Not Allowed"},
    Phrase{406, "Not Acceptable"},
    Phrase{408, "Request Time-out"},
    Phrase{409, "Conflict"},
    Phrase{410, "Gone"},
    Phrase{411, "Length Required"},
    Phrase{412, "Precondition Failed"},
    Phrase{413, "Request Entity Too Large"},
    Phrase{414, "Request-URI Too Large"},
    Phrase{415, "Unsupported Media Type"},
    Phrase{417, "Expectation Failed"},
    Phrase{418, "I'm a teapot"},
    Phrase{422, "Unprocessable Entity"},
    Phrase{429, "Too Many Requests"},
    Phrase{451, "Unavailable For Legal Reasons"},
    Phrase{460, "Client Closed Request"},
    Phrase{463, "Too Many Forwarded Addresses"},
    Phrase{464, "Incompatible Protocol Versions"},
    Phrase{500, "Internal Server Error"},
    Phrase{501, "Not Implemented"},
    Phrase{502, "Bad Gateway"},
    Phrase{503, "Service Temporarily Unavailable"},
    Phrase{504, "Gateway Time-out"},
    Phrase{505, "HTTP Version Not Supported"},
    Phrase{507, "Insufficient Storage"},
    Phrase{562, "Unusable Key Set"},
};

constexpr std::string_view kPageStart = "<html>\r\n<head><title>";
constexpr std::string_view kPageMiddle = "</title></head>\r\n<body>\r\n<center><h1>";
constexpr std::string_view kPageEnd = "</h1></center>\r\n</body>\r\n</html>\r\n";
constexpr std::size_t kStatusDigits = 3;

void append_if_set(Buffer& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  out.append(name);
  out.append(": ");
  out.append(value);
  out.append("\r\n");
}

void write_head(Buffer& out, const OwnResponse& response, std::string_view content_type, std::size_t length) {
  out.append("HTTP/1.1 ");
  out.append_decimal(static_cast<std::uint64_t>(response.status));
  out.append(' ');
  out.append(reason_phrase(response.status));
  out.append("\r\n");
  const ResponseEdits* edits = response.edits;
  const auto ours = [edits](std::string_view name) { return edits == nullptr || !edits->sets(name); };
  if (response.server == ServerField::kSend && ours("Server")) append_if_set(out, "Server", "awselb/2.0");
  append_if_set(out, "Date", response.date);
  if (ours("Content-Type")) append_if_set(out, "Content-Type", content_type);
  if (response.status != 204) {  // RFC 9110 section 8.6
    out.append("Content-Length: ");
    out.append_decimal(length);
    out.append("\r\n");
  }
  if (ours("Location")) append_if_set(out, "Location", response.location);
  if (response.client == Persist::kClose) {
    append_if_set(out, "Connection", "close");
  } else if (!response.http11) {
    append_if_set(out, "Connection", "keep-alive");
  }
  if (edits != nullptr) out.append(edits->lines());
  out.append(response.extra_fields);
  out.append("\r\n");
}

}  // namespace

std::string_view reason_phrase(int status) {
  for (const Phrase& phrase : kPhrases) {
    if (phrase.status == status) return phrase.text;
  }
  return "Unknown";
}

void write_own_response(Buffer& out, const OwnResponse& response) {
  const std::string_view body = response.status == 204 ? std::string_view() : response.body;
  write_head(out, response, response.content_type, body.size());
  if (response.send_body == BodySend::kSend) out.append(body);
}

void write_status_page(Buffer& out, const OwnResponse& response) {
  const std::string_view phrase = reason_phrase(response.status);
  const std::size_t title = kStatusDigits + 1 + phrase.size();
  write_head(out, response, "text/html",
             kPageStart.size() + kPageMiddle.size() + kPageEnd.size() + 2 * title);
  if (response.send_body == BodySend::kOmit) return;
  out.append(kPageStart);
  for (const std::string_view after : {kPageMiddle, kPageEnd}) {
    out.append_decimal(static_cast<std::uint64_t>(response.status));
    out.append(' ');
    out.append(phrase);
    out.append(after);
  }
}

}  // namespace balancer::codec
