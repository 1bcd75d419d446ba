// Message heads as bytes. Pure. Names and values that would break a head apart (CR, LF, NUL) never reach the
// wire.
#pragma once
#include <string>
#include <string_view>

#include "shared/base/result.h"
#include "shared/http/message.h"

namespace shared::httpd {

enum class KeepAlive { kYes, kNo };

// How the answered request bears on the answer's head.
struct AnswerTo {
  bool head_method = false;  // the body is left out, its length is still told
  bool http10 = false;       // persistence must then be said aloud
  KeepAlive keep_alive = KeepAlive::kYes;
  bool streamed = false;  // the body ends with the connection (RFC 9112 section 6.3)
};

// The handler's own Content-Length counts only for HEAD without a body; Date and Connection are always ours.
std::string response_head(const http::Response& response, const AnswerTo& to, WallTime now);
// True if `response` is to be sent with its body.
bool sends_body(const http::Response& response, const AnswerTo& to);

// Error "malformed" names the part that cannot be sent. `host` is used unless the request has its own.
Result<std::string> request_head(const http::Request& request, std::string_view host);
// The same checks alone, for requests that somebody else writes.
Result<void> check_request(const http::Request& request);
// "example.com", "10.0.0.7:8080", "localhost" for a unix socket.
std::string host_header(const net::Endpoint& to);
// True if the comma-separated list `value` has `token` (RFC 9110 section 5.6.1), without regard to case.
bool has_token(std::string_view value, std::string_view token);

}  // namespace shared::httpd
