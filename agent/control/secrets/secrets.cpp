#include "agent/control/secrets/secrets.h"

#include <algorithm>

#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/tag_rules.h"

namespace agent::control::secrets {

using shared::Result;

namespace {

constexpr std::size_t kSuffixChars = 6;
constexpr std::chrono::hours kDay{24};

Table<model::Secret>& table_of(Step& step) { return rows(step).neighbours().secrets; }

std::string arn_prefix(const Step& step) {
  return "arn:" + step.settings.partition + ":secretsmanager:" + step.settings.region + ":" +
         step.settings.account + ":secret:";
}

bool is_gone(const Step& step, const model::Secret& row) {
  return row.deleted_at != shared::WallTime{} && row.gone_at <= step.now;
}

bool has_stage(const model::SecretVersion& version, const std::string& stage) {
  return std::find(version.stages.begin(), version.stages.end(), stage) != version.stages.end();
}

model::SecretVersion* version_with(model::Secret& row, const std::string& stage) {
  const auto it = std::find_if(row.versions.begin(), row.versions.end(),
                               [&](const auto& each) { return has_stage(each, stage); });
  return it == row.versions.end() ? nullptr : &*it;
}

void take_stage(model::Secret& row, const std::string& stage) {
  for (auto& each : row.versions) std::erase(each.stages, stage);
}

// The former current one becomes the previous one.
void put_stage(model::Secret& row, const std::string& stage, const std::string& id) {
  if (model::SecretVersion* former = version_with(row, stage);
      stage == kCurrent && former != nullptr && former->id != id) {
    take_stage(row, kPrevious);
    former->stages.push_back(kPrevious);
  }
  take_stage(row, stage);
  for (auto& each : row.versions) {
    if (each.id != id) continue;
    if (stage == kCurrent) std::erase(each.stages, kPrevious);
    each.stages.push_back(stage);
  }
}

std::size_t stages_of(const model::Secret& row) {
  std::size_t count = 0;
  for (const auto& each : row.versions) count += each.stages.size();
  return count;
}

void drop_deprecated(model::Secret& row) {
  while (row.versions.size() > kMaxVersions) {
    const auto it = std::find_if(row.versions.begin(), row.versions.end(),
                                 [](const auto& each) { return each.stages.empty(); });
    if (it == row.versions.end()) return;
    row.versions.erase(it);
  }
}

shared::Error no_secret() {
  return fault("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
}

}  // namespace

const model::Secret* look_up_secret(const Step& step, const std::string& id) {
  const auto& table = step.state.neighbours().secrets;
  const model::Secret* row = nullptr;
  if (id.starts_with("arn:")) {
    const std::string prefix = arn_prefix(step);
    if (!id.starts_with(prefix)) return nullptr;
    const std::string rest = id.substr(prefix.size());
    if (rest.size() > kSuffixChars + 1) {
      row = table.find(rest.substr(0, rest.size() - kSuffixChars - 1));
      if (row != nullptr && row->arn != id) row = nullptr;
    }
    if (row == nullptr) row = table.find(rest);
  } else {
    row = table.find(id);
  }
  return row == nullptr || is_gone(step, *row) ? nullptr : row;
}

Result<const model::Secret*> find_secret(const Step& step, const std::string& id) {
  const model::Secret* row = look_up_secret(step, id);
  if (row == nullptr) return no_secret();
  if (row->deleted_at != shared::WallTime{}) {
    return fault("InvalidRequestException",
                 "You can't perform this operation on the secret because it was marked for deletion.");
  }
  return row;
}

Result<const model::SecretVersion*> find_version(const model::Secret& row, const std::string& id,
                                                 const std::string& stage) {
  const std::string wanted = id.empty() && stage.empty() ? kCurrent : stage;
  if (!id.empty()) {
    const auto it = std::find_if(row.versions.begin(), row.versions.end(),
                                 [&](const auto& each) { return each.id == id; });
    if (it == row.versions.end())
      return fault("ResourceNotFoundException",
                   "Secrets Manager can't find the specified secret value for VersionId: " + id);
    if (!wanted.empty() && !has_stage(*it, wanted))
      return fault("InvalidRequestException",
                   "You provided a VersionStage that is not associated to the provided VersionId.");
    return &*it;
  }
  for (const auto& each : row.versions) {
    if (has_stage(each, wanted)) return &each;
  }
  return fault("ResourceNotFoundException",
               "Secrets Manager can't find the specified secret value for staging label: " + wanted);
}

Result<const model::Secret*> create_secret(Step& step, const NewSecret& request) {
  Table<model::Secret>& table = table_of(step);
  if (const model::Secret* found = table.find(request.name); found != nullptr && !is_gone(step, *found)) {
    if (found->deleted_at != shared::WallTime{})
      return fault("InvalidRequestException",
                   "You can't create this secret because a secret with this name is already scheduled for "
                   "deletion.");
    return fault("ResourceExistsException",
                 "The operation failed because the secret " + request.name + " already exists.");
  }
  std::vector<std::string> gone;
  for (const auto& [name, row] : table.rows()) {
    if (is_gone(step, row)) gone.push_back(name);
  }
  for (const std::string& name : gone) table.erase(name);
  if (table.size() >= kMaxSecrets)
    return fault("LimitExceededException", "There may be " + std::to_string(kMaxSecrets) + " secrets.");
  if (auto ok = check_tags(request.tags); !ok) return fault("InvalidParameterException", ok.error().text());
  model::Secret row;
  row.name = request.name;
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  row.arn = arn_prefix(step) + request.name + "-";
  for (std::size_t i = 0; i < kSuffixChars; ++i) row.arn += kLetters[step.random.below(kLetters.size())];
  row.description = request.description;
  row.key_id = request.key_id;
  row.tags = request.tags;
  row.created_at = row.changed_at = step.now;
  return &table.put(request.name, std::move(row));
}

Result<void> add_version(Step& step, const std::string& name, model::SecretVersion version) {
  const model::Secret& found = *step.state.neighbours().secrets.find(name);
  std::vector<std::string> stages = version.stages;
  if (stages.empty()) stages.emplace_back(kCurrent);
  const bool first = found.versions.empty();
  if (first && std::find(stages.begin(), stages.end(), kCurrent) == stages.end())
    stages.emplace_back(kCurrent);
  if (stages_of(found) + stages.size() > kMaxStages + 2)
    return fault("LimitExceededException",
                 "A secret can have at most " + std::to_string(kMaxStages) + " staging labels.");
  version.stages.clear();
  version.created_at = step.now;
  table_of(step).edit(name, [&](model::Secret& row) {
    const std::string id = version.id;
    row.versions.push_back(std::move(version));
    for (const std::string& stage : stages) put_stage(row, stage, id);
    drop_deprecated(row);
    row.changed_at = step.now;
  });
  return {};
}

void update_secret(Step& step, const std::string& name, const SecretUpdate& update) {
  table_of(step).edit(name, [&](model::Secret& row) {
    if (update.description) row.description = *update.description;
    if (update.key_id) row.key_id = *update.key_id;
    row.changed_at = step.now;
  });
}

Result<void> move_stage(Step& step, const std::string& name, const std::string& stage,
                        const std::string& from, const std::string& to) {
  const model::Secret& found = *step.state.neighbours().secrets.find(name);
  for (const std::string* id : {&from, &to}) {
    if (id->empty()) continue;
    if (auto there = find_version(found, *id, ""); !there) return there.error();
  }
  if (from.empty() && to.empty())
    return fault("InvalidParameterException",
                 "You must give a version: MoveToVersionId, RemoveFromVersionId or both.");
  std::string holder;
  for (const auto& each : found.versions) {
    if (has_stage(each, stage)) holder = each.id;
  }
  if (!holder.empty() && holder != to && holder != from) {
    return fault("InvalidParameterException",
                 "The parameter RemoveFromVersionId can't be empty. Staging label " + stage +
                     " is currently attached to version " + holder +
                     ", so you must explicitly reference that version in RemoveFromVersionId.");
  }
  if (!from.empty() && holder != from) {
    return fault("InvalidParameterException",
                 "The staging label " + stage + " is not attached to version " + from + ".");
  }
  if (stage == kCurrent && to.empty())
    return fault("InvalidParameterException",
                 "You can't remove the staging label AWSCURRENT: move it to another version.");
  if (holder.empty() && stages_of(found) >= kMaxStages)
    return fault("LimitExceededException",
                 "A secret can have at most " + std::to_string(kMaxStages) + " staging labels.");
  table_of(step).edit(name, [&](model::Secret& row) {
    if (to.empty())
      take_stage(row, stage);
    else
      put_stage(row, stage, to);
    row.changed_at = step.now;
  });
  return {};
}

void delete_secret(Step& step, const std::string& name, std::optional<std::int64_t> recovery_days) {
  if (!recovery_days) {
    table_of(step).erase(name);
    return;
  }
  table_of(step).edit(name, [&](model::Secret& row) {
    row.deleted_at = step.now;
    row.gone_at = step.now + *recovery_days * kDay;
  });
}

void restore_secret(Step& step, const std::string& name) {
  table_of(step).edit(name, [&](model::Secret& row) { row.deleted_at = row.gone_at = shared::WallTime{}; });
}

Result<void> tag_secret(Step& step, const std::string& name, const std::vector<model::Tag>& tags) {
  if (auto ok = check_tags(tags); !ok) return fault("InvalidParameterException", ok.error().text());
  auto merged = merge_tags(step.state.neighbours().secrets.find(name)->tags, tags);
  if (merged.size() > kMaxTags)
    return fault("InvalidParameterException", "A secret can have at most 50 tags.");
  table_of(step).edit(name, [&](model::Secret& row) { row.tags = std::move(merged); });
  return {};
}

void untag_secret(Step& step, const std::string& name, const std::vector<std::string>& keys) {
  table_of(step).edit(name, [&](model::Secret& row) {
    std::erase_if(row.tags, [&](const model::Tag& tag) {
      return std::find(keys.begin(), keys.end(), tag.key) != keys.end();
    });
  });
}

void set_secret_policy(Step& step, const std::string& name, const std::string& document) {
  table_of(step).edit(name, [&](model::Secret& row) { row.policy = document; });
}

void note_access(Step& step, const std::string& name) {
  const auto day = shared::from_epoch_millis(shared::epoch_millis(step.now) / shared::Millis(kDay).count() *
                                             shared::Millis(kDay).count());
  if (step.state.neighbours().secrets.find(name)->accessed_at == day) return;
  table_of(step).edit(name, [&](model::Secret& row) { row.accessed_at = day; });
}

}  // namespace agent::control::secrets
