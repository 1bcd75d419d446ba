#include <algorithm>
#include <charconv>

#include "agent/control/iam/iam.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"
#include "agent/iam/policy/document.h"

namespace agent::control::iam {
namespace {

using shared::Result;
namespace policy = agent::iam::policy;

// AWS's own policies are older than any installation.
constexpr shared::WallTime kManagedSince =
    shared::WallTime(std::chrono::sys_days(std::chrono::year(2019) / 1 / 1));

std::string version_id(std::int64_t number) { return "v" + std::to_string(number); }

std::optional<std::int64_t> number_in(std::string_view id) {
  std::int64_t number = 0;
  if (id.size() < 2 || id[0] != 'v') return std::nullopt;
  const auto [end, error] = std::from_chars(id.data() + 1, id.data() + id.size(), number);
  if (error != std::errc() || end != id.data() + id.size()) return std::nullopt;
  return number;
}

PolicyVersion version_of(const model::IamPolicy& row, const model::IamPolicyVersion& version) {
  return {version_id(version.number), version.document, version.number == row.default_version,
          version.created_at};
}

Result<void> check_document(const std::string& document) {
  if (policy::size_without_blanks(document) > kMaxPolicyChars)
    return fault("LimitExceeded", "Cannot exceed quota for PolicySize: " + std::to_string(kMaxPolicyChars));
  const auto parsed = policy::Document::parse(document, policy::Kind::kIdentity);
  if (!parsed) return parsed.error();
  return {};
}

// The row's key. AWS's own cannot be changed.
Result<std::string> find_own(const State& state, const std::string& arn) {
  const auto found = find_policy(state, arn);
  if (!found) return found.error();
  if (found->own == nullptr)
    return fault("AccessDenied", "The policy " + arn + " is AWS's own and cannot be changed.");
  return key_of_name(found->own->name);
}

Result<std::int64_t> find_version(const model::IamPolicy& row, const std::string& id) {
  const auto number = number_in(id);
  const bool known = number && std::any_of(row.versions.begin(), row.versions.end(),
                                           [&](const auto& each) { return each.number == *number; });
  if (known) return *number;
  return fault("NoSuchEntity",
               "Policy " + row.arn + " version " + id + " does not exist or is not attachable.");
}

template <class Visit>
void each_identity(const State& state, Visit visit) {
  for (const Kind kind : {Kind::kRole, Kind::kUser, Kind::kGroup}) {
    for (const auto& [key, row] : table_of(state, kind).rows()) visit(row);
  }
}

}  // namespace

std::optional<FoundPolicy> look_up_policy(const State& state, std::string_view arn) {
  if (const auto* managed = policy::find_managed(arn)) return FoundPolicy{nullptr, managed};
  const auto* row = state.neighbours().policies.find(key_of_name(arn.substr(arn.rfind('/') + 1)));
  if (row == nullptr || row->arn != arn) return std::nullopt;
  return FoundPolicy{row, nullptr};
}

Result<FoundPolicy> find_policy(const State& state, std::string_view arn) {
  if (auto found = look_up_policy(state, arn)) return *found;
  return fault("NoSuchEntity",
               "Policy " + std::string(arn.substr(0, aws::kQuotedArnBytes)) + " was not found.");
}

std::vector<PolicyVersion> policy_versions(const FoundPolicy& found) {
  if (found.managed != nullptr)
    return {{version_id(found.managed->version), std::string(found.managed->document), true, kManagedSince}};
  std::vector<PolicyVersion> out;
  for (auto it = found.own->versions.rbegin(); it != found.own->versions.rend(); ++it)
    out.push_back(version_of(*found.own, *it));
  return out;
}

Result<PolicyVersion> policy_version(const FoundPolicy& found, std::string_view arn, const std::string& id) {
  for (PolicyVersion& each : policy_versions(found)) {
    if (id.empty() ? each.is_default : each.id == id) return std::move(each);
  }
  return fault("NoSuchEntity",
               "Policy " + std::string(arn) + " version " + id + " does not exist or is not attachable.");
}

std::size_t attachment_count(const State& state, std::string_view arn) {
  std::size_t count = 0;
  each_identity(state, [&](const model::IamIdentity& row) {
    count += static_cast<std::size_t>(std::count(row.attached.begin(), row.attached.end(), arn));
  });
  return count;
}

std::size_t boundary_count(const State& state, std::string_view arn) {
  std::size_t count = 0;
  each_identity(state, [&](const model::IamIdentity& row) { count += row.boundary == arn ? 1U : 0U; });
  return count;
}

Result<const model::IamPolicy*> create_policy(Step& step, const NewPolicy& request) {
  Table<model::IamPolicy>& table = rows(step).neighbours().policies;
  const std::string key = key_of_name(request.name);
  if (table.find(key) != nullptr) {
    return fault("EntityAlreadyExists",
                 "A policy called " + request.name + " already exists. Duplicate names are not allowed.");
  }
  if (table.size() >= kMaxPolicies)
    return fault("LimitExceeded",
                 "Cannot exceed quota for PoliciesPerAccount: " + std::to_string(kMaxPolicies));
  if (auto ok = check_document(request.document); !ok) return ok.error();
  const auto tags = tags_with({}, request.tags);
  if (!tags) return tags.error();
  model::IamPolicy row;
  row.name = request.name;
  row.path = request.path;
  row.id = fresh_id(step, "ANPA");
  row.arn = iam_arn(step, "policy", request.path, request.name);
  row.description = request.description;
  row.versions.push_back({1, request.document, step.now});
  row.tags = *tags;
  row.created_at = row.updated_at = step.now;
  return &table.put(key, std::move(row));
}

Result<void> delete_policy(Step& step, const std::string& arn) {
  const auto key = find_own(step.state, arn);
  if (!key) return key.error();
  if (attachment_count(step.state, arn) != 0 || boundary_count(step.state, arn) != 0)
    return fault("DeleteConflict", "Cannot delete a policy attached to entities.");
  if (step.state.neighbours().policies.find(*key)->versions.size() > 1) {
    return fault("DeleteConflict",
                 "This policy has more than one version. Before you delete a policy, you must delete the "
                 "policy's versions. "
                 "The default version is deleted with the policy.");
  }
  rows(step).neighbours().policies.erase(*key);
  return {};
}

Result<PolicyVersion> create_policy_version(Step& step, const std::string& arn, const std::string& document,
                                            bool set_as_default) {
  const auto key = find_own(step.state, arn);
  if (!key) return key.error();
  if (auto ok = check_document(document); !ok) return ok.error();
  Table<model::IamPolicy>& table = rows(step).neighbours().policies;
  if (table.find(*key)->versions.size() >= kMaxVersions) {
    return fault("LimitExceeded",
                 "A managed policy can have up to " + std::to_string(kMaxVersions) +
                     " versions. Before you create a new version, you must delete an existing version.");
  }
  table.edit(*key, [&](model::IamPolicy& row) {
    row.versions.push_back({row.next_version++, document, step.now});
    if (set_as_default) row.default_version = row.versions.back().number;
    row.updated_at = step.now;
  });
  const model::IamPolicy& row = *table.find(*key);
  return version_of(row, row.versions.back());
}

Result<void> set_default_version(Step& step, const std::string& arn, const std::string& version) {
  const auto key = find_own(step.state, arn);
  if (!key) return key.error();
  const auto number = find_version(*step.state.neighbours().policies.find(*key), version);
  if (!number) return number.error();
  rows(step).neighbours().policies.edit(*key, [&](model::IamPolicy& row) {
    row.default_version = *number;
    row.updated_at = step.now;
  });
  return {};
}

Result<void> delete_policy_version(Step& step, const std::string& arn, const std::string& version) {
  const auto key = find_own(step.state, arn);
  if (!key) return key.error();
  const model::IamPolicy& row = *step.state.neighbours().policies.find(*key);
  const auto number = find_version(row, version);
  if (!number) return number.error();
  if (*number == row.default_version)
    return fault("DeleteConflict", "Cannot delete the default version of a policy.");
  rows(step).neighbours().policies.edit(*key, [&](model::IamPolicy& each) {
    std::erase_if(each.versions, [&](const auto& one) { return one.number == *number; });
    each.updated_at = step.now;
  });
  return {};
}

Result<void> tag_policy(Step& step, const std::string& arn, const std::vector<model::Tag>& tags) {
  const auto key = find_own(step.state, arn);
  if (!key) return key.error();
  auto merged = tags_with(step.state.neighbours().policies.find(*key)->tags, tags);
  if (!merged) return merged.error();
  rows(step).neighbours().policies.edit(*key, [&](model::IamPolicy& row) { row.tags = *std::move(merged); });
  return {};
}

Result<void> untag_policy(Step& step, const std::string& arn, const std::vector<std::string>& keys) {
  const auto key = find_own(step.state, arn);
  if (!key) return key.error();
  rows(step).neighbours().policies.edit(*key, [&](model::IamPolicy& row) {
    std::erase_if(row.tags, [&](const model::Tag& tag) {
      return std::find(keys.begin(), keys.end(), tag.key) != keys.end();
    });
  });
  return {};
}

}  // namespace agent::control::iam
