#include "agent/control/registry/repositories.h"

#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/tag_rules.h"

namespace agent::control::registry {

using shared::Result;

namespace {

Table<model::Repository>& repositories_of(Step& step) { return rows(step).neighbours().repositories; }

}  // namespace

std::string repository_arn(const Settings& settings, std::string_view name) {
  return "arn:" + settings.partition + ":ecr:" + settings.region + ":" + settings.account + ":repository/" +
         std::string(name);
}

Result<const model::Repository*> find_repository(const Step& step, const std::string& name) {
  if (const auto* row = step.state.neighbours().repositories.find(name)) return row;
  return fault("RepositoryNotFoundException", "The repository with name '" + name +
                                                  "' does not exist in the registry with id '" +
                                                  step.settings.account + "'");
}

Result<const model::Repository*> create_repository(Step& step, model::Repository repository) {
  Table<model::Repository>& table = repositories_of(step);
  if (table.find(repository.name) != nullptr)
    return fault("RepositoryAlreadyExistsException", "The repository with name '" + repository.name +
                                                         "' already exists in the registry with id '" +
                                                         step.settings.account + "'");
  if (table.size() >= kMaxRepositories)
    return fault("LimitExceededException",
                 "There may be " + std::to_string(kMaxRepositories) + " repositories.");
  if (auto ok = check_tags(repository.tags); !ok)
    return fault("InvalidTagParameterException", ok.error().text());
  repository.arn = repository_arn(step.settings, repository.name);
  repository.created_at = step.now;
  const std::string name = repository.name;
  return &table.put(name, std::move(repository));
}

void set_repository(Step& step, const model::Repository& repository) {
  repositories_of(step).put(std::string(repository.name), repository);
}

void delete_repository(Step& step, const std::string& name) { repositories_of(step).erase(name); }

Result<void> set_repository_tags(Step& step, const std::string& name, std::vector<model::Tag> tags) {
  if (tags.size() > kMaxTags) return fault("TooManyTagsException", "A repository can have at most 50 tags.");
  if (auto ok = check_tags(tags); !ok) return fault("InvalidTagParameterException", ok.error().text());
  repositories_of(step).edit(name, [&](model::Repository& row) { row.tags = std::move(tags); });
  return {};
}

}  // namespace agent::control::registry
