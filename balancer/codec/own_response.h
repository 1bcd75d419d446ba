// Responses the balancer makes itself: errors, fixed responses and redirects, byte for byte as ALB words
// them.
#pragma once
#include <string_view>

#include "balancer/codec/buffer.h"
#include "balancer/codec/rewrite.h"

namespace balancer::codec {

// The phrase of a status line. ALB's own: 503 "Service Temporarily Unavailable", 504 "Gateway Time-out".
std::string_view reason_phrase(int status);

enum class ServerField : std::uint8_t { kSend, kOmit };  // "Server: awselb/2.0", a listener attribute
enum class BodySend : std::uint8_t {
  kSend,
  kOmit
};  // kOmit for HEAD: the length is told, the body is not sent

struct OwnResponse {
  int status = 200;
  std::string_view content_type{};  // empty: no Content-Type
  std::string_view body{};
  std::string_view location{};           // redirects only
  std::string_view extra_fields{};       // complete lines with CRLF
  const ResponseEdits* edits = nullptr;  // of the listener
  std::string_view date{};               // IMF-fixdate
  ServerField server = ServerField::kSend;
  BodySend send_body = BodySend::kSend;
  Persist client = Persist::kKeepAlive;
  bool http11 = true;  // the client's version: HTTP/1.0 is told about keep-alive
};

void write_own_response(Buffer& out, const OwnResponse& response);
// With the standard small HTML page as its body ("<html>\r\n<head><title>502 Bad Gateway</title></head>...");
// body and content_type of `response` are ignored.
void write_status_page(Buffer& out, const OwnResponse& response);

}  // namespace balancer::codec
