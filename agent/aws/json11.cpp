#include "agent/aws/json11.h"

#include <nlohmann/json.hpp>

#include "agent/aws/rest.h"
#include "agent/aws/xml.h"
#include "shared/json/reader.h"

namespace agent::aws {

namespace http = shared::http;

namespace {

http::Response respond(int status, std::string body, std::string_view request_id) {
  http::Response response = http::make_response(status, std::string(kJson11ContentType), std::move(body));
  response.headers.add("x-amzn-RequestId", std::string(request_id));
  return response;
}

http::Response respond_error(int status, std::string_view code, std::string_view message,
                             std::string_view request_id, const std::vector<std::string>& resource_ids) {
  nlohmann::json body{{"__type", code}, {"message", message}};
  if (!resource_ids.empty()) body["resourceIds"] = resource_ids;
  http::Response response = respond(status, shared::json::to_text(body), request_id);
  response.headers.add("x-amzn-ErrorType", std::string(code));
  return response;
}

}  // namespace

http::Response json_success(std::string body, std::string_view request_id) {
  return respond(200, std::move(body), request_id);
}

http::Response json_error(std::string_view code, std::string_view message, std::string_view request_id,
                          const std::vector<std::string>& resource_ids) {
  return respond_error(status_of(code, Protocol::kJson), code, message, request_id, resource_ids);
}

http::Response error_response(const shared::Error& error, Protocol protocol, std::string_view xml_namespace,
                              std::string_view request_id, const std::vector<std::string>& resource_ids) {
  const WireError wire = wire_error(error, protocol);
  if (protocol == Protocol::kJson)
    return respond_error(wire.status, wire.code, wire.message, request_id, resource_ids);
  if (protocol == Protocol::kRest) return rest_error(wire.status, wire.code, wire.message, request_id);
  if (protocol == Protocol::kEc2) return ec2_error(wire.status, wire.code, wire.message, request_id);
  return query_error(wire.status, wire.code, wire.message, xml_namespace, request_id);
}

}  // namespace agent::aws
