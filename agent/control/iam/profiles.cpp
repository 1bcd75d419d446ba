#include <algorithm>

#include "agent/control/iam/iam.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"

namespace agent::control::iam {

using shared::Result;

Result<const model::IamInstanceProfile*> find_profile(const State& state, std::string_view name) {
  if (const auto* row = state.neighbours().instance_profiles.find(key_of_name(name))) return row;
  return fault("NoSuchEntity", "Instance Profile " + std::string(name) + " cannot be found.");
}

Result<const model::IamInstanceProfile*> create_profile(Step& step, const std::string& name,
                                                        const std::string& path,
                                                        const std::vector<model::Tag>& tags) {
  Table<model::IamInstanceProfile>& table = rows(step).neighbours().instance_profiles;
  const std::string key = key_of_name(name);
  if (table.find(key) != nullptr)
    return fault("EntityAlreadyExists", "Instance Profile " + name + " already exists.");
  if (table.size() >= kMaxProfiles)
    return fault("LimitExceeded",
                 "Cannot exceed quota for InstanceProfilesPerAccount: " + std::to_string(kMaxProfiles));
  const auto checked = tags_with({}, tags);
  if (!checked) return checked.error();
  model::IamInstanceProfile row;
  row.name = name;
  row.path = path;
  row.id = fresh_id(step, "AIPA");
  row.arn = iam_arn(step, "instance-profile", path, name);
  row.tags = *checked;
  row.created_at = step.now;
  return &table.put(key, std::move(row));
}

Result<void> delete_profile(Step& step, std::string_view name) {
  const auto found = find_profile(step.state, name);
  if (!found) return found.error();
  if (!(*found)->role.empty())
    return fault("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.");
  rows(step).neighbours().instance_profiles.erase(key_of_name(name));
  return {};
}

Result<void> add_role_to_profile(Step& step, std::string_view profile, std::string_view role) {
  const auto found = find_profile(step.state, profile);
  if (!found) return found.error();
  const auto named = find_identity(step.state, Kind::kRole, role);
  if (!named) return named.error();
  if ((*named)->path.starts_with(kServicePath)) {
    return fault("UnmodifiableEntity", "Cannot perform the operation on the protected role '" +
                                           (*named)->name + "' - this role is only modifiable by AWS");
  }
  if (!(*found)->role.empty())
    return fault("LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1");
  rows(step).neighbours().instance_profiles.edit(
      key_of_name(profile), [&](model::IamInstanceProfile& row) { row.role = key_of_name(role); });
  return {};
}

Result<void> remove_role_from_profile(Step& step, std::string_view profile, std::string_view role) {
  const auto found = find_profile(step.state, profile);
  if (!found) return found.error();
  if ((*found)->role.empty() || (*found)->role != key_of_name(role))
    return fault("NoSuchEntity", "The role with name " + std::string(role) + " cannot be found.");
  rows(step).neighbours().instance_profiles.edit(key_of_name(profile),
                                                 [](model::IamInstanceProfile& row) { row.role.clear(); });
  return {};
}

Result<void> tag_profile(Step& step, std::string_view name, const std::vector<model::Tag>& tags) {
  const auto found = find_profile(step.state, name);
  if (!found) return found.error();
  auto merged = tags_with((*found)->tags, tags);
  if (!merged) return merged.error();
  rows(step).neighbours().instance_profiles.edit(
      key_of_name(name), [&](model::IamInstanceProfile& row) { row.tags = *std::move(merged); });
  return {};
}

Result<void> untag_profile(Step& step, std::string_view name, const std::vector<std::string>& keys) {
  const auto found = find_profile(step.state, name);
  if (!found) return found.error();
  rows(step).neighbours().instance_profiles.edit(key_of_name(name), [&](model::IamInstanceProfile& row) {
    std::erase_if(row.tags, [&](const model::Tag& tag) {
      return std::find(keys.begin(), keys.end(), tag.key) != keys.end();
    });
  });
  return {};
}

std::vector<const model::IamInstanceProfile*> profiles_of(const State& state,
                                                          const model::IamIdentity& role) {
  std::vector<const model::IamInstanceProfile*> out;
  const std::string key = key_of_name(role.name);
  for (const auto& [name, row] : state.neighbours().instance_profiles.rows()) {
    if (row.role == key) out.push_back(&row);
  }
  return out;
}

}  // namespace agent::control::iam
