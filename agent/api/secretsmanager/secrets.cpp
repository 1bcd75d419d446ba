// Secrets without their values: made, described, changed, deleted, tagged; their resource policies.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/secretsmanager/request.h"
#include "agent/control/state/faults.h"

namespace agent::api::secretsmanager {

using control::fault;
using nlohmann::json;
using shared::Result;
namespace secrets = control::secrets;

namespace {

constexpr std::size_t kMostName = 512;
constexpr std::size_t kMostDescription = 2048;
constexpr std::size_t kMostPolicy = 20'480;

Result<void> check_secret_name(const std::string& name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("/_+=.@-").find(c) != std::string_view::npos;
  });
  if (name.size() > kMostName)
    return constraint("name", name, "Member must have length less than or equal to 512");
  if (!plain)
    return fault("ValidationException",
                 "Invalid name. Must be a valid name containing alphanumeric characters, or any of the "
                 "following: -/_+=.@!");
  return {};
}

Result<void> check_description(const std::string& text) {
  if (text.size() <= kMostDescription) return {};
  return constraint("description", text, "Member must have length less than or equal to 2048");
}

Result<void> refuse_replicas(In in) {
  if (!in.children("AddReplicaRegions").empty())
    return invalid("AddReplicaRegions is not offered: an installation has one region.");
  return {};
}

Result<void> check_policy(const std::string& policy) {
  if (policy.size() > kMostPolicy)
    return constraint("resourcePolicy", policy, "Member must have length less than or equal to 20480");
  const json parsed = json::parse(policy, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("Statement"))
    return fault("MalformedPolicyDocumentException",
                 "This resource policy contains a syntax error: it must be a JSON object with a Statement.");
  return {};
}

}  // namespace

Answer create_secret(const Context& at, In in) {
  const auto name = required(in, "Name", "name");
  if (!name) return name.error();
  secrets::NewSecret request;
  request.name = *name;
  request.description = in.string_or("Description", "");
  request.key_id = in.string_or("KmsKeyId", "");
  request.tags = read_tags(in);
  const std::string token = in.string_or("ClientRequestToken", "");
  if (!in.ok()) return in.error();
  if (auto ok = check_secret_name(*name); !ok) return ok.error();
  if (auto ok = check_description(request.description); !ok) return ok.error();
  if (auto ok = refuse_replicas(in); !ok) return ok.error();
  // A call that is repeated with its token finds what it made.
  const auto* found = secrets::look_up_secret(at.step, *name);
  const bool repeated = found != nullptr && !is_to_be_deleted(*found) && !token.empty() &&
                        std::any_of(found->versions.begin(), found->versions.end(),
                                    [&](const auto& each) { return each.id == token; });
  if (!repeated) {
    if (const auto made = secrets::create_secret(at.step, request); !made) return made.error();
  }
  const auto id = keep_value(at, in, *name, {});
  if (!id) return id.error();
  json out = identity_of(*at.step.state.neighbours().secrets.find(*name));
  if (!id->empty()) out["VersionId"] = *id;
  return out;
}

Answer update_secret(const Context& at, In in) {
  const auto row = secret_in(at, in);
  if (!row) return row.error();
  secrets::SecretUpdate update{in.string("Description"), in.string("KmsKeyId")};
  if (!in.ok()) return in.error();
  if (update.description) {
    if (auto ok = check_description(*update.description); !ok) return ok.error();
  }
  const std::string name = (*row)->name;
  secrets::update_secret(at.step, name, update);
  const auto id = keep_value(at, in, name, {});
  if (!id) return id.error();
  json out = identity_of(*at.step.state.neighbours().secrets.find(name));
  if (!id->empty()) out["VersionId"] = *id;
  return out;
}

Answer describe_secret(const Context& at, In in) {
  const auto found = secret_in(at, in, true);
  if (!found) return found.error();
  const model::Secret& row = **found;
  json out = identity_of(row);
  if (!row.description.empty()) out["Description"] = row.description;
  if (!row.key_id.empty()) out["KmsKeyId"] = row.key_id;
  out["RotationEnabled"] = false;
  out["CreatedDate"] = shared::epoch_seconds(row.created_at);
  out["LastChangedDate"] = shared::epoch_seconds(row.changed_at);
  if (row.accessed_at != shared::WallTime{}) out["LastAccessedDate"] = shared::epoch_seconds(row.accessed_at);
  if (is_to_be_deleted(row)) out["DeletedDate"] = shared::epoch_seconds(row.deleted_at);
  out["Tags"] = encode_tags(row.tags);
  out["VersionIdsToStages"] = json::object();
  for (const auto& each : row.versions) {
    if (!each.stages.empty()) out["VersionIdsToStages"][each.id] = each.stages;
  }
  return out;
}

