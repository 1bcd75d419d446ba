// The texts of both protocols.
#include <nlohmann/json.hpp>
#include <pugixml.hpp>

#include "agent/cli/client/api.h"
#include "shared/json/reader.h"

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

std::string scalar(const json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

void flatten(const std::string& name, const json& value, std::string& out) {
  if (value.is_null()) return;
  if (value.is_object()) {
    for (const auto& [key, each] : value.items()) flatten(name.empty() ? key : name + "." + key, each, out);
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i)
      flatten(name + ".member." + std::to_string(i + 1), value[i], out);
    if (value.empty()) out += "&" + name + "=";
  } else {
    out += "&" + shared::http::percent_encode(name, shared::http::Slash::kEncode) + "=" +
           shared::http::percent_encode(scalar(value), shared::http::Slash::kEncode);
  }
}

json value_of(const pugi::xml_node& node) {
  const pugi::xml_node first = node.first_child();
  if (!first || first.type() == pugi::node_pcdata || first.type() == pugi::node_cdata)
    return std::string(node.child_value());
  if (std::string_view(first.name()) == "member") {
    json list = json::array();
    for (const pugi::xml_node& each : node.children()) list.push_back(value_of(each));
    return list;
  }
  json object = json::object();
  for (const pugi::xml_node& each : node.children()) object[each.name()] = value_of(each);
  return object;
}

}  // namespace

std::string query_form(std::string_view operation, std::string_view version, const json& input) {
  std::string out = "Action=" + std::string(operation) + "&Version=" + std::string(version);
  flatten("", input, out);
  return out;
}

Result<json> query_result(std::string_view operation, std::string_view xml) {
  pugi::xml_document document;
  const auto parsed = document.load_buffer(xml.data(), xml.size());
  const std::string name(operation);
  const pugi::xml_node response = document.child((name + "Response").c_str());
  if (!parsed || !response) {
    return Error("malformed", "the answer to " + name + " is not what Elastic Load Balancing answers",
                 shared::Blame::kTarget);
  }
  const pugi::xml_node result = response.child((name + "Result").c_str());
  json value = result ? value_of(result) : json::object();
  return value.is_object() ? value : json(json::object());
}

Error api_error(const shared::http::Response& response) {
  const bool busy = response.status >= 500 || response.status == 429;
  std::string code;
  std::string text;
  if (const auto body = shared::json::parse(response.body); body && body->is_object()) {
    const auto read = [&](const char* name) {
      const auto it = body->find(name);
      return it != body->end() && it->is_string() ? it->get<std::string>() : std::string();
    };
    code = read("__type");
    text = read("message");
    if (text.empty()) text = read("Message");
  } else {
    pugi::xml_document document;
    document.load_buffer(response.body.data(), response.body.size());
    const pugi::xml_node error = document.child("ErrorResponse").child("Error");
    code = error.child_value("Code");
    text = error.child_value("Message");
  }
  if (const auto hash = code.rfind('#'); hash != std::string::npos) code.erase(0, hash + 1);
  const bool throttled = code.find("Throttling") != std::string::npos;
  if (code.empty()) {
    code = busy ? "ServerException" : "not_berth";
    text = "HTTP status " + std::to_string(response.status) +
           (busy ? "" : " and no answer of an AWS service: is this control's endpoint?");
  }
  return Error(code, text, busy ? shared::Blame::kTarget : shared::Blame::kClient,
               busy || throttled ? shared::Retry::kYes : shared::Retry::kNo);
}

bool is_access_error(const Error& error) {
  for (const char* code :
       {"setting", "connect", "timeout", "closed", "tls", "malformed", "not_berth", "AccessDenied",
        "AccessDeniedException", "InvalidClientTokenId", "UnrecognizedClientException",
        "SignatureDoesNotMatch", "InvalidSignatureException", "ExpiredToken", "ExpiredTokenException",
        "IncompleteSignature", "IncompleteSignatureException", "MissingAuthenticationToken",
        "MissingAuthenticationTokenException"}) {
    if (error.code() == code) return true;
  }
  return false;
}

}  // namespace agent::cli
