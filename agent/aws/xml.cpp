#include "agent/aws/xml.h"

#include <pugixml.hpp>

namespace agent::aws {

namespace http = shared::http;

namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

// Length of the valid UTF-8 sequence at the start of `text`, 0 if there is none (RFC 3629).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4 || !follows(1)) return 0;
  if (first < 0xe0) return 2;
  if (!follows(2)) return 0;
  if (first < 0xf0) {
    const bool overlong = first == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = first == 0xed && byte(1) >= 0xa0;
    const bool not_xml = first == 0xef && byte(1) == 0xbf && byte(2) >= 0xbe;  // U+FFFE, U+FFFF
    return overlong || surrogate || not_xml ? 0 : 3;
  }
  if (!follows(3) || (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) >= 0x90)) return 0;
  return 4;
}

// Escaping is the writer's work; this only replaces what no escape could express.
std::string xml_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text[0]);
    std::size_t length = utf8_length(text);
    const bool control = (first < 0x20 && first != '\t' && first != '\n' && first != '\r') || first == 0x7f;
    if (length == 0 || control) {
      out += kReplacement;
      length = 1;
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return out;
}

pugi::xml_node append(pugi::xml_node parent, std::string_view name) {
  return parent.append_child(std::string(name).c_str());
}

void append_text(pugi::xml_node parent, std::string_view name, std::string_view text) {
  append(parent, name).text().set(xml_text(text).c_str());
}

pugi::xml_node append_error(pugi::xml_node parent, std::string_view code, std::string_view message,
                            std::string_view type = {}) {
  pugi::xml_node error = append(parent, "Error");
  if (!type.empty()) append_text(error, "Type", type);
  append_text(error, "Code", code);
  append_text(error, "Message", message);
  return error;
}

http::Response respond(int status, const pugi::xml_document& document, std::string_view request_id) {
  struct StringWriter final : pugi::xml_writer {
    void write(const void* data, std::size_t size) override {
      out.append(static_cast<const char*>(data), size);
    }
    std::string out;
  } writer;
  document.save(writer, "", pugi::format_raw | pugi::format_no_declaration, pugi::encoding_utf8);
  http::Response response = http::make_response(status, "text/xml", std::move(writer.out));
  response.headers.add("x-amzn-RequestId", std::string(request_id));
  return response;
}

}  // namespace

XmlElement XmlElement::child(std::string_view name) {
  return XmlElement(append(pugi::xml_node(node_), name).internal_object());
}

void XmlElement::set(std::string_view value) { pugi::xml_node(node_).text().set(xml_text(value).c_str()); }

void XmlElement::text(std::string_view name, std::string_view value) {
  append_text(pugi::xml_node(node_), name, value);
}

void XmlElement::text_if(std::string_view name, const std::optional<std::string>& value) {
  if (value) text(name, *value);
}

void XmlElement::text_unless_empty(std::string_view name, std::string_view value) {
  if (!value.empty()) text(name, value);
}

void XmlElement::integer(std::string_view name, std::int64_t value) { text(name, std::to_string(value)); }
void XmlElement::time(std::string_view name, shared::WallTime value) { text(name, http::iso8601(value)); }

void XmlElement::strings(std::string_view name, const std::vector<std::string>& values) {
  XmlElement list = child(name);
  for (const std::string& value : values) list.text("member", value);
}

struct QueryResult::Document {
  bool is_ec2 = false;
  pugi::xml_document document;
  pugi::xml_node response;
  pugi::xml_node result;
};

QueryResult::QueryResult(std::string_view operation, std::string_view xml_namespace)
    : document_(std::make_unique<Document>()) {
  document_->response = append(document_->document, std::string(operation) + "Response");
  document_->response.append_attribute("xmlns").set_value(std::string(xml_namespace).c_str());
  document_->result = append(document_->response, std::string(operation) + "Result");
}

QueryResult QueryResult::ec2(std::string_view operation, std::string_view xml_namespace) {
  QueryResult out(operation, xml_namespace);
  out.document_->response.remove_child(out.document_->result);
  out.document_->result = out.document_->response;
  out.document_->is_ec2 = true;
  return out;
}

QueryResult::QueryResult(QueryResult&&) noexcept = default;
QueryResult& QueryResult::operator=(QueryResult&&) noexcept = default;
QueryResult::~QueryResult() = default;

XmlElement QueryResult::result() { return XmlElement(document_->result.internal_object()); }

http::Response QueryResult::response(std::string_view request_id) {
  if (document_->is_ec2) {
    pugi::xml_node id = document_->response.prepend_child("requestId");
    id.text().set(std::string(request_id).c_str());
  } else {
    append_text(append(document_->response, "ResponseMetadata"), "RequestId", request_id);
  }
  return respond(200, document_->document, request_id);
}

http::Response query_error(int status, std::string_view code, std::string_view message,
                           std::string_view xml_namespace, std::string_view request_id) {
  pugi::xml_document document;
  pugi::xml_node response = append(document, "ErrorResponse");
  response.append_attribute("xmlns").set_value(std::string(xml_namespace).c_str());
  append_error(response, code, message, status < 500 ? "Sender" : "Receiver");
  append_text(response, "RequestId", request_id);
  return respond(status, document, request_id);
}

http::Response ec2_error(int status, std::string_view code, std::string_view message,
                         std::string_view request_id) {
  pugi::xml_document document;
  pugi::xml_node response = append(document, "Response");
  append_error(append(response, "Errors"), code, message);
  append_text(response, "RequestID", request_id);
  return respond(status, document, request_id);
}

http::Response s3_error(int status, std::string_view code, std::string_view message,
                        std::string_view request_id) {
  pugi::xml_document document;
  append_text(append_error(document, code, message), "RequestId", request_id);
  return respond(status, document, request_id);
}

}  // namespace agent::aws
