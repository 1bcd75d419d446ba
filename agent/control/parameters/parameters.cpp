#include "agent/control/parameters/parameters.h"

#include <algorithm>

#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/tag_rules.h"

namespace agent::control::parameters {

using shared::Result;

namespace {

Table<model::Parameter>& table_of(Step& step) { return rows(step).neighbours().parameters; }
shared::Error no_parameter(const std::string& name) {
  return fault("ParameterNotFound", "There is no parameter " + name);
}
shared::Error no_resource(const std::string& name) {
  return fault("InvalidResourceId", "The resource ID is not valid: there is no parameter " + name);
}

bool contains(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

Result<std::vector<model::Tag>> with_tags(const std::vector<model::Tag>& had,
                                          const std::vector<model::Tag>& more) {
  if (auto ok = check_tags(more); !ok) return fault("ValidationException", ok.error().text());
  auto merged = merge_tags(had, more);
  if (merged.size() > kMaxTags) return fault("TooManyTagsError", "A parameter can have at most 50 tags");
  return merged;
}

}  // namespace

const model::Parameter* find_parameter(const State& state, std::string_view name) {
  return state.neighbours().parameters.find(name);
}

const model::ParameterVersion* find_version(const model::Parameter& row, std::string_view selector) {
  if (selector.empty()) return &row.versions.back();
  for (const auto& each : row.versions) {
    if (std::to_string(each.number) == selector || contains(each.labels, std::string(selector))) return &each;
  }
  return nullptr;
}

Result<const model::ParameterVersion*> put_parameter(Step& step, const NewVersion& request) {
  Table<model::Parameter>& table = table_of(step);
  model::ParameterVersion version = request.version;
  version.modified_at = step.now;
  const model::Parameter* found = table.find(request.name);
  if (found == nullptr) {
    if (table.size() >= kMaxParameters)
      return fault("ParameterLimitExceeded",
                   "There may be " + std::to_string(kMaxParameters) + " parameters.");
    auto tags = with_tags({}, request.tags);
    if (!tags) return tags.error();
    version.number = 1;
    return &table.put(request.name, {request.name, {std::move(version)}, *std::move(tags)}).versions.back();
  }
  if (!request.overwrite) {
    return fault("ParameterAlreadyExists",
                 "The parameter already exists. To overwrite this value, set the overwrite option in the "
                 "request to true.");
  }
  if (!request.tags.empty()) {
    return fault("ValidationException",
                 "Invalid request: tags and overwrite can't be used together. To create a parameter with "
                 "tags, please remove "
                 "overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or "
                 "RemoveTagsFromResource.");
  }
  if (found->versions.size() >= kMaxVersions && !found->versions.front().labels.empty()) {
    return fault("ParameterMaxVersionLimitExceeded", "The oldest of " + std::to_string(kMaxVersions) +
                                                         " versions of " + request.name +
                                                         " has a label: move it to another version first.");
  }
  version.number = found->versions.back().number + 1;
  table.edit(request.name, [&](model::Parameter& row) {
    if (row.versions.size() >= kMaxVersions) row.versions.erase(row.versions.begin());
    row.versions.push_back(std::move(version));
  });
  return &table.find(request.name)->versions.back();
}

bool delete_parameter(Step& step, std::string_view name) {
  if (find_parameter(step.state, name) == nullptr) return false;
  table_of(step).erase(name);
  return true;
}

namespace {

// Of a parameter that is there.
Result<const model::ParameterVersion*> numbered_version(const Step& step, const std::string& name,
                                                        std::int64_t version) {
  const auto* row = find_parameter(step.state, name);
  if (row == nullptr) return no_parameter(name);
  if (const auto* found = find_version(*row, std::to_string(version))) return found;
  return fault("ParameterVersionNotFound", "Systems Manager could not find version " +
                                               std::to_string(version) + " of " + name +
                                               ". Verify the version and try again.");
}

}  // namespace

Result<void> add_labels(Step& step, const std::string& name, std::int64_t version,
                        const std::vector<std::string>& labels) {
  const auto found = numbered_version(step, name, version);
  if (!found) return found.error();
  std::vector<std::string> all = (*found)->labels;
  for (const auto& label : labels) {
    if (!contains(all, label)) all.push_back(label);
  }
  if (all.size() > kMaxLabels)
    return fault("ParameterVersionLabelLimitExceeded",
                 "A parameter version can have a maximum of " + std::to_string(kMaxLabels) + " labels.");
  table_of(step).edit(name, [&](model::Parameter& each) {
    for (auto& one : each.versions) {
      std::erase_if(one.labels, [&](const std::string& label) { return contains(labels, label); });
      if (one.number == version) one.labels = all;
    }
  });
  return {};
}

Result<std::vector<std::string>> remove_labels(Step& step, const std::string& name, std::int64_t version,
                                               const std::vector<std::string>& labels) {
  const auto found = numbered_version(step, name, version);
  if (!found) return found.error();
  std::vector<std::string> gone;
  for (const auto& label : labels) {
    if (contains((*found)->labels, label)) gone.push_back(label);
  }
  table_of(step).edit(name, [&](model::Parameter& each) {
    for (auto& one : each.versions) {
      if (one.number == version)
        std::erase_if(one.labels, [&](const std::string& label) { return contains(gone, label); });
    }
  });
  return gone;
}

Result<void> add_parameter_tags(Step& step, const std::string& name, const std::vector<model::Tag>& tags) {
  const auto* row = find_parameter(step.state, name);
  if (row == nullptr) return no_resource(name);
  auto merged = with_tags(row->tags, tags);
  if (!merged) return merged.error();
  table_of(step).edit(name, [&](model::Parameter& each) { each.tags = *std::move(merged); });
  return {};
}

Result<void> remove_parameter_tags(Step& step, const std::string& name,
                                   const std::vector<std::string>& keys) {
  if (find_parameter(step.state, name) == nullptr) return no_resource(name);
  table_of(step).edit(name, [&](model::Parameter& each) {
    std::erase_if(each.tags, [&](const model::Tag& tag) { return contains(keys, tag.key); });
  });
  return {};
}

}  // namespace agent::control::parameters
