#include <algorithm>

#include "agent/control/network/network.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"

namespace agent::control::network {

using shared::Result;

namespace {

shared::Error no_version(const model::LaunchTemplate& row, const std::string& version) {
  return fault("InvalidLaunchTemplateId.VersionNotFound",
               "Could not find launch template version " + version + " of '" + row.id + "'");
}

Result<void> check_size(const NewTemplateVersion& version) {
  if (version.data.size() <= kMaxTemplateBytes) return {};
  return fault("InvalidParameterValue", "LaunchTemplateData has " + std::to_string(version.data.size()) +
                                            " bytes; at most " + std::to_string(kMaxTemplateBytes) +
                                            " are taken");
}

}  // namespace

Result<std::string> create_template(Step& step, const std::string& name, const NewTemplateVersion& version,
                                    const std::string& client_token, const Tags& tags) {
  Neighbours& all = rows(step).neighbours();
  for (const auto& [id, row] : all.launch_templates.rows()) {
    if (row.name != name) continue;
    if (!client_token.empty() && row.client_token == client_token) return id;
    return fault("InvalidLaunchTemplateName.AlreadyExistsException", "Launch template name already in use.");
  }
  if (all.launch_templates.size() >= kMaxTemplates)
    return fault("LaunchTemplateLimitExceeded", "The maximum number of launch templates has been reached.");
  if (auto ok = check_size(version); !ok) return ok.error();
  auto kept = tags_with({}, tags);
  if (!kept) return kept.error();
  model::LaunchTemplate row;
  row.id = fresh_id(step, "lt");
  row.name = name;
  row.client_token = client_token;
  row.created_at = step.now;
  row.versions.push_back({1, version.description, version.data, step.now});
  row.tags = *std::move(kept);
  std::string id = row.id;
  all.launch_templates.put(id, std::move(row));
  return id;
}

Result<const model::LaunchTemplate*> find_template(const State& state, const std::string& id,
                                                   const std::string& name) {
  const auto& table = state.neighbours().launch_templates;
  if (!id.empty()) return find_row(table, "launch-template", id);
  for (const auto& [key, row] : table.rows()) {
    if (row.name == name) return &row;
  }
  return fault("InvalidLaunchTemplateName.NotFoundException",
               "The specified launch template, with template name " + name + ", does not exist.");
}

Result<std::int64_t> create_template_version(Step& step, const std::string& id,
                                             const NewTemplateVersion& version) {
  if (auto ok = check_size(version); !ok) return ok.error();
  Neighbours& all = rows(step).neighbours();
  const auto found = find_row(all.launch_templates, "launch-template", id);
  if (!found) return found.error();
  if ((*found)->versions.size() >= kMaxTemplateVersions)
    return fault("VersionLimitExceeded", "The maximum number of versions of '" + id + "' has been reached.");
  const std::int64_t number = (*found)->versions.back().number + 1;
  all.launch_templates.edit(id, [&](model::LaunchTemplate& row) {
    row.versions.push_back({number, version.description, version.data, step.now});
  });
  return number;
}

Result<const model::LaunchTemplateVersion*> find_template_version(const model::LaunchTemplate& row,
                                                                  const std::string& version) {
  const std::string wanted = version == "$Latest"    ? std::to_string(row.versions.back().number)
                             : version == "$Default" ? std::to_string(row.default_version)
                                                     : version;
  for (const auto& each : row.versions) {
    if (std::to_string(each.number) == wanted) return &each;
  }
  return no_version(row, version);
}

Result<void> set_default_template_version(Step& step, const std::string& id, std::int64_t number) {
  Neighbours& all = rows(step).neighbours();
  const auto found = find_row(all.launch_templates, "launch-template", id);
  if (!found) return found.error();
  if (const auto version = find_template_version(**found, std::to_string(number)); !version)
    return version.error();
  all.launch_templates.edit(id, [&](model::LaunchTemplate& row) { row.default_version = number; });
  return {};
}

Result<void> delete_template_version(Step& step, const std::string& id, std::int64_t number) {
  Neighbours& all = rows(step).neighbours();
  const auto found = find_row(all.launch_templates, "launch-template", id);
  if (!found) return found.error();
  if (const auto version = find_template_version(**found, std::to_string(number)); !version)
    return version.error();
  if (number == (*found)->default_version)
    return fault("OperationNotPermitted",
                 "Cannot delete the default version of a launch template: set another one first.");
  all.launch_templates.edit(id, [&](model::LaunchTemplate& row) {
    std::erase_if(row.versions, [&](const auto& each) { return each.number == number; });
  });
  return {};
}

Result<void> delete_template(Step& step, const std::string& id) {
  Neighbours& all = rows(step).neighbours();
  if (const auto found = find_row(all.launch_templates, "launch-template", id); !found) return found.error();
  all.launch_templates.erase(id);
  return {};
}

}  // namespace agent::control::network
