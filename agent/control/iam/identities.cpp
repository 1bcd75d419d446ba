#include <algorithm>
#include <array>

#include "agent/control/iam/iam.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/tag_rules.h"
#include "agent/iam/policy/document.h"

namespace agent::control::iam {
namespace {

using shared::Result;
namespace policy = agent::iam::policy;

struct KindRow {
  std::string_view word;   // in texts
  std::string_view title;  // at the beginning of one
  std::string_view arn;
  std::string_view id;
  std::size_t most;
  std::string_view quota;
  std::size_t inline_chars;  // of all inline policies together, without white space
  std::string_view attached_quota;
};
constexpr std::array kKinds = {
    KindRow{"role", "Role", "role", "AROA", kMaxRoles, "RolesPerAccount", 10'240, "PoliciesPerRole"},
    KindRow{"user", "User", "user", "AIDA", kMaxUsers, "UsersPerAccount", 2'048, "PoliciesPerUser"},
    KindRow{"group", "Group", "group", "AGPA", kMaxGroups, "GroupsPerAccount", 5'120, "PoliciesPerGroup"},
};
const KindRow& row_of(Kind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

// Users whose keys are files of this installation (agent/iam/keys.h).
constexpr std::array<std::string_view, 2> kBuiltInUsers{"administrator", "berth-node"};
bool is_built_in(Kind kind, std::string_view key) {
  return kind == Kind::kUser &&
         std::find(kBuiltInUsers.begin(), kBuiltInUsers.end(), key) != kBuiltInUsers.end();
}

Table<model::IamIdentity>& rows_of(Step& step, Kind kind) {
  Neighbours& all = rows(step).neighbours();
  return kind == Kind::kRole ? all.roles : kind == Kind::kUser ? all.users : all.groups;
}

bool is_service_linked(Kind kind, const model::IamIdentity& row) {
  return kind == Kind::kRole && row.path.starts_with(kServicePath);
}

// What nobody but its service may change.
Result<const model::IamIdentity*> find_to_change(const State& state, Kind kind, std::string_view name) {
  auto found = find_identity(state, kind, name);
  if (!found) return found;
  if (!is_service_linked(kind, **found)) return found;
  return fault("UnmodifiableEntity", "Cannot perform the operation on the protected role '" + (*found)->name +
                                         "' - this role is only modifiable by AWS");
}

// An ARN of ours must be of somebody.
Result<void> check_principals(const Step& step, const policy::Document& trust) {
  const std::string ours = "arn:" + step.settings.partition + ":iam::" + step.settings.account + ":";
  for (const policy::Statement& statement : trust.statements) {
    for (const policy::Principal& each : statement.principals) {
      if (each.type != "AWS" || !each.value.starts_with(ours)) continue;
      const std::string_view resource = std::string_view(each.value).substr(ours.size());
      if (resource == "root") continue;
      const std::string_view name = resource.substr(resource.rfind('/') + 1);
      const Kind kind = resource.starts_with("role/") ? Kind::kRole : Kind::kUser;
      const auto* row = table_of(step.state, kind).find(key_of_name(name));
      const bool known = (row != nullptr && row->arn == each.value) ||
                         (resource.starts_with("user/") && is_built_in(kind, name));
      if (!known) {
        return fault("MalformedPolicyDocument", "Invalid principal in policy: \"AWS\":\"" +
                                                    each.value.substr(0, aws::kQuotedArnBytes) + "\"");
      }
    }
  }
  return {};
}

Result<void> check_trust(const Step& step, const std::string& document) {
  if (policy::size_without_blanks(document) > kMaxTrustChars)
    return fault("LimitExceeded",
                 "Cannot exceed quota for ACLSizePerRole: " + std::to_string(kMaxTrustChars));
  const auto parsed = policy::Document::parse(document, policy::Kind::kTrust);
  if (!parsed) return parsed.error();
  return check_principals(step, *parsed);
}

Result<void> check_boundary(const State& state, const std::string& arn) {
  if (arn.empty() || look_up_policy(state, arn)) return {};
  return fault("NoSuchEntity",
               "Scope ARN: " + arn.substr(0, aws::kQuotedArnBytes) + " does not exist or is not attachable.");
}

struct LinkedRole {
  std::string_view service;
  std::string_view role;
  bool takes_suffix;
};
constexpr auto kLinkedRoles = std::to_array<LinkedRole>({
    {"ecs.amazonaws.com", "AWSServiceRoleForECS", false},
    {"elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing", false},
    {"autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling", true},
    {"ecs.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_ECSService",
     false},
    {"spot.amazonaws.com", "AWSServiceRoleForEC2Spot", false},
    {"events.amazonaws.com", "AWSServiceRoleForCloudWatchEvents", false},
});

}  // namespace

const Table<model::IamIdentity>& table_of(const State& state, Kind kind) {
  const Neighbours& all = state.neighbours();
  return kind == Kind::kRole ? all.roles : kind == Kind::kUser ? all.users : all.groups;
}

std::string key_of_name(std::string_view name) {
  std::string key(name);
  std::transform(key.begin(), key.end(), key.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return key;
}

std::string fresh_id(Step& step, std::string_view prefix) {
  constexpr std::string_view kChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  constexpr int kMore = 17;
  std::string id(prefix);
  for (int i = 0; i < kMore; ++i) id += kChars[step.random.below(kChars.size())];
  return id;
}

std::string iam_arn(const Step& step, std::string_view kind, std::string_view path, std::string_view name) {
  return "arn:" + step.settings.partition + ":iam::" + step.settings.account + ":" + std::string(kind) +
         std::string(path) + std::string(name);
}

Result<std::vector<model::Tag>> tags_with(const std::vector<model::Tag>& had,
                                          const std::vector<model::Tag>& more) {
  if (auto ok = check_tags(more); !ok) return fault("InvalidInput", ok.error().text());
  auto merged = merge_tags(had, more);
  if (merged.size() > kMaxTags)
    return fault("LimitExceeded",
                 "The number of tags has reached the maximum limit of " + std::to_string(kMaxTags) + ".");
  return merged;
}

Result<const model::IamIdentity*> find_identity(const State& state, Kind kind, std::string_view name) {
  if (const auto* row = table_of(state, kind).find(key_of_name(name))) return row;
  const KindRow& of = row_of(kind);
  return fault("NoSuchEntity",
               "The " + std::string(of.word) + " with name " + std::string(name) + " cannot be found.");
}

Result<const model::IamIdentity*> create_identity(Step& step, const NewIdentity& request) {
  const KindRow& of = row_of(request.kind);
  const std::string key = key_of_name(request.name);
  Table<model::IamIdentity>& table = rows_of(step, request.kind);
  if (table.find(key) != nullptr || is_built_in(request.kind, key))
    return fault("EntityAlreadyExists",
                 std::string(of.title) + " with name " + request.name + " already exists.");
  if (table.size() >= of.most)
    return fault("LimitExceeded",
                 "Cannot exceed quota for " + std::string(of.quota) + ": " + std::to_string(of.most));
  if (request.kind == Kind::kRole) {
    if (auto ok = check_trust(step, request.trust); !ok) return ok.error();
  }
  if (auto ok = check_boundary(step.state, request.boundary); !ok) return ok.error();
  const auto tags = tags_with({}, request.tags);
  if (!tags) return tags.error();
  model::IamIdentity row;
  row.name = request.name;
  row.path = request.path;
  row.id = fresh_id(step, of.id);
  row.arn = iam_arn(step, of.arn, request.path, request.name);
  row.boundary = request.boundary;
  row.tags = *tags;
  row.created_at = step.now;
  row.trust = request.trust;
  row.description = request.description;
  row.max_session_seconds = request.max_session_seconds;
  return &table.put(key, std::move(row));
}

Result<void> delete_identity(Step& step, Kind kind, std::string_view name) {
  const auto found = find_to_change(step.state, kind, name);
  if (!found) return found.error();
  const auto conflict = [](const char* what) {
    return fault("DeleteConflict", std::string("Cannot delete entity, must ") + what + " first.");
  };
  if (!(*found)->attached.empty()) return conflict("detach all policies");
  if (!(*found)->inline_policies.empty()) return conflict("delete policies");
  const std::string key = key_of_name(name);
  const Neighbours& all = step.state.neighbours();
  if (kind == Kind::kRole && !profiles_of(step.state, **found).empty())
    return conflict("remove roles from instance profile");
  if (kind == Kind::kUser) {
    if (!(*found)->groups.empty()) return conflict("remove users from group");
    for (const auto& [id, access_key] : all.access_keys.rows()) {
      if (access_key.user == key) return conflict("delete access keys");
    }
  }
  if (kind == Kind::kGroup && !users_of(step.state, **found).empty())
    return conflict("remove users from group");
  rows_of(step, kind).erase(key);
  return {};
}

Result<void> update_role(Step& step, std::string_view name, const RoleUpdate& update) {
  const bool only_description = !update.trust && !update.max_session_seconds;
  const auto found = only_description ? find_identity(step.state, Kind::kRole, name)
                                      : find_to_change(step.state, Kind::kRole, name);
  if (!found) return found.error();
  if (update.trust) {
    if (auto ok = check_trust(step, *update.trust); !ok) return ok;
  }
  rows(step).neighbours().roles.edit(key_of_name(name), [&](model::IamIdentity& row) {
    if (update.description) row.description = *update.description;
    if (update.max_session_seconds) row.max_session_seconds = *update.max_session_seconds;
    if (update.trust) row.trust = *update.trust;
  });
  return {};
}

Result<void> rename_identity(Step& step, Kind kind, std::string_view name,
                             const std::optional<std::string>& new_name,
                             const std::optional<std::string>& new_path) {
  const auto found = find_identity(step.state, kind, name);
  if (!found) return found.error();
  model::IamIdentity row = **found;
  const std::string old_key = key_of_name(name);
  row.name = new_name.value_or(row.name);
  row.path = new_path.value_or(row.path);
  row.arn = iam_arn(step, row_of(kind).arn, row.path, row.name);
  const std::string key = key_of_name(row.name);
  Neighbours& all = rows(step).neighbours();
  Table<model::IamIdentity>& table = rows_of(step, kind);
  if (key != old_key) {
    if (table.find(key) != nullptr || is_built_in(kind, key)) {
      return fault("EntityAlreadyExists",
                   std::string(row_of(kind).title) + " with name " + row.name + " already exists.");
    }
    table.erase(old_key);
    std::vector<std::string> touched;
    if (kind == Kind::kUser) {
      for (const auto& [id, access_key] : all.access_keys.rows()) {
        if (access_key.user == old_key) touched.push_back(id);
      }
      for (const auto& id : touched)
        all.access_keys.edit(id, [&](model::IamAccessKey& each) { each.user = key; });
    } else if (kind == Kind::kGroup) {
      for (const auto& [user_key, user] : all.users.rows()) {
        if (std::count(user.groups.begin(), user.groups.end(), old_key) != 0) touched.push_back(user_key);
      }
      for (const auto& user : touched) {
        all.users.edit(user, [&](model::IamIdentity& each) {
          std::replace(each.groups.begin(), each.groups.end(), old_key, key);
        });
      }
    }
  }
  table.put(key, std::move(row));
  return {};
}

Result<void> set_boundary(Step& step, Kind kind, std::string_view name, const std::string& policy_arn) {
  const auto found = find_to_change(step.state, kind, name);
  if (!found) return found.error();
  if (policy_arn.empty() && (*found)->boundary.empty()) {
    return fault("NoSuchEntity", "The " + std::string(row_of(kind).word) + " with name " + std::string(name) +
                                     " has no permissions boundary.");
  }
  if (auto ok = check_boundary(step.state, policy_arn); !ok) return ok;
  rows_of(step, kind).edit(key_of_name(name), [&](model::IamIdentity& row) { row.boundary = policy_arn; });
  return {};
}

Result<void> tag_identity(Step& step, Kind kind, std::string_view name, const std::vector<model::Tag>& tags) {
  const auto found = find_to_change(step.state, kind, name);
  if (!found) return found.error();
  auto merged = tags_with((*found)->tags, tags);
  if (!merged) return merged.error();
  rows_of(step, kind).edit(key_of_name(name), [&](model::IamIdentity& row) {
    row.tags = *std::move(merged);
  });
  return {};
}

Result<void> untag_identity(Step& step, Kind kind, std::string_view name,
                            const std::vector<std::string>& keys) {
  const auto found = find_to_change(step.state, kind, name);
  if (!found) return found.error();
  rows_of(step, kind).edit(key_of_name(name), [&](model::IamIdentity& row) {
    std::erase_if(row.tags, [&](const model::Tag& tag) {
      return std::find(keys.begin(), keys.end(), tag.key) != keys.end();
    });
  });
  return {};
}

Result<void> put_inline_policy(Step& step, Kind kind, std::string_view name, const std::string& policy_name,
                               const std::string& document) {
  const auto found = find_to_change(step.state, kind, name);
  if (!found) return found.error();
  if (const auto parsed = policy::Document::parse(document, policy::Kind::kIdentity); !parsed)
    return parsed.error();
  std::size_t chars = policy::size_without_blanks(document);
  for (const auto& [other, text] : (*found)->inline_policies) {
    if (other != policy_name) chars += policy::size_without_blanks(text);
  }
  const KindRow& of = row_of(kind);
  if (chars > of.inline_chars) {
    return fault("LimitExceeded", "Maximum policy size of " + std::to_string(of.inline_chars) +
                                      " bytes exceeded for " + std::string(of.word) + " " + (*found)->name);
  }
  rows_of(step, kind).edit(key_of_name(name), [&](model::IamIdentity& row) {
    row.inline_policies[policy_name] = document;
  });
  return {};
}

Result<std::string> inline_policy(const State& state, Kind kind, std::string_view name,
                                  const std::string& policy_name) {
  const auto found = find_identity(state, kind, name);
  if (!found) return found.error();
  const auto it = (*found)->inline_policies.find(policy_name);
  if (it != (*found)->inline_policies.end()) return it->second;
  return fault("NoSuchEntity", "The " + std::string(row_of(kind).word) + " policy with name " + policy_name +
                                   " cannot be found.");
}

Result<void> delete_inline_policy(Step& step, Kind kind, std::string_view name,
                                  const std::string& policy_name) {
  if (const auto found = find_to_change(step.state, kind, name); !found) return found.error();
  if (const auto there = inline_policy(step.state, kind, name, policy_name); !there) return there.error();
  rows_of(step, kind).edit(key_of_name(name), [&](model::IamIdentity& row) {
    row.inline_policies.erase(policy_name);
  });
  return {};
}

Result<void> attach_policy(Step& step, Kind kind, std::string_view name, const std::string& arn) {
  const auto found = find_to_change(step.state, kind, name);
  if (!found) return found.error();
  if (!look_up_policy(step.state, arn)) {
    return fault("NoSuchEntity",
                 "Policy " + arn.substr(0, aws::kQuotedArnBytes) + " does not exist or is not attachable.");
  }
  const std::vector<std::string>& attached = (*found)->attached;
  if (std::find(attached.begin(), attached.end(), arn) != attached.end()) return {};
  if (attached.size() >= kMaxAttached) {
    return fault("LimitExceeded", "Cannot exceed quota for " + std::string(row_of(kind).attached_quota) +
                                      ": " + std::to_string(kMaxAttached));
  }
  rows_of(step, kind).edit(key_of_name(name), [&](model::IamIdentity& row) { row.attached.push_back(arn); });
  return {};
}

Result<void> detach_policy(Step& step, Kind kind, std::string_view name, const std::string& arn) {
  const auto found = find_to_change(step.state, kind, name);
  if (!found) return found.error();
  const std::vector<std::string>& attached = (*found)->attached;
  if (std::find(attached.begin(), attached.end(), arn) == attached.end())
    return fault("NoSuchEntity", "Policy " + arn.substr(0, aws::kQuotedArnBytes) + " was not found.");
  rows_of(step, kind).edit(key_of_name(name), [&](model::IamIdentity& row) {
    std::erase(row.attached, arn);
  });
  return {};
}

Result<void> add_to_group(Step& step, std::string_view user, std::string_view group) {
  if (const auto found = find_identity(step.state, Kind::kGroup, group); !found) return found.error();
  const auto found = find_identity(step.state, Kind::kUser, user);
  if (!found) return found.error();
  const std::string key = key_of_name(group);
  const std::vector<std::string>& groups = (*found)->groups;
  if (std::find(groups.begin(), groups.end(), key) != groups.end()) return {};
  if (groups.size() >= kMaxGroupsOfUser)
    return fault("LimitExceeded",
                 "Cannot exceed quota for GroupsPerUser: " + std::to_string(kMaxGroupsOfUser));
  rows(step).neighbours().users.edit(key_of_name(user),
                                     [&](model::IamIdentity& row) { row.groups.push_back(key); });
  return {};
}

Result<void> remove_from_group(Step& step, std::string_view user, std::string_view group) {
  if (const auto found = find_identity(step.state, Kind::kGroup, group); !found) return found.error();
  const auto found = find_identity(step.state, Kind::kUser, user);
  if (!found) return found.error();
  const std::string key = key_of_name(group);
  if (std::count((*found)->groups.begin(), (*found)->groups.end(), key) == 0) {
    return fault("NoSuchEntity", "The user with name " + std::string(user) + " is not in the group " +
                                     std::string(group) + ".");
  }
  rows(step).neighbours().users.edit(key_of_name(user),
                                     [&](model::IamIdentity& row) { std::erase(row.groups, key); });
  return {};
}

std::vector<const model::IamIdentity*> users_of(const State& state, const model::IamIdentity& group) {
  std::vector<const model::IamIdentity*> out;
  const std::string key = key_of_name(group.name);
  for (const auto& [name, user] : state.neighbours().users.rows()) {
    if (std::find(user.groups.begin(), user.groups.end(), key) != user.groups.end()) out.push_back(&user);
  }
  return out;
}

Result<const model::IamIdentity*> create_service_linked_role(Step& step, const std::string& service,
                                                             const std::string& description,
                                                             const std::string& suffix) {
  const auto* const linked = std::find_if(kLinkedRoles.begin(), kLinkedRoles.end(),
                                          [&](const LinkedRole& each) { return each.service == service; });
  if (linked == kLinkedRoles.end())
    return fault("InvalidInput", "Service-linked roles of " + service.substr(0, aws::kQuotedArnBytes) +
                                     " are not offered here.");
  if (!suffix.empty() && !linked->takes_suffix)
    return fault("InvalidInput", "Custom suffix is not allowed for " + service);
  NewIdentity request;
  request.name = std::string(linked->role) + (suffix.empty() ? "" : "_" + suffix);
  request.path = std::string(kServicePath) + service + "/";
  request.description = description;
  request.trust = R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":")" +
                  service + R"("},"Action":"sts:AssumeRole"}]})";
  auto made = create_identity(step, request);
  if (made || made.error().code() != "EntityAlreadyExists") return made;
  return fault("InvalidInput", "Service role name " + request.name +
                                   " has been taken in this account, please try a different suffix.");
}

Result<void> delete_service_linked_role(Step& step, std::string_view name) {
  const auto found = find_identity(step.state, Kind::kRole, name);
  if (!found) return found.error();
  if (!is_service_linked(Kind::kRole, **found))
    return fault("NoSuchEntity", "The role with name " + std::string(name) + " is no service-linked role.");
  rows(step).neighbours().roles.erase(key_of_name(name));
  return {};
}

}  // namespace agent::control::iam
