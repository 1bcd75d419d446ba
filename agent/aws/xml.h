// Writes the answers of the AWS Query protocol:
//
//   <OpResponse
//   xmlns="..."><OpResult>...</OpResult><ResponseMetadata><RequestId>...</RequestId></ResponseMetadata></...>
//
//   QueryResult out("DescribeRules", xml_namespace(Service::kElbv2));
//   XmlElement rules = out.result().child("Rules");
//   for (const Rule& r : found) write_rule(rules.child("member"), r);
//   return out.response(request_id);
//
// Text is escaped; what XML 1.0 cannot carry (control characters, invalid UTF-8) becomes U+FFFD. Unset
// optional members are left out by not writing them, empty lists are written as empty elements. No I/O.
#pragma once
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/time.h"
#include "shared/http/message.h"

namespace pugi {
struct xml_node_struct;
}

namespace agent::aws {

// A place to write to; valid as long as its QueryResult.
class XmlElement {
 public:
  XmlElement child(std::string_view name);  // a new element at the end
  void set(std::string_view text);          // this element's own text

  void text(std::string_view name, std::string_view value);  // <name>value</name>, also when empty
  void text_if(std::string_view name, const std::optional<std::string>& value);
  void text_unless_empty(std::string_view name, std::string_view value);
  void integer(std::string_view name, std::int64_t value);
  void boolean(std::string_view name, std::same_as<bool> auto value) { text(name, value ? "true" : "false"); }
  void time(std::string_view name, shared::WallTime value);  // "2024-05-01T12:34:56.789Z"
  void strings(std::string_view name,
               const std::vector<std::string>& values);  // <name><member>..</member>..</name>

 private:
  friend class QueryResult;
  explicit XmlElement(pugi::xml_node_struct* node) : node_(node) {}
  pugi::xml_node_struct* node_;
};

class QueryResult {
 public:
  QueryResult(std::string_view operation, std::string_view xml_namespace);
  // EC2's form: <OpResponse xmlns="..."><requestId>...</requestId>...</OpResponse>, with the members right in
  // it.
  static QueryResult ec2(std::string_view operation, std::string_view xml_namespace);
  QueryResult(QueryResult&&) noexcept;
  QueryResult& operator=(QueryResult&&) noexcept;
  ~QueryResult();

  XmlElement result();  // <OpResult>, written even when it stays empty; EC2: the response itself
  // Status 200 with the request id in the body and in x-amzn-RequestId. Call once, as the last thing.
  shared::http::Response response(std::string_view request_id);

 private:
  struct Document;
  std::unique_ptr<Document> document_;
};

// <ErrorResponse>; Type is Sender below 500 and Receiver from there on.
shared::http::Response query_error(int status, std::string_view code, std::string_view message,
                                   std::string_view xml_namespace, std::string_view request_id);

// The same for clients of services that are not ours: <Response><Errors> of EC2, the bare <Error> of S3.
shared::http::Response ec2_error(int status, std::string_view code, std::string_view message,
                                 std::string_view request_id);
shared::http::Response s3_error(int status, std::string_view code, std::string_view message,
                                std::string_view request_id);

}  // namespace agent::aws
