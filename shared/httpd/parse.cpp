#include "shared/httpd/parse.h"

#include <algorithm>

namespace shared::httpd {
namespace {

using beast::http::error;

constexpr std::size_t kFieldOverhead = 4;  // ": " and the line end

std::string text(beast::string_view view) { return std::string(view.data(), view.size()); }

// Beast takes the last coding for the framing and ignores others; two readers could then see two different
// messages.
bool has_plain_framing(const http::Headers& headers) {
  const auto coding = headers.get("Transfer-Encoding");
  if (coding && !http::equals_ignoring_case(*coding, "chunked")) return false;
  const std::size_t lengths = headers.count("Content-Length");
  if (lengths > 1 || headers.count("Transfer-Encoding") > 1) return false;
  const auto length = headers.get("Content-Length");
  return !length || length->find(',') == std::string_view::npos;
}

}  // namespace

RequestParser::RequestParser(std::size_t max_head, std::size_t max_body, const LargerBody& larger)
    : max_head_(max_head), max_body_(max_body), larger_(larger) {
  eager(true);
  header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(max_head, UINT32_MAX)));
  body_limit(static_cast<std::uint64_t>(max_body));
}

int RequestParser::refusal(const beast::error_code& ec) const {
  if (refusal_ != 0) return refusal_;
  if (ec == error::header_limit) return 431;
  if (ec == error::body_limit) return 413;
  return 400;
}

void RequestParser::on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target,
                                    int version, beast::error_code&) {
  request_.method = text(method);
  request_.target = text(target);
  http10_ = version == 10;
  head_bytes_ = request_.method.size() + request_.target.size() + kFieldOverhead;
}

void RequestParser::on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                                  beast::error_code& ec) {
  if (head_done_) return;  // a trailer must not pass for a header that somebody has checked
  head_bytes_ += name.size() + value.size() + kFieldOverhead;
  if (head_bytes_ > max_head_) {
    ec = error::header_limit;
    return;
  }
  if (larger_.bytes > max_body_ && http::equals_ignoring_case(text(name), larger_.header) &&
      text(value).starts_with(larger_.prefix)) {
    max_body_ = larger_.bytes;
    body_limit(static_cast<std::uint64_t>(max_body_));
  }
  request_.headers.add(text(name), text(value));
}

void RequestParser::on_header_impl(beast::error_code& ec) {
  head_done_ = true;
  const std::size_t hosts = request_.headers.count("Host");
  const bool chunked_10 = http10_ && request_.headers.count("Transfer-Encoding") > 0;
  if (hosts > 1 || (hosts == 0 && !http10_) || chunked_10 || !has_plain_framing(request_.headers) ||
      !take_absolute_form()) {
    ec = error::bad_field;
    return;
  }
  if (const auto expect = request_.headers.get("Expect"); expect && !http10_) {
    expects_continue_ = http::equals_ignoring_case(*expect, "100-continue");
    if (!expects_continue_) {
      refusal_ = 417;
      ec = error::bad_field;
    }
  }
}

// RFC 9112 section 3.2.2: a server must take "GET http://host/path" too, and its host counts.
bool RequestParser::take_absolute_form() {
  std::string& target = request_.target;
  if (target.front() == '/' || (target == "*" && request_.method == "OPTIONS")) return true;
  constexpr std::string_view kScheme = "http://";
  if (!http::equals_ignoring_case(std::string_view(target).substr(0, kScheme.size()), kScheme)) return false;
  const std::size_t end = std::min(target.find_first_of("/?", kScheme.size()), target.size());
  const std::string host = target.substr(kScheme.size(), end - kScheme.size());
  if (host.empty()) return false;
  request_.headers.set("Host", host);
  std::string rest = target.substr(end);
  target = rest.starts_with('/') ? std::move(rest) : "/" + rest;
  return true;
}

std::size_t RequestParser::on_body_impl(beast::string_view body, beast::error_code&) {
  request_.body.append(body.data(), body.size());
  return body.size();
}

std::size_t RequestParser::on_chunk_body_impl(std::uint64_t, beast::string_view body, beast::error_code& ec) {
  return on_body_impl(body, ec);
}

ResponseParser::ResponseParser(std::size_t max_head) : max_head_(max_head) {
  eager(true);
  header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(max_head, UINT32_MAX)));
  body_limit(boost::none);  // the exchange counts what it collects; streams have no end
}

void ResponseParser::on_response_impl(int status, beast::string_view, int, beast::error_code&) {
  response_.status = status;
}

void ResponseParser::on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                                   beast::error_code& ec) {
  if (head_done_) return;
  head_bytes_ += name.size() + value.size() + kFieldOverhead;
  if (head_bytes_ > max_head_) {
    ec = error::header_limit;
    return;
  }
  response_.headers.add(text(name), text(value));
}

void ResponseParser::on_header_impl(beast::error_code& ec) {
  head_done_ = true;
  if (!has_plain_framing(response_.headers)) ec = error::bad_field;
}

std::size_t ResponseParser::on_body_impl(beast::string_view body, beast::error_code&) {
  response_.body.append(body.data(), body.size());
  return body.size();
}

std::size_t ResponseParser::on_chunk_body_impl(std::uint64_t, beast::string_view body,
                                               beast::error_code& ec) {
  return on_body_impl(body, ec);
}

}  // namespace shared::httpd
