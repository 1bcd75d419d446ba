#include "agent/api/secretsmanager/secretsmanager.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "agent/api/secretsmanager/access.h"
#include "agent/control/state/faults.h"

namespace agent::api::secretsmanager {
namespace {

using control::fault;
using shared::Result;

using Run = Answer (*)(const Context&, In);
constexpr auto kOperations = std::to_array<std::pair<std::string_view, Run>>({
    {"BatchGetSecretValue", batch_get_secret_value},
    {"CreateSecret", create_secret},
    {"DeleteResourcePolicy", delete_resource_policy},
    {"DeleteSecret", delete_secret},
    {"DescribeSecret", describe_secret},
    {"GetRandomPassword", get_random_password},
    {"GetResourcePolicy", get_resource_policy},
    {"GetSecretValue", get_secret_value},
    {"ListSecretVersionIds", list_secret_version_ids},
    {"ListSecrets", list_secrets},
    {"PutResourcePolicy", put_resource_policy},
    {"PutSecretValue", put_secret_value},
    {"RestoreSecret", restore_secret},
    {"TagResource", tag_resource},
    {"UntagResource", untag_resource},
    {"UpdateSecret", update_secret},
    {"UpdateSecretVersionStage", update_secret_version_stage},
    {"ValidateResourcePolicy", validate_resource_policy},
});

constexpr std::string_view kNoRotation =
    "Rotation is not offered: there are no functions that would make a new value. Use PutSecretValue.";
constexpr std::string_view kNoReplicas = "Replicas are not offered: an installation has one region.";
constexpr std::pair<std::string_view, std::string_view> kNotOffered[] = {
    {"CancelRotateSecret", kNoRotation},       {"RemoveRegionsFromReplication", kNoReplicas},
    {"ReplicateSecretToRegions", kNoReplicas}, {"RotateSecret", kNoRotation},
    {"StopReplicationToReplica", kNoReplicas},
};

}  // namespace

Result<std::string> handle(control::Step& step, const Call& call, Sealer* sealer) {
  const auto* const found = std::find_if(kOperations.begin(), kOperations.end(),
                                         [&](const auto& each) { return each.first == call.operation; });
  if (found == kOperations.end()) {
    for (const auto& [name, why] : kNotOffered) {
      if (name == call.operation) return fault("InvalidRequestException", std::string(why));
    }
    return fault("UnknownOperationException", "The operation " + call.operation + " does not exist.");
  }
  const auto document =
      shared::json::Document::parse(call.body.empty() ? "{}" : call.body, "SerializationException");
  if (!document) return document.error();
  const shared::json::Reader in = document->root();
  const Context at{step, call, sealer};
  if (call.by_policy) {
    if (auto allowed = permit(step, call, accesses_of(at, in)); !allowed) return allowed.error();
  }
  const Answer answer = found->second(at, in);
  if (!in.ok()) return in.error();
  if (!answer) return answer.error();
  return shared::json::to_text(*answer);
}

Offers offers() {
  Offers out;
  add_offered(out, kOperations);
  add_refused(out, kNotOffered);
  return out;
}

}  // namespace agent::api::secretsmanager