Answer delete_secret(const Context& at, In in) {
  const bool at_once = in.boolean_or("ForceDeleteWithoutRecovery", false);
  const auto days = in.integer<std::int64_t>("RecoveryWindowInDays");
  if (!in.ok()) return in.error();
  if (at_once && days)
    return invalid("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.");
  if (days && (*days < secrets::kLeastRecoveryDays || *days > secrets::kMostRecoveryDays))
    return invalid("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).");
  const auto found = secret_in(at, in, at_once);
  if (!found) {
    // Of one that is not there nothing is left to delete.
    if (!at_once || found.error().code() != "ResourceNotFoundException") return found.error();
    const std::string id = in.string_or("SecretId", "");
    return json{{"ARN", id}, {"Name", id}, {"DeletionDate", shared::epoch_seconds(at.step.now)}};
  }
  json out = identity_of(**found);
  const std::string name = (*found)->name;
  secrets::delete_secret(at.step, name,
                         at_once ? std::nullopt : std::optional(days.value_or(secrets::kMostRecoveryDays)));
  const auto* row = at.step.state.neighbours().secrets.find(name);
  out["DeletionDate"] = shared::epoch_seconds(row == nullptr ? at.step.now : row->gone_at);
  return out;
}

Answer restore_secret(const Context& at, In in) {
  const auto row = secret_in(at, in, true);
  if (!row) return row.error();
  json out = identity_of(**row);
  secrets::restore_secret(at.step, std::string((*row)->name));
  return out;
}

Answer tag_resource(const Context& at, In in) {
  const auto row = secret_in(at, in);
  if (!row) return row.error();
  const auto tags = read_tags(in);
  if (!in.ok()) return in.error();
  if (auto ok = secrets::tag_secret(at.step, std::string((*row)->name), tags); !ok) return ok.error();
  return json::object();
}

Answer untag_resource(const Context& at, In in) {
  const auto row = secret_in(at, in);
  if (!row) return row.error();
  const auto keys = in.strings_or_empty("TagKeys");
  if (!in.ok()) return in.error();
  secrets::untag_secret(at.step, std::string((*row)->name), keys);
  return json::object();
}

Answer get_resource_policy(const Context& at, In in) {
  const auto row = secret_in(at, in, true);
  if (!row) return row.error();
  json out = identity_of(**row);
  if (!(*row)->policy.empty()) out["ResourcePolicy"] = (*row)->policy;
  return out;
}

Answer put_resource_policy(const Context& at, In in) {
  const auto row = secret_in(at, in);
  if (!row) return row.error();
  const auto policy = required(in, "ResourcePolicy", "resourcePolicy");
  if (!policy) return policy.error();
  if (auto ok = check_policy(*policy); !ok) return ok.error();
  json out = identity_of(**row);
  secrets::set_secret_policy(at.step, std::string((*row)->name), *policy);
  return out;
}

Answer delete_resource_policy(const Context& at, In in) {
  const auto row = secret_in(at, in);
  if (!row) return row.error();
  json out = identity_of(**row);
  secrets::set_secret_policy(at.step, std::string((*row)->name), "");
  return out;
}

Answer validate_resource_policy(const Context& at, In in) {
  (void)at;
  const auto policy = required(in, "ResourcePolicy", "resourcePolicy");
  if (!policy) return policy.error();
  json out{{"PolicyValidationPassed", true}, {"ValidationErrors", json::array()}};
  if (auto ok = check_policy(*policy); !ok) {
    out["PolicyValidationPassed"] = false;
    out["ValidationErrors"].push_back({{"CheckName", "SYNTAX"}, {"ErrorMessage", ok.error().text()}});
  }
  return out;
}

}  // namespace agent::api::secretsmanager
