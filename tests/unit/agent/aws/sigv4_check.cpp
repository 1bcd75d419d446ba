// Line by line: a JSON request on stdin, the verdict of verify() or the headers made by sign() on stdout. For
// sigv4_botocore_test.py.
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "agent/aws/sigv4.h"
#include "shared/json/reader.h"

namespace {

using shared::json::Reader;
namespace http = shared::http;

http::Request read_request(const Reader& in) {
  http::Request request;
  request.method = in.required_string("method");
  request.target = in.required_string("target");
  request.body = in.string_or("body", "");
  for (const auto& header : *in.value("headers")) request.headers.add(header[0], header[1]);
  return request;
}

nlohmann::json verify(const Reader& in) {
  const http::Request request = read_request(in);
  const auto authorization = agent::aws::parse_authorization(request);
  if (!authorization)
    return {{"error", authorization.error().code()}, {"text", authorization.error().text()}};
  const std::string region = in.required_string("region");
  const std::string service = in.required_string("service");
  const auto verified = agent::aws::verify(request, *authorization, in.required_string("secret"),
                                           *http::parse_amz_date(in.required_string("now")),
                                           {.region = region, .service = service});
  if (!verified) return {{"error", verified.error().code()}, {"text", verified.error().text()}};
  return {{"ok", true},
          {"access_key", authorization->access_key_id},
          {"token", authorization->session_token.value_or("")}};
}

nlohmann::json sign(const Reader& in) {
  http::Request request = read_request(in);
  agent::aws::sign(
      request, {in.required_string("access_key"), in.required_string("secret"), in.string_or("token", "")},
      in.required_string("region"), in.required_string("service"),
      *http::parse_amz_date(in.required_string("now")));
  return {{"headers", request.headers.fields()}};
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    auto document = shared::json::Document::parse(line, "input");
    if (!document) return 1;
    const Reader in = document->root();
    std::cout << (in.required_string("mode") == "sign" ? sign(in) : verify(in)) << std::endl;
    if (!in.ok()) return 1;
  }
  return 0;
}
