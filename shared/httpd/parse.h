// Beast's HTTP/1.1 grammar with our own messages as its sink, and the rules that it leaves to us: one Host,
// no Transfer-Encoding but "chunked", one Content-Length, trailers ignored, the whole head bounded. No I/O.
// For the .cpp files of this folder only.
#pragma once
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "shared/http/message.h"
#include "shared/httpd/server.h"

namespace shared::httpd {

namespace beast = boost::beast;

class RequestParser final : public beast::http::basic_parser<true> {
 public:
  RequestParser(std::size_t max_head, std::size_t max_body, const LargerBody& larger);

  http::Request& request() { return request_; }
  bool http10() const { return http10_; }
  bool expects_continue() const { return expects_continue_; }
  std::size_t max_body() const { return max_body_; }  // of this request, once its head is read
  // The status that answers the error which put() gave.
  int refusal(const beast::error_code& error) const;

 private:
  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target, int version,
                       beast::error_code& ec) override;
  void on_response_impl(int, beast::string_view, int, beast::error_code&) override {}
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                     beast::error_code& ec) override;
  void on_header_impl(beast::error_code& ec) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override {}
  std::size_t on_body_impl(beast::string_view body, beast::error_code& ec) override;
  void on_chunk_header_impl(std::uint64_t, beast::string_view, beast::error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, beast::error_code& ec) override;
  void on_finish_impl(beast::error_code&) override {}

  bool take_absolute_form();

  http::Request request_;
  std::size_t max_head_;
  std::size_t max_body_;
  const LargerBody& larger_;
  std::size_t head_bytes_ = 0;
  bool head_done_ = false;
  bool http10_ = false;
  bool expects_continue_ = false;
  int refusal_ = 0;
};

class ResponseParser final : public beast::http::basic_parser<false> {
 public:
  explicit ResponseParser(std::size_t max_head);

  http::Response& response() { return response_; }  // body: what put() has brought and nobody has taken yet

 private:
  void on_request_impl(beast::http::verb, beast::string_view, beast::string_view, int,
                       beast::error_code&) override {}
  void on_response_impl(int status, beast::string_view, int, beast::error_code& ec) override;
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                     beast::error_code& ec) override;
  void on_header_impl(beast::error_code& ec) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override {}
  std::size_t on_body_impl(beast::string_view body, beast::error_code& ec) override;
  void on_chunk_header_impl(std::uint64_t, beast::string_view, beast::error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, beast::error_code& ec) override;
  void on_finish_impl(beast::error_code&) override {}

  http::Response response_;
  std::size_t max_head_;
  std::size_t head_bytes_ = 0;
  bool head_done_ = false;
};

}  // namespace shared::httpd
