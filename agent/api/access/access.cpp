#include "agent/api/access/access.h"

#include "agent/control/iam/credentials.h"
#include "agent/control/iam/task_roles.h"
#include "agent/control/state/faults.h"

namespace agent::api {

using shared::Result;

Access action_alone(std::string action) {
  Access out{std::move(action)};
  out.partial = true;
  return out;
}

void add_request_tags(Access& access, const std::vector<model::Tag>& tags) {
  for (const model::Tag& tag : tags) {
    access.keys["aws:RequestTag/" + tag.key] = {tag.value};
    access.keys["aws:TagKeys"].push_back(tag.key);
  }
}

void add_resource_tags(Access& access, const std::vector<model::Tag>& tags) {
  for (const model::Tag& tag : tags) access.keys["aws:ResourceTag/" + tag.key] = {tag.value};
}

Access pass_role(const control::Step& step, const std::string& role, const std::string& service) {
  Access out{"iam:PassRole"};
  const model::IamIdentity* row = control::iam::find_role(step, role);
  out.resources = {row != nullptr ? row->arn : control::iam::role_arn_of(step, role)};
  out.keys["iam:PassedToService"] = {service};
  return out;
}

Result<void> permit(const control::Step& step, const Call& call, const std::vector<Access>& all,
                    const char* code) {
  if (!call.by_policy) return {};
  const control::iam::Circumstances around{step.now, call.source_ip, call.user_agent};
  for (const Access& each : all) {
    const auto ask = [&](const std::string& resource) -> Result<void> {
      if (!call.caller_role.empty()) {
        const auto* role = control::iam::find_role(step, call.caller_role);
        if (role == nullptr)
          return control::fault("AccessDenied", "There is no role " + call.caller_role + ".");
        return control::iam::check_role_permission(step.state, step.settings, *role,
                                                   call.caller_arn.substr(call.caller_arn.rfind('/') + 1),
                                                   each.action, resource, around, each.keys);
      }
      return control::iam::check_permission(step.state, step.settings, call.caller_key, each.action, resource,
                                            around, each.keys);
    };
    if (each.partial) {
      if (auto allowed = ask(""); !allowed) return control::fault(code, allowed.error().text());
      continue;
    }
    for (const std::string& resource : each.resources) {
      if (auto allowed = ask(resource); !allowed) return control::fault(code, allowed.error().text());
    }
  }
  return {};
}

}  // namespace agent::api
