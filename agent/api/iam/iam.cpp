#include "agent/api/iam/iam.h"

#include <algorithm>
#include <array>

#include "agent/api/access/access.h"
#include "agent/api/iam/operations.h"
#include "agent/aws/service.h"
#include "agent/control/state/faults.h"

namespace agent::api::iam {

using shared::Result;

namespace {

std::array<std::span<const Operation>, 5> tables() {
  return {identity_operations(), group_operations(), policy_operations(), profile_operations(),
          access_key_operations()};
}

}  // namespace

Result<std::string> handle(Step& step, const Call& call) {
  const Operation* found = nullptr;
  for (const auto table : tables()) {
    for (const Operation& each : table) {
      if (each.name == call.operation) found = &each;
    }
  }
  if (found == nullptr) {
    return control::fault("InvalidAction", "The action " + call.operation +
                                               " is not valid for this web service, or not offered here.");
  }
  auto query = aws::Query::parse(call.body);
  if (!query) return query.error();
  const aws::QueryReader in = query->root();
  if (call.by_policy && call.operation == "AddRoleToInstanceProfile") {
    const Access passing = pass_role(step, in.string_or("RoleName", ""), "ec2.amazonaws.com");
    if (auto allowed = permit(step, call, {passing}, "AccessDenied"); !allowed) return allowed.error();
  }
  aws::QueryResult answer(call.operation, aws::xml_namespace(aws::Service::kIam));
  const auto done = found->run(step, in, answer.result(), call);
  if (!in.ok()) return in.error();
  if (!done) return done.error();
  return answer.response(call.request_id).body;
}

Offers offers() {
  Offers out;
  for (const auto table : tables()) add_offered(out, table);
  return out;
}

}  // namespace agent::api::iam
