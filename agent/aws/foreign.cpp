#include "agent/aws/foreign.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "agent/aws/json11.h"
#include "agent/aws/sigv4.h"
#include "agent/aws/xml.h"
#include "shared/json/reader.h"

namespace agent::aws {

namespace http = shared::http;

namespace {

enum class Shape { kJson, kCbor, kRestJson, kQuery, kEc2, kS3 };

constexpr std::string_view kCborType = "application/cbor";
constexpr std::string_view kJson10Type = "application/x-amz-json-1.0";
constexpr std::string_view kFormType = "application/x-www-form-urlencoded";

std::string_view header_of(const http::Request& request, std::string_view name) {
  return request.headers.get(name).value_or("");
}

bool has_action(const http::Request& request) {
  const std::string_view form = request.method == "GET" ? request.query() : std::string_view(request.body);
  return form.starts_with("Action=") || form.find("&Action=") != std::string_view::npos;
}

// What the client sent tells most of them apart; the XML ones are told by their service.
Shape shape_of(const http::Request& request, std::string_view service) {
  const std::string_view type = header_of(request, "Content-Type");
  if (type.starts_with(kCborType) || header_of(request, "smithy-protocol") == "rpc-v2-cbor")
    return Shape::kCbor;
  if (request.headers.get("X-Amz-Target") || type.starts_with("application/x-amz-json")) return Shape::kJson;
  if (service == "ec2") return Shape::kEc2;
  if (service.starts_with("s3")) return Shape::kS3;
  if (service == "route53" || service == "cloudfront") return Shape::kQuery;
  // What nobody signed for anything is answered as ever.
  if (service.empty() && type.starts_with("application/json")) return Shape::kJson;
  if (service.empty() || type.starts_with(kFormType) || has_action(request)) return Shape::kQuery;
  return Shape::kRestJson;
}

http::Response typed_error(int status, std::string_view type, std::string body, std::string_view code,
                           std::string_view request_id) {
  http::Response response = http::make_response(status, std::string(type), std::move(body));
  response.headers.add("x-amzn-RequestId", std::string(request_id));
  response.headers.add("x-amzn-ErrorType", std::string(code));
  return response;
}

http::Response json_shaped_error(int status, const http::Request& request, Shape shape, std::string_view code,
                                 std::string_view text, std::string_view request_id) {
  const nlohmann::json body{{"__type", code}, {"message", text}};
  if (shape == Shape::kCbor) {
    const auto bytes = nlohmann::json::to_cbor(body);
    auto response = typed_error(status, kCborType, std::string(bytes.begin(), bytes.end()), code, request_id);
    response.headers.add("smithy-protocol", "rpc-v2-cbor");
    return response;
  }
  const bool old = header_of(request, "Content-Type").starts_with(kJson10Type);
  const std::string_view type = shape == Shape::kRestJson ? "application/json"
                                : old                     ? kJson10Type
                                                          : kJson11ContentType;
  return typed_error(status, type, shared::json::to_text(body), code, request_id);
}

http::Response shaped_error(int status, const http::Request& request, Shape shape, std::string_view code,
                            std::string_view text, std::string_view request_id) {
  switch (shape) {
    case Shape::kJson:
    case Shape::kCbor:
    case Shape::kRestJson:
      return json_shaped_error(status, request, shape, code, text, request_id);
    case Shape::kQuery:
      return query_error(status, code, text, "", request_id);
    case Shape::kEc2:
      return ec2_error(status, code, text, request_id);
    case Shape::kS3:
      break;
  }
  return s3_error(status, code, text, request_id);
}

bool is_json(Shape shape) {
  return shape == Shape::kJson || shape == Shape::kCbor || shape == Shape::kRestJson;
}

// Names of services are letters, digits and hyphens; anything else is nothing that an error should repeat.
std::string service_name(std::string_view service) {
  std::string out(service.substr(0, kQuotedServiceChars));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c <= ' ' || c > '~' || c == '\''; }, '?');
  return "'" + out + "'";
}

// A status of the server's own, with the name that AWS's services give it; JSON ones add "Exception".
struct RefusalRow {
  int status;
  std::string_view code;
};
constexpr std::array kRefusals = {RefusalRow{408, "RequestTimeout"},
                                  RefusalRow{413, "RequestEntityTooLarge"},
                                  RefusalRow{417, "ExpectationFailed"},
                                  RefusalRow{426, "UpgradeRequired"},
                                  RefusalRow{431, "RequestHeaderFieldsTooLarge"},
                                  RefusalRow{503, "ServiceUnavailable"}};
constexpr std::string_view kMalformed = "MalformedHttpRequest";

}  // namespace

std::optional<std::string> foreign_service(const http::Request& request) {
  const auto authorization = parse_authorization(request);
  if (!authorization || authorization->service.empty()) return std::nullopt;
  if (is_signing_name(authorization->service)) return std::nullopt;
  return authorization->service;
}

http::Response not_offered(const http::Request& request, std::string_view service,
                           std::string_view request_id) {
  const Shape shape = shape_of(request, service);
  const std::string_view code = is_json(shape) ? "UnknownOperationException" : "InvalidAction";
  // S3's clients take a 400 for a bucket of another region and ask again.
  const int status =
      shape == Shape::kS3 ? 404 : status_of(code, is_json(shape) ? Protocol::kJson : Protocol::kQuery);
  return shaped_error(status, request, shape, code,
                      "The service " + service_name(service) + " is not offered here: this endpoint serves " +
                          signing_names() + ".",
                      request_id);
}

http::Response http_refusal(int status, std::string_view text, const http::Request& head,
                            std::string_view request_id) {
  const auto authorization = parse_authorization(head);
  const std::string service = authorization ? authorization->service : std::string();
  const Shape shape = shape_of(head, service);
  std::string code(kMalformed);
  for (const RefusalRow& row : kRefusals) {
    if (row.status == status) code = row.code;
  }
  if (is_json(shape)) code += "Exception";
  return shaped_error(status, head, shape, code, text, request_id);
}

}  // namespace agent::aws
