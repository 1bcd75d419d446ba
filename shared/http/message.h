// HTTP message values for the management APIs (agent API, health endpoints, engine sockets). Not the
// balancer's data path: that has zero-copy heads of its own in balancer/codec. No I/O.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/result.h"
#include "shared/base/time.h"
#include "shared/net/endpoint.h"

namespace shared::http {

// Field names compare without case (RFC 9110 section 5.1); order and duplicates are kept.
class Headers {
 public:
  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  void set(std::string_view name, std::string value);  // replaces all of that name
  void remove(std::string_view name);
  std::optional<std::string_view> get(std::string_view name) const;  // the first of that name
  std::size_t count(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct Request {
  std::string method = "GET";
  std::string target = "/";  // origin form: path and query, undecoded
  Headers headers{};
  std::string body{};
  net::Endpoint peer{};  // who sent it (server side only)

  std::string_view path() const;   // target before '?'
  std::string_view query() const;  // target after '?', empty without
};

struct Response {
  int status = 200;
  Headers headers{};
  std::string body{};
};

Response make_response(int status, std::string content_type, std::string body);
// The phrase for a status line ("Not Found"); "Unknown" for a code without one.
std::string_view reason_phrase(int status);
bool equals_ignoring_case(std::string_view a, std::string_view b);

// Percent-decoding (RFC 3986); nullopt for a broken escape. `plus_is_space` for form bodies.
enum class Plus { kLiteral, kSpace };
std::optional<std::string> percent_decode(std::string_view text, Plus plus);
// Encodes everything but unreserved characters; '/' too unless kept. As AWS SigV4 wants it.
enum class Slash { kEncode, kKeep };
std::string percent_encode(std::string_view text, Slash slash);
// "a=1&b=2" in order of appearance, decoded. Error names the parameter that cannot be decoded.
Result<std::vector<std::pair<std::string, std::string>>> parse_form(std::string_view text);

// RFC 9110 section 5.6.7 IMF-fixdate: "Tue, 24 Nov 2026 08:00:43 GMT".
std::string http_date(WallTime t);
// "2024-05-01T12:34:56.789Z"
std::string iso8601(WallTime t);
// "2024-05-01T12:34:56Z"
std::string iso8601_seconds(WallTime t);
// "20141106T010406Z" as in X-Amz-Date.
std::string amz_date(WallTime t);
std::optional<WallTime> parse_amz_date(std::string_view text);
std::optional<WallTime> parse_http_date(std::string_view text);

}  // namespace shared::http
