// One authenticated API call, as the service modules (ecs, elbv2, sts) see it.
#pragma once
#include <string>

namespace agent::api {

struct Call {
  std::string operation;   // "RunTask"
  std::string body;        // JSON text, or the form of a Query call
  std::string request_id;  // UUID, also in the answer's header
  std::string caller_arn;
  std::string account;
  std::string caller_id;                 // user id, for GetCallerIdentity
  std::string caller_key = {};           // the access key's id
  bool caller_is_administrator = false;  // allowed everything
  // Its policies say what it may (agent/api/access); around the call, for their conditions.
  bool by_policy = false;
  // A service of ours calls for a role: its ARN, in place of a key. May be empty.
  std::string caller_role = {};
  std::string source_ip = {};
  std::string user_agent = {};
};

}  // namespace agent::api
