#include "shared/httpd/wire.h"

#include <algorithm>

#include "shared/base/check.h"

namespace shared::httpd {
namespace {

bool is_token(std::string_view text) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

bool is_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

bool is_target(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f;
  });
}

void add_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

bool one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [name](std::string_view n) { return http::equals_ignoring_case(n, name); });
}

// RFC 9110 section 8.6: these have neither body nor Content-Length.
bool is_bodiless(int status) { return status == 204 || status == 304; }

Error unsendable(std::string_view part, std::string_view text) {
  return Error("malformed", "request " + std::string(part) + " \"" + std::string(text) + "\" cannot be sent");
}

}  // namespace

bool has_token(std::string_view value, std::string_view token) {
  while (!value.empty()) {
    std::string_view piece = value.substr(0, value.find(','));
    value.remove_prefix(std::min(value.size(), piece.size() + 1));
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!piece.empty() && blank(piece.front())) piece.remove_prefix(1);
    while (!piece.empty() && blank(piece.back())) piece.remove_suffix(1);
    if (http::equals_ignoring_case(piece, token)) return true;
  }
  return false;
}

bool sends_body(const http::Response& response, const AnswerTo& to) {
  return !to.head_method && !is_bodiless(response.status) && !response.body.empty();
}

std::string response_head(const http::Response& response, const AnswerTo& to, WallTime now) {
  BERTH_CHECK(response.status >= 200 && response.status <= 599,
              "a final answer has a status from 200 to 599");
  std::string out = "HTTP/1.1 " + std::to_string(response.status) + " ";
  out.append(http::reason_phrase(response.status)).append("\r\n");
  for (const auto& [name, value] : response.headers.fields()) {
    if (one_of(name, {"Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Date"})) continue;
    if (is_token(name) && is_value(value)) add_field(out, name, value);
  }
  add_field(out, "Date", http::http_date(now));
  if (to.keep_alive == KeepAlive::kNo) {
    add_field(out, "Connection", "close");
  } else if (to.http10) {
    add_field(out, "Connection", "keep-alive");
  }
  if (!is_bodiless(response.status) && !to.streamed) {
    std::string length = std::to_string(response.body.size());
    const auto told = response.headers.get("Content-Length");
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    if (to.head_method && response.body.empty() && told && !told->empty() &&
        std::all_of(told->begin(), told->end(), digit)) {
      length = std::string(*told);
    }
    add_field(out, "Content-Length", length);
  }
  return out + "\r\n";
}

Result<void> check_request(const http::Request& request) {
  if (!is_token(request.method)) return unsendable("method", request.method);
  if (!is_target(request.target)) return unsendable("target", request.target);
  for (const auto& [name, value] : request.headers.fields()) {
    if (!is_token(name) || !is_value(value)) return unsendable("header", name);
  }
  return {};
}

Result<std::string> request_head(const http::Request& request, std::string_view host) {
  if (auto checked = check_request(request); !checked) return checked.error();
  std::string out = request.method + " " + request.target + " HTTP/1.1\r\n";
  add_field(out, "Host", request.headers.get("Host").value_or(host));
  for (const auto& [name, value] : request.headers.fields()) {
    if (one_of(name, {"Host", "Content-Length", "Transfer-Encoding"})) continue;
    add_field(out, name, value);
  }
  if (!request.body.empty() || one_of(request.method, {"POST", "PUT", "PATCH"})) {
    add_field(out, "Content-Length", std::to_string(request.body.size()));
  }
  return out + "\r\n";
}

std::string host_header(const net::Endpoint& to) {
  if (to.is_unix()) return "localhost";
  std::string text = net::to_string(to);
  if (to.port == 80) text.resize(text.size() - 3);
  return text;
}

}  // namespace shared::httpd
