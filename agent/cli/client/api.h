// Calls of the public APIs, one at a time: signed, answered, decoded. Answers of the Query protocol (Elastic
// Load Balancing) come as the same JSON that the AWS CLI shows, but with every scalar as a text. A call that
// was throttled or met a control that is starting is tried again for a while. Thread: main; nothing runs
// between calls.
#pragma once
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "agent/cli/client/settings.h"
#include "shared/base/result.h"
#include "shared/base/time.h"
#include "shared/http/message.h"

namespace agent::cli {

class Api {
 public:
  // Error "setting": the CA file of an https endpoint.
  static shared::Result<std::unique_ptr<Api>> create(Place place);
  virtual ~Api() = default;

  virtual const Place& place() const = 0;
  // Errors have the service's code ("ClusterNotFoundException") and text; "connect", "timeout", "closed" and
  // "tls" where there was no answer.
  virtual shared::Result<nlohmann::json> ecs(std::string_view operation, const nlohmann::json& input) = 0;
  virtual shared::Result<nlohmann::json> logs(std::string_view operation, const nlohmann::json& input) = 0;
  virtual shared::Result<nlohmann::json> ssm(std::string_view operation, const nlohmann::json& input) = 0;
  virtual shared::Result<nlohmann::json> secrets(std::string_view operation, const nlohmann::json& input) = 0;
  virtual shared::Result<nlohmann::json> elb(std::string_view operation, const nlohmann::json& input) = 0;
  virtual shared::Result<nlohmann::json> iam(std::string_view operation, const nlohmann::json& input) = 0;
  // An unsigned request to anybody: a listener, /readyz. Redirects are not followed.
  virtual shared::Result<shared::http::Response> plain(const Url& url, shared::http::Request request,
                                                       shared::Millis timeout) = 0;
  virtual shared::WallTime now() const = 0;
  // Lets time pass. False: somebody asked us to end (SIGINT, SIGTERM).
  virtual bool wait(shared::Millis length) = 0;
};

// Whether an error is about reaching control or being let in, not about what was asked.
bool is_access_error(const shared::Error& error);

// "Action=X&Version=...&Names.member.1=a" of a JSON object whose members are texts, numbers, booleans, lists
// and objects. Pure.
std::string query_form(std::string_view operation, std::string_view version, const nlohmann::json& input);
// The <XResult> of an answer: elements with only <member> in them are lists. Error "malformed". Pure.
shared::Result<nlohmann::json> query_result(std::string_view operation, std::string_view xml);
// What an answer that is no 2xx says, of both protocols. Pure.
shared::Error api_error(const shared::http::Response& response);

}  // namespace agent::cli
