// What a call does with what, as policies name it, and whether its caller may. Each service says so of its
// operations in a table beside the one that they are dispatched by; what is not in that table is judged by
// the action alone, which errs on the safe side.
#pragma once
#include <string>
#include <vector>

#include "agent/api/call.h"
#include "agent/control/state/step.h"
#include "agent/iam/policy/evaluate.h"
#include "agent/model/common.h"
#include "shared/base/result.h"

namespace agent::api {

struct Access {
  std::string action;                    // "ecs:RunTask"
  std::vector<std::string> resources{};  // ARNs, each of which must be allowed; "*" for none in particular
  agent::iam::policy::Context keys{};    // the service's own, and those of tags
  bool partial = false;                  // neither resources nor keys are known
};

// Judged by the action alone.
Access action_alone(std::string action);
// aws:RequestTag/KEY and aws:TagKeys, aws:ResourceTag/KEY.
void add_request_tags(Access& access, const std::vector<model::Tag>& tags);
void add_resource_tags(Access& access, const std::vector<model::Tag>& tags);

// The caller may pass the role to a service ("ecs-tasks.amazonaws.com").
Access pass_role(const control::Step& step, const std::string& role, const std::string& service);

// All of them. Nothing is asked of administrators and nodes, whose rights are no policies. Error
// AccessDenied, of JSON services AccessDeniedException, in AWS's words.
shared::Result<void> permit(const control::Step& step, const Call& call, const std::vector<Access>& all,
                            const char* code = "AccessDeniedException");

}  // namespace agent::api
