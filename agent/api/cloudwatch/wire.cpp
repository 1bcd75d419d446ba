#include "agent/api/cloudwatch/wire.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "agent/api/cloudwatch/cloudwatch.h"
#include "agent/aws/auth_error.h"
#include "agent/aws/xml.h"
#include "shared/json/reader.h"

namespace agent::api::cloudwatch {

using nlohmann::json;
using shared::Result;
namespace http = shared::http;

namespace {

constexpr std::string_view kShapePrefix = "com.amazonaws.cloudwatch#";
constexpr const char* kJson10 = "application/x-amz-json-1.0";
constexpr const char* kCbor = "application/cbor";
constexpr const char* kSmithy = "rpc-v2-cbor";

// The error's name where it is not that of the Query protocol.
struct Shape {
  std::string_view code;
  std::string_view shape;
  int status;
};
constexpr std::array kShapes{
    Shape{"InvalidParameterValue", "InvalidParameterValueException", 400},
    Shape{"MissingParameter", "MissingRequiredParameterException", 400},
    Shape{"InvalidParameterCombination", "InvalidParameterCombinationException", 400},
    Shape{"LimitExceeded", "LimitExceededFault", 400},
    Shape{"InvalidFormat", "InvalidFormatFault", 400},
    Shape{"InvalidNextToken", "InvalidNextToken", 400},
    Shape{"ResourceNotFound", "ResourceNotFound", 404},
    Shape{"ResourceNotFoundException", "ResourceNotFoundException", 404}};

const Shape* shape_of(std::string_view code) {
  for (const Shape& each : kShapes) {
    if (each.code == code) return &each;
  }
  return nullptr;
}

std::string number_text(const json& value) {
  if (value.is_number_integer()) return std::to_string(value.get<std::int64_t>());
  std::array<char, 64> text{};
  const auto written = std::to_chars(text.data(), text.data() + text.size(), value.get<double>());
  std::string out(text.data(), written.ptr);
  if (out.find_first_of(".en") == std::string::npos) out += ".0";
  return out;
}

void write_xml(aws::XmlElement at, const std::string& name, const json& value) {
  if (value.is_object()) {
    aws::XmlElement inside = at.child(name);
    for (const auto& [member, each] : value.items()) write_xml(inside, member, each);
  } else if (value.is_array()) {
    aws::XmlElement list = at.child(name);
    const bool times = is_time(name);
    for (const auto& each : value) {
      if (times && each.is_number())
        list.text(
            "member",
            http::iso8601(shared::from_epoch_millis(static_cast<long long>(each.get<double>() * 1000))));
      else
        write_xml(list, "member", each);
    }
  } else if (value.is_boolean()) {
    at.text(name, value.get<bool>() ? "true" : "false");
  } else if (value.is_number() && is_time(name)) {
    at.text(name,
            http::iso8601(shared::from_epoch_millis(static_cast<long long>(value.get<double>() * 1000))));
  } else if (value.is_number()) {
    at.text(name, number_text(value));
  } else if (value.is_string()) {
    at.text(name, value.get_ref<const std::string&>());
  }
}

http::Response error_of(aws::Protocol protocol, const Call& call, const shared::Error& error) {
  // What is not this service's own is named as its protocol's family names it.
  aws::WireError wire =
      aws::wire_error(error, protocol == aws::Protocol::kQuery ? protocol : aws::Protocol::kJson);
  std::string shape = wire.code;
  if (const Shape* known = shape_of(wire.code)) {
    wire.status = known->status;
    shape = std::string(kShapePrefix) + std::string(known->shape);
  }
  if (protocol == aws::Protocol::kQuery)
    return aws::query_error(wire.status, wire.code, wire.message,
                            aws::xml_namespace(aws::Service::kCloudWatch), call.request_id);
  const json body{{"__type", shape}, {"message", wire.message}};
  const bool cbor = protocol == aws::Protocol::kCbor;
  http::Response response = http::make_response(wire.status, cbor ? kCbor : kJson10,
                                                cbor ? cbor_of(body) : shared::json::to_text(body));
  response.headers.set("x-amzn-query-error", wire.code + (wire.status < 500 ? ";Sender" : ";Receiver"));
  return response;
}

}  // namespace

bool is_time(std::string_view member) {
  return member == "Timestamp" || member == "Timestamps" || member.ends_with("Timestamp") ||
         member == "StartTime" || member == "EndTime" || member == "StartDate" || member == "EndDate";
}

Result<std::string> json_text(aws::Protocol protocol, const std::string& body) {
  if (protocol == aws::Protocol::kJson) return body.empty() ? "{}" : body;
  auto value = protocol == aws::Protocol::kCbor ? json_of_cbor(body) : json_of_form(body);
  if (!value) return value.error();
  return shared::json::to_text(*value);
}

http::Response respond(aws::Protocol protocol, const Call& call, const Result<std::string>& answer) {
  http::Response response;
  if (!answer) {
    response = error_of(protocol, call, answer.error());
  } else if (protocol == aws::Protocol::kQuery) {
    aws::QueryResult out(call.operation, aws::xml_namespace(aws::Service::kCloudWatch));
    const auto value = shared::json::parse(answer->empty() ? "{}" : *answer);
    for (const auto& [name, each] : value->items()) write_xml(out.result(), name, each);
    return out.response(call.request_id);
  } else if (protocol == aws::Protocol::kCbor) {
    response = answer->empty() ? http::make_response(200, "", "")
                               : http::make_response(200, kCbor, cbor_of(*shared::json::parse(*answer)));
    if (answer->empty()) response.headers.remove("Content-Type");
  } else {
    response = http::make_response(200, kJson10, answer->empty() ? "{}" : *answer);
  }
  if (protocol == aws::Protocol::kCbor) response.headers.set("smithy-protocol", kSmithy);
  response.headers.set("x-amzn-RequestId", call.request_id);
  return response;
}

}  // namespace agent::api::cloudwatch
